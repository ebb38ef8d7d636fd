//! Names, interned for a whole compilation.

use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A name. Two names are the same text exactly when they are the same symbol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Sym(pub u32);

impl Sym {
    /// The empty name.
    pub const EMPTY: Sym = Sym(0);
}

/// Every name of a compilation.
#[derive(Debug)]
pub struct Symbols {
    texts: Vec<Arc<str>>,
    ids: FxHashMap<Arc<str>, Sym>,
}

impl Default for Symbols {
    fn default() -> Symbols {
        let mut symbols = Symbols { texts: Vec::new(), ids: FxHashMap::default() };
        symbols.intern("");
        symbols
    }
}

impl Symbols {
    /// The symbol of a text.
    pub fn intern(&mut self, text: &str) -> Sym {
        if let Some(&sym) = self.ids.get(text) {
            return sym;
        }
        let text: Arc<str> = Arc::from(text);
        let sym = Sym(self.texts.len() as u32);
        self.texts.push(text.clone());
        self.ids.insert(text, sym);
        sym
    }
    /// The symbol of a text that may not have been seen.
    pub fn get(&self, text: &str) -> Option<Sym> {
        self.ids.get(text).copied()
    }
    /// A symbol's text, to keep.
    pub fn shared(&self, sym: Sym) -> Arc<str> {
        self.texts[sym.0 as usize].clone()
    }
    /// A symbol's text.
    pub fn text(&self, sym: Sym) -> &str {
        &self.texts[sym.0 as usize]
    }
}
