//! What stands at a place: its type, its declaration, who uses it.

use super::session::Session;
use super::watch::Watch;
use crate::sema::Sema;
use crate::types::TypeId;
use rustc_hash::FxHashSet;
use std::sync::Arc;
use sx_syntax::span::{FileId, Loc, Span};

/// A place in a file of a session.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// What identifies the file.
    pub path: Arc<str>,
    /// Where in it.
    pub span: Span,
}

impl Session {
    /// The type of the expression at an offset, as users read it.
    pub fn type_at(&mut self, path: &str, offset: u32) -> Option<String> {
        self.probe_at(path, offset, |sema, watch, file| {
            let types = &watch.probe.as_ref()?.types;
            let here = |(loc, ty): &&(Loc, TypeId)| covers(*loc, file, offset) && *ty != TypeId::ERROR;
            // The type that one expression was given last is the one that it is used with.
            let (_, ty) = types.iter().rev().filter(here).min_by_key(|(loc, _)| loc.span.hi - loc.span.lo)?;
            Some(sema.type_name(*ty))
        })
    }

    /// Where the name at an offset is declared.
    pub fn definition_at(&mut self, path: &str, offset: u32) -> Option<Place> {
        Some(self.declared_at(path, offset)?.0)
    }

    /// The declaration, and whether it is a member's, which is found through values, too.
    fn declared_at(&mut self, path: &str, offset: u32) -> Option<(Place, bool)> {
        self.probe_at(path, offset, |sema, watch, file| {
            let declared = declared_at(watch, file, offset)
                .or_else(|| sema.declared_here(file, offset))
                .or_else(|| sema.member_here(file, offset))?;
            let member = sema.member_here(declared.file, declared.span.lo);
            Some((place(sema, declared)?, member.is_some_and(|loc| loc == declared)))
        })
    }

    /// Where the thing whose name stands at an offset is used, in the order of files.
    pub fn references(&mut self, path: &str, offset: u32) -> Vec<Place> {
        let Some((declared, member)) = self.declared_at(path, offset) else { return Vec::new() };
        let users = self.users_of(&declared, member);
        let (sema, watch) = self.probe(&users);
        let Some(&file) = sema.paths.get(&declared.path) else { return Vec::new() };
        let wanted = Loc::new(file, declared.span);
        let uses = watch.probe.iter().flat_map(|probe| &probe.uses);
        let found: FxHashSet<Loc> = uses.filter(|u| u.declared == wanted).map(|u| u.at).collect();
        let mut places: Vec<Place> = found.into_iter().filter_map(|loc| place(&sema, loc)).collect();
        places.sort();
        places
    }

    /// Checks the region around an offset and looks for something there. What is generic is checked only for those who use
    /// it: they are asked next.
    fn probe_at<R>(
        &mut self,
        path: &str,
        offset: u32,
        find: impl Fn(&Sema, &Watch, FileId) -> Option<R>,
    ) -> Option<R> {
        let at = self.files.iter().position(|file| file.path.as_ref() == path)?;
        let regions = self.files[at].regions.clone()?;
        let region = &regions.list[regions.at(offset)? as usize];
        let node = self.graph.find((at as u32, region.key))?;
        let mut wanted = vec![false; self.graph.nodes.len()];
        wanted[node as usize] = true;
        let found = {
            let (sema, watch) = self.probe(&wanted);
            find(&sema, &watch, *sema.paths.get(path)?)
        };
        if found.is_some() {
            return found;
        }
        let here = Place { path: self.files[at].path.clone(), span: Span::at(offset) };
        let wanted = self.users_of(&here, false);
        let (sema, watch) = self.probe(&wanted);
        find(&sema, &watch, *sema.paths.get(path)?)
    }

    /// The regions that look at a declaration, and its own. A member's users needn't: a value of its type comes from
    /// anywhere, so that whatever depends on the type counts.
    fn users_of(&self, declared: &Place, member: bool) -> Vec<bool> {
        let mut wanted = vec![false; self.graph.nodes.len()];
        let file = self.files.iter().position(|file| file.path == declared.path);
        let region = file.and_then(|at| {
            let regions = self.files[at].regions.as_ref()?;
            let own = regions.at(declared.span.lo)?;
            self.graph.find((at as u32, regions.list[own as usize].key))
        });
        let Some(region) = region else { return wanted };
        let mut marked = vec![region];
        wanted[region as usize] = true;
        // Instances can't be asked for: those that use them are.
        while let Some(of) = marked.pop() {
            for (at, node) in self.graph.nodes.iter().enumerate() {
                let depends = node.edges.contains(&of) || (member && node.owner == Some(of));
                if !wanted[at] && depends {
                    wanted[at] = true;
                    if member || node.region.is_none() {
                        marked.push(at as u32);
                    }
                }
            }
        }
        wanted
    }
}

fn covers(loc: Loc, file: FileId, offset: u32) -> bool {
    loc.file == file && loc.span.lo <= offset && offset < loc.span.hi
}

fn declared_at(watch: &Watch, file: FileId, offset: u32) -> Option<Loc> {
    let uses = watch.probe.iter().flat_map(|probe| &probe.uses);
    let here = uses.filter(|u| covers(u.at, file, offset));
    here.min_by_key(|u| u.at.span.hi - u.at.span.lo).map(|u| u.declared)
}

fn place(sema: &Sema, loc: Loc) -> Option<Place> {
    let (path, _) = sema.paths.iter().find(|(_, id)| **id == loc.file)?;
    Some(Place { path: path.clone(), span: loc.span })
}

impl Sema {
    /// The declaration whose own name stands at an offset.
    fn declared_here(&self, file: FileId, offset: u32) -> Option<Loc> {
        let mut here = self.decls.iter().map(|decl| Loc::new(decl.file, decl.span));
        here.find(|&loc| covers(loc, file, offset))
    }
}
