//! Diagnostics that stay true when what stands before them is edited.

use super::regions::Regions;
use std::sync::Arc;
use sx_syntax::diag::Diagnostic;
use sx_syntax::source::{File, Sources};
use sx_syntax::span::{FileId, Loc, Span};

/// A file of a session, as far as places in it are concerned.
#[derive(Clone)]
pub(super) struct SessionFile {
    /// What identifies it.
    pub path: Arc<str>,
    pub file: Arc<File>,
    /// None for files of the library.
    pub regions: Option<Arc<Regions>>,
}

/// A place that moves with the region that it is in.
#[derive(Clone, Debug)]
enum Anchor {
    /// Where it begins and ends: a region's key, and the distance in it.
    Region { file: u32, lo: (u64, u32), hi: (u64, u32) },
    /// In a file that isn't edited, or outside of declarations.
    Fixed { file: u32, span: Span },
    /// In inserted text.
    Text { file: Arc<File>, span: Span },
}

/// Something that was found in a region.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub diagnostic: Diagnostic,
    /// Its own place, then those of its labels.
    anchors: Vec<Anchor>,
}

/// What the files of a compilation are in the session.
pub(super) struct FileMap<'a> {
    pub files: &'a [SessionFile],
    pub ids: &'a [Option<u32>],
    pub sources: &'a Sources,
}

impl FileMap<'_> {
    fn anchor(&self, loc: Loc) -> Anchor {
        let Some(file) = self.ids.get(loc.file.0 as usize).copied().flatten() else {
            return Anchor::Text { file: self.sources.get(loc.file).clone(), span: loc.span };
        };
        let fixed = Anchor::Fixed { file, span: loc.span };
        let Some(regions) = &self.files[file as usize].regions else { return fixed };
        let Some(lo) = regions.anchor(loc.span.lo) else { return fixed };
        if loc.span.hi == loc.span.lo {
            return Anchor::Region { file, lo, hi: lo };
        }
        match regions.anchor(loc.span.hi - 1) {
            Some((key, at)) => Anchor::Region { file, lo, hi: (key, at + 1) },
            None => fixed,
        }
    }
    pub fn found(&self, diagnostic: &Diagnostic) -> Found {
        let labels = diagnostic.secondary.iter().map(|label| self.anchor(label.loc));
        let anchors = std::iter::once(self.anchor(diagnostic.loc)).chain(labels).collect();
        Found { diagnostic: diagnostic.clone(), anchors }
    }
}

impl Found {
    /// The regions that its places are in.
    pub fn regions(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.anchors
            .iter()
            .flat_map(|anchor| match *anchor {
                Anchor::Region { file, lo, hi } => [Some((file, lo.0)), Some((file, hi.0))],
                _ => [None, None],
            })
            .flatten()
    }
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == sx_syntax::diag::Severity::Error
    }
    /// With the places of now. Inserted texts become sources behind the files.
    pub fn show(&self, files: &[SessionFile], sources: &mut Sources) -> Diagnostic {
        let mut shown = self.diagnostic.clone();
        let mut locs = self.anchors.iter().map(|anchor| place(anchor, files, sources));
        if let Some(loc) = locs.next() {
            shown.loc = loc;
        }
        for (label, loc) in shown.secondary.iter_mut().zip(locs) {
            label.loc = loc;
        }
        shown
    }
}

fn place(anchor: &Anchor, files: &[SessionFile], sources: &mut Sources) -> Loc {
    match *anchor {
        Anchor::Region { file, lo, hi } => {
            let regions = files[file as usize].regions.as_deref();
            let at = |(key, inside): (u64, u32)| Some(regions?.by_key(key)?.offset(inside));
            let lo_at = at(lo).unwrap_or(0);
            let hi_at = match hi.1.checked_sub(1) {
                Some(last) if hi != lo => at((hi.0, last)).map_or(lo_at, |last| last + 1),
                _ => lo_at,
            };
            Loc::new(FileId(file), Span::new(lo_at, hi_at.max(lo_at)))
        }
        Anchor::Fixed { file, span } => Loc::new(FileId(file), span),
        Anchor::Text { ref file, span } => {
            let known = (files.len()..sources.len()).map(|id| FileId(id as u32));
            let known = known.into_iter().find(|&id| {
                let other = sources.get(id);
                other.path == file.path && other.text == file.text
            });
            Loc::new(known.unwrap_or_else(|| sources.add(file.clone())), span)
        }
    }
}
