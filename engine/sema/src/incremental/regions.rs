//! A file's declarations as stretches of text that are compared between its versions.
//!
//! A *region* is a module-level declaration without the bodies of its functions, or one such body. What others can see of a
//! declaration is in the former, so that an edit to a body changes nothing for them.

use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};
use sx_syntax::ast::{Ast, Expr, FuncBody, Member, Range, Stmt};
use sx_syntax::diag::Severity;
use sx_syntax::source::File;
use sx_syntax::span::Span;

/// What kind of declaration a region is, as far as that makes a difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RegionKind {
    Plain,
    /// Its bodies are checked for whoever implements it.
    Protocol,
    Impl,
    /// What it names decides which files there are.
    Import,
    /// `#insert`, which makes declarations, and what imports inside: which of it counts is known after checking only.
    Open,
}

/// A stretch of a file.
#[derive(Debug)]
pub(crate) struct Region {
    /// The same in all versions of the file.
    pub key: u64,
    /// Of the text.
    pub hash: u64,
    pub kind: RegionKind,
    /// The declaration's place among its file's.
    pub item: u32,
    /// A function's body.
    pub is_body: bool,
    pub span: Span,
    /// The bodies inside, which are regions of their own.
    cuts: Vec<Span>,
}

/// All of a file's regions: each declaration's, followed by those of its bodies.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    pub list: Vec<Region>,
    /// Where each declaration's regions begin in the list.
    items: Vec<u32>,
    by_key: FxHashMap<u64, u32>,
    /// The declarations of each name.
    pub names: FxHashMap<Box<str>, Vec<u64>>,
}

impl Region {
    /// An offset's distance from the beginning, not counting bodies.
    fn inside(&self, offset: u32) -> u32 {
        let cut: u32 = self.cuts.iter().filter(|cut| cut.hi <= offset).map(|cut| cut.hi - cut.lo).sum();
        offset.saturating_sub(self.span.lo).saturating_sub(cut)
    }

    /// The reverse.
    pub fn offset(&self, inside: u32) -> u32 {
        let mut offset = self.span.lo + inside;
        for cut in &self.cuts {
            if cut.lo <= offset {
                offset += cut.hi - cut.lo;
            }
        }
        offset
    }
}

impl Regions {
    /// The regions of a parsed file.
    pub fn of(file: &File) -> Regions {
        let mut regions = Regions::default();
        let mut seen: FxHashMap<u64, u32> = FxHashMap::default();
        let errors: Vec<Span> =
            file.diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.loc.span).collect();
        let mut end = 0;
        for &item in &file.ast.items {
            let span = file.ast.stmt_span(item);
            // Behind a syntax error declarations may overlap; the first one has the text.
            let span = Span::new(span.lo.max(end), span.hi.max(end).max(span.lo));
            end = span.hi;
            let (names, kind, cuts) = describe(&file.ast, file.ast.stmt(item));
            let cuts: Vec<Span> = cuts.into_iter().filter(|c| c.lo >= span.lo && c.hi <= span.hi).collect();
            let text = |span: Span| file.text.get(span.lo as usize..span.hi as usize).unwrap_or("");
            let mut id = FxHasher::default();
            match &names[..] {
                [] => (kind as u8, header(&file.ast, file.ast.stmt(item)).map_or(text(span), text))
                    .hash(&mut id),
                names => names.hash(&mut id),
            }
            let imports = kind != RegionKind::Import && text(span).contains("#import");
            let kind = if imports { RegionKind::Open } else { kind };
            let nth = seen.entry(id.finish()).or_default();
            nth.hash(&mut id);
            *nth += 1;
            let base = id.finish();
            regions.items.push(regions.list.len() as u32);
            let at = regions.items.len() as u32 - 1;
            let broken = |part: Span| errors.iter().filter(move |e| e.lo >= part.lo && e.lo <= part.hi);
            let mut whole = FxHasher::default();
            let mut from = span.lo;
            for cut in &cuts {
                text(Span::new(from, cut.lo)).hash(&mut whole);
                from = cut.hi;
            }
            text(Span::new(from.min(span.hi), span.hi)).hash(&mut whole);
            let key = |body: usize| {
                let mut key = FxHasher::default();
                (base, body).hash(&mut key);
                key.finish()
            };
            let own =
                Region { key: key(0), hash: 0, kind, item: at, is_body: false, span, cuts: cuts.clone() };
            // A parser that lost its way may read the same text differently.
            broken(span).for_each(|e| own.inside(e.lo).hash(&mut whole));
            regions.list.push(Region { hash: whole.finish(), ..own });
            for (n, cut) in cuts.into_iter().enumerate() {
                let mut hash = FxHasher::default();
                text(cut).hash(&mut hash);
                broken(cut).for_each(|e| (e.lo - cut.lo).hash(&mut hash));
                let hash = hash.finish();
                let key = key(n + 1);
                regions.list.push(Region {
                    key,
                    hash,
                    kind,
                    item: at,
                    is_body: true,
                    span: cut,
                    cuts: Vec::new(),
                });
            }
            for name in names {
                regions.names.entry(name.into()).or_default().push(key(0));
            }
        }
        regions.by_key = regions.list.iter().enumerate().map(|(n, r)| (r.key, n as u32)).collect();
        regions
    }

    /// The region with a key.
    pub fn by_key(&self, key: u64) -> Option<&Region> {
        self.by_key.get(&key).map(|&at| &self.list[at as usize])
    }

    /// The region around an offset.
    pub fn at(&self, offset: u32) -> Option<u32> {
        let item = self.items.partition_point(|&r| self.list[r as usize].span.lo <= offset).checked_sub(1)?;
        let first = self.items[item];
        if offset > self.list[first as usize].span.hi {
            return None;
        }
        let end = self.items.get(item + 1).map_or(self.list.len(), |&r| r as usize);
        let inside = |r: &Region| r.span.lo <= offset && offset < r.span.hi;
        let body = self.list[first as usize + 1..end].iter().position(inside);
        Some(body.map_or(first, |body| first + 1 + body as u32))
    }

    /// An offset as a region's key and the distance in it.
    pub fn anchor(&self, offset: u32) -> Option<(u64, u32)> {
        let region = &self.list[self.at(offset)? as usize];
        Some((region.key, region.inside(offset)))
    }
}

/// A declaration's names, its kind, and the bodies of its functions.
fn describe<'a>(ast: &'a Ast, stmt: &Stmt) -> (Vec<&'a str>, RegionKind, Vec<Span>) {
    let mut cuts = Vec::new();
    match *stmt {
        Stmt::Const(idx) => {
            let decl = ast.get(idx);
            let kind = match *ast.expr(decl.value) {
                Expr::Func(func) => {
                    cut(ast, ast.get(func).body, &mut cuts);
                    RegionKind::Plain
                }
                Expr::Struct(idx) | Expr::Union(idx) => {
                    cut_members(ast, ast.get(idx).members, &mut cuts);
                    RegionKind::Plain
                }
                Expr::Enum(idx) => {
                    cut_members(ast, ast.get(idx).members, &mut cuts);
                    RegionKind::Plain
                }
                Expr::Protocol(_) => RegionKind::Protocol,
                Expr::Import(_) => RegionKind::Import,
                _ => RegionKind::Plain,
            };
            (vec![ast.name(decl.name.name)], kind, cuts)
        }
        Stmt::Var(idx) => {
            let names = ast.list(ast.get(idx).names).iter().map(|name| ast.name(name.name)).collect();
            (names, RegionKind::Plain, cuts)
        }
        Stmt::Impl(idx) => {
            cut_members(ast, ast.get(idx).members, &mut cuts);
            (Vec::new(), RegionKind::Impl, cuts)
        }
        Stmt::Expr { expr, .. } => {
            let kind = match *ast.expr(expr) {
                Expr::Import(_) => RegionKind::Import,
                Expr::Insert(_) => RegionKind::Open,
                _ => RegionKind::Plain,
            };
            (Vec::new(), kind, cuts)
        }
        _ => (Vec::new(), RegionKind::Plain, cuts),
    }
}

/// What tells a declaration without a name from its neighbours, where that isn't all of it.
fn header(ast: &Ast, stmt: &Stmt) -> Option<Span> {
    match *stmt {
        Stmt::Impl(idx) => {
            let imp = ast.get(idx);
            let (protocol, target) = (ast.expr_span(imp.protocol), ast.expr_span(imp.target));
            Some(protocol.to(target))
        }
        _ => None,
    }
}

fn cut(ast: &Ast, body: FuncBody, cuts: &mut Vec<Span>) {
    if let FuncBody::Block(body) | FuncBody::Arrow(body) = body {
        let span = ast.expr_span(body);
        if cuts.last().is_none_or(|last| last.hi <= span.lo) {
            cuts.push(span);
        }
    }
}

fn cut_members(ast: &Ast, members: Range<Member>, cuts: &mut Vec<Span>) {
    for member in ast.list(members) {
        let Member::Const(idx) = *member else { continue };
        if let Expr::Func(func) = *ast.expr(ast.get(idx).value) {
            cut(ast, ast.get(func).body, cuts);
        }
    }
}
