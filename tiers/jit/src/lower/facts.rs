//! What checks have found out about values, so that none is made twice.
//!
//! Values never change, so what a check has found holds wherever its block dominates.

use cranelift_codegen::ir::Value;
use rustc_hash::{FxHashMap, FxHashSet};
use sx_ir::BlockId;
use sx_ir::cfg::{Cfg, DomTree};

/// What is known, and since which block.
type Known<T> = FxHashMap<T, BlockId>;

pub(super) struct Facts {
    tree: DomTree,
    /// The block that is lowered.
    block: BlockId,
    /// Never null by what they are.
    always: FxHashSet<Value>,
    /// Of elements: what they were counted from. That is what is compared with null.
    roots: FxHashMap<Value, Value>,
    not_null: Known<Value>,
    not_negative: Known<Value>,
    /// Pairs of which the first is at least the second, neither of them negative.
    ordered: Known<(Value, Value)>,
}

impl Facts {
    pub fn new(cfg: &Cfg) -> Facts {
        Facts {
            tree: DomTree::new(cfg),
            block: BlockId(0),
            always: FxHashSet::default(),
            roots: FxHashMap::default(),
            not_null: Known::default(),
            not_negative: Known::default(),
            ordered: Known::default(),
        }
    }
    /// Another block begins.
    pub fn enter(&mut self, block: BlockId) {
        self.block = block;
    }
    fn holds<T: std::hash::Hash + Eq>(&self, known: &Known<T>, fact: &T) -> bool {
        known.get(fact).is_some_and(|&since| self.tree.dominates(since, self.block))
    }
    /// A value is an address that is never null.
    pub fn never_null(&mut self, value: Value) {
        self.always.insert(value);
    }
    /// An element's address was counted from another.
    pub fn counted_from(&mut self, element: Value, base: Value) {
        let root = self.roots.get(&base).copied().unwrap_or(base);
        self.roots.insert(element, root);
    }
    /// What is to be compared with null before this address is used, if anything; from now on it is taken to be compared.
    pub fn check_null(&mut self, address: Value) -> Option<Value> {
        let address = self.roots.get(&address).copied().unwrap_or(address);
        if self.always.contains(&address) || self.holds(&self.not_null, &address) {
            return None;
        }
        self.not_null.insert(address, self.block);
        Some(address)
    }
    /// What was compared with null so far.
    pub fn clone_checked(&self) -> Known<Value> {
        self.not_null.clone()
    }
    /// What is checked from here on was checked on one way only.
    pub fn restore_checked(&mut self, known: Known<Value>) {
        self.not_null = known;
    }
    pub fn is_not_negative(&self, value: Value) -> bool {
        self.holds(&self.not_negative, &value)
    }
    pub fn not_negative(&mut self, value: Value) {
        if !self.is_not_negative(value) {
            self.not_negative.insert(value, self.block);
        }
    }
    /// `0 <= low <= high` was checked.
    pub fn ordered(&mut self, high: Value, low: Value) {
        self.not_negative(high);
        self.not_negative(low);
        self.ordered.insert((high, low), self.block);
    }
    /// A difference was computed.
    pub fn difference(&mut self, value: Value, high: Value, low: Value) {
        if self.holds(&self.ordered, &(high, low)) {
            self.not_negative(value);
        }
    }
}
