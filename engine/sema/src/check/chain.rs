//! What led to a generic instance: the calls and types that are shown below an error inside it.

use super::Cx;
use crate::sema::*;
use crate::types::StructId;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use sx_syntax::diag::Diagnostic;
use sx_syntax::span::Loc;

/// So many places of a chain of instances are shown.
const MAX_CHAIN: usize = 8;

/// A link of a chain: where it was asked for, what it is, and how often the place occurs.
type Link = (Loc, Arc<str>, u32);

impl Cx<'_, '_, '_> {
    pub(crate) fn report(&mut self, d: Diagnostic) {
        self.s.report_within(d, self.inside());
    }

    /// What is being checked, for what it asks for.
    pub(crate) fn inside(&self) -> Within {
        Within { inst: self.f.inst, ty: self.f.ty }
    }
}

impl Sema {
    /// Reports with the instances that led there.
    pub(crate) fn report_within(&mut self, mut d: Diagnostic, within: Within) {
        let chain = self.instance_chain(within);
        let hidden = chain.len().saturating_sub(MAX_CHAIN);
        for (at, (loc, label, times)) in chain.into_iter().enumerate() {
            // The instances next to the error and the call that began it all say most.
            if at >= MAX_CHAIN - 1 && at < MAX_CHAIN - 1 + hidden {
                continue;
            }
            let again = if times > 1 { format!(", and {} times more", times - 1) } else { String::new() };
            d = d.also(loc, format!("in `{label}`, required here{again}"));
        }
        if hidden > 0 {
            d = d.note(format!("{hidden} more calls between them aren't shown"));
        }
        self.report(d);
    }

    /// The calls and types that led to what is being checked, innermost first.
    fn instance_chain(&self, mut within: Within) -> Vec<Link> {
        let mut chain: Vec<Link> = Vec::new();
        let mut places: FxHashMap<Loc, usize> = FxHashMap::default();
        while let Some((label, outer, loc)) = self.asked_by(within) {
            within = outer;
            let (Some(label), Some(loc)) = (label, loc) else { continue };
            let at = *places.entry(loc).or_insert(chain.len());
            match chain.get_mut(at) {
                Some(known) => known.2 += 1,
                None => chain.push((loc, label, 1)),
            }
        }
        chain
    }

    /// What asked for an instance, how that is called, and where; none at the end of the chain.
    fn asked_by(&self, within: Within) -> Option<(Option<Arc<str>>, Within, Option<Loc>)> {
        if let Some(id) = within.ty {
            let asked = self.struct_info(id).asked;
            let name = asked.loc.map(|_| super::instance::abridge(&self.types.struct_def(id).name).into());
            return Some((name, asked.within, asked.loc));
        }
        let info = self.inst(within.inst?);
        let (from, loc) = info.from?;
        Some((info.label.clone(), from, Some(loc)))
    }

    /// How many instances led to what is being checked.
    pub(crate) fn chain_depth(&self, mut within: Within) -> u32 {
        let mut depth = 0;
        while let Some((_, outer, _)) = self.asked_by(within) {
            depth += 1;
            within = outer;
        }
        depth
    }
}

/// What is being checked: the body or signature of an instance, or the fields of a type.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Within {
    pub inst: Option<InstId>,
    pub ty: Option<StructId>,
}

/// Who asked for a type first. Without a place, it is part of what asked: a type that a type function makes.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Asked {
    pub within: Within,
    pub loc: Option<Loc>,
}
