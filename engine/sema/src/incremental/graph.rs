//! What depends on what, kept from one compilation to the next.

use super::found::Found;
use super::regions::{RegionKind, Regions};
use super::watch::{IMPLS, NAMES, RAN};
use rustc_hash::{FxHashMap, FxHashSet};

/// A region, or an instance of something generic.
#[derive(Default)]
pub(super) struct Node {
    /// Its file and key; none for instances, which nobody can ask for but those that use them.
    pub region: Option<(u32, u64)>,
    pub is_impl: bool,
    /// The declaration that a body belongs to.
    pub owner: Option<u32>,
    pub edges: Vec<u32>,
    pub reached: Vec<u32>,
    /// Files and hashes of names that were looked up.
    pub names: Vec<(u32, u64)>,
    pub flags: u8,
    pub found: Vec<Found>,
}

#[derive(Default)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    by_region: FxHashMap<(u32, u64), u32>,
    free: Vec<u32>,
}

/// What an edit has changed.
#[derive(Default)]
pub(super) struct Changes {
    pub regions: FxHashSet<(u32, u64)>,
    /// Names as files look them up.
    pub names: FxHashSet<(u32, u64)>,
    pub any_name: bool,
    /// There is any difference, if only in the order.
    pub any: bool,
    /// The file whose imports are others: what any name means in it may have changed, and which impl is meant.
    pub imports_of: Option<u32>,
}

impl Graph {
    /// Makes nodes for the regions of a file that are new.
    pub fn enter(&mut self, file: u32, regions: &Regions) {
        let mut owner = None;
        for region in &regions.list {
            let known = self.by_region.get(&(file, region.key)).copied();
            let node = known.unwrap_or_else(|| self.instance());
            self.by_region.insert((file, region.key), node);
            if !region.is_body {
                owner = Some(node);
            }
            let entered = &mut self.nodes[node as usize];
            entered.region = Some((file, region.key));
            entered.is_impl = region.kind == RegionKind::Impl && !region.is_body;
            entered.owner = owner.filter(|_| region.is_body);
        }
    }
    /// Forgets what was found in nodes that are checked again.
    pub fn clear(&mut self, dirty: &[bool]) {
        for (node, _) in self.nodes.iter_mut().zip(dirty).filter(|(_, dirty)| **dirty) {
            let Node { region, is_impl, owner, .. } = *node;
            *node = Node { region, is_impl, owner, ..Node::default() };
        }
    }
    pub fn find(&self, region: (u32, u64)) -> Option<u32> {
        self.by_region.get(&region).copied()
    }
    /// A node for an instance.
    pub fn instance(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() as u32 - 1
        })
    }
    /// Forgets a region that isn't there any more.
    pub fn remove(&mut self, region: (u32, u64)) {
        if let Some(node) = self.by_region.remove(&region) {
            self.nodes[node as usize] = Node::default();
        }
    }

    /// All that has to be checked again.
    pub fn dirty(&self, changes: &Changes) -> Vec<bool> {
        let mut dirty: Vec<bool> = self.nodes.iter().map(|node| starts(node, changes)).collect();
        self.complete(&mut dirty);
        dirty
    }

    /// Adds all that ran at compile time; false if it was there.
    pub fn add_runs(&self, dirty: &mut [bool]) -> bool {
        let mut more = false;
        for (node, dirty) in self.nodes.iter().zip(dirty.iter_mut()) {
            more |= node.flags & RAN != 0 && !*dirty;
            *dirty |= node.flags & RAN != 0;
        }
        if more {
            self.complete(dirty);
        }
        more
    }

    /// Adds all that depends on what is marked.
    fn complete(&self, dirty: &mut [bool]) {
        let mut impls = false;
        loop {
            let depends = |node: &Node, dirty: &[bool]| {
                node.edges.iter().chain(&node.owner).any(|&to| dirty[to as usize])
            };
            self.spread(dirty, depends);
            let mut more = false;
            if !impls && self.nodes.iter().zip(&*dirty).any(|(node, &dirty)| node.is_impl && dirty) {
                impls = true;
                for (node, dirty) in self.nodes.iter().zip(dirty.iter_mut()) {
                    more |= node.flags & IMPLS != 0 && !*dirty;
                    *dirty |= node.flags & IMPLS != 0;
                }
            }
            more |= self.spread_to_runs(dirty);
            // A label shows a place that others may have changed.
            for (at, node) in self.nodes.iter().enumerate() {
                let shows = |region| self.find(region).is_none_or(|to| dirty[to as usize]);
                if !dirty[at] && node.found.iter().flat_map(Found::regions).any(shows) {
                    dirty[at] = true;
                    more = true;
                }
            }
            if !more {
                return;
            }
        }
    }

    /// Marks nodes until nothing changes.
    fn spread(&self, marks: &mut [bool], is: impl Fn(&Node, &[bool]) -> bool) {
        loop {
            let mut changed = false;
            for (at, node) in self.nodes.iter().enumerate() {
                if !marks[at] && is(node, marks) {
                    marks[at] = true;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Code that ran at compile time runs again when anything that it reaches has changed.
    fn spread_to_runs(&self, dirty: &mut [bool]) -> bool {
        if self.nodes.iter().all(|node| node.flags & RAN == 0) {
            return false;
        }
        let mut reaching = dirty.to_vec();
        self.spread(&mut reaching, |node, marks| {
            node.edges.iter().chain(&node.reached).any(|&to| marks[to as usize])
        });
        // All that runs shares its variables: one is as all.
        let again =
            self.nodes.iter().zip(&reaching).any(|(node, &reaching)| node.flags & RAN != 0 && reaching);
        again && self.add_runs(dirty)
    }

    /// Forgets instances that no region uses any more.
    pub fn collect(&mut self) {
        let mut used: Vec<bool> = self.nodes.iter().map(|node| node.region.is_some()).collect();
        let mut todo: Vec<u32> = self.by_region.values().copied().collect();
        while let Some(node) = todo.pop() {
            for &to in &self.nodes[node as usize].edges {
                if !std::mem::replace(&mut used[to as usize], true) {
                    todo.push(to);
                }
            }
        }
        self.free.clear();
        for (at, used) in used.into_iter().enumerate() {
            if !used {
                self.nodes[at] = Node::default();
                self.free.push(at as u32);
            }
        }
    }
}

/// True for what an edit concerns at once.
fn starts(node: &Node, changes: &Changes) -> bool {
    node.region.is_some_and(|region| changes.regions.contains(&region))
        || (changes.any_name && node.flags & NAMES != 0)
        || (changes.imports_of.is_some() && node.flags & IMPLS != 0)
        || node.names.iter().any(|name| changes.names.contains(name) || changes.imports_of == Some(name.0))
}
