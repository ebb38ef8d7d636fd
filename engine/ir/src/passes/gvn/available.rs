//! Which expressions were computed and which checks were made, where, and with what result.

use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;

/// An instruction without its result, and when its operands were assigned last.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Key {
    inst: Inst,
    stamp: u32,
}

/// Stands for every result.
const ANY: Reg = Reg(NONE >> 1);

impl Key {
    pub(super) fn new(mut inst: Inst, stamp: u32) -> Key {
        if let Some(dst) = inst.dst_mut() {
            *dst = ANY;
        }
        Key { inst, stamp }
    }

    /// When the operands were assigned last.
    pub(super) fn stamp(&self) -> u32 {
        self.stamp
    }
}

struct Entry {
    key: Key,
    home: BlockId,
    value: Option<Operand>,
    /// The entry before in the same bucket.
    next: u32,
}

/// A table of keys, sized for one function at a time.
#[derive(Default)]
pub(super) struct Available {
    /// The latest entry of each bucket; as many as a power of two.
    buckets: Vec<u32>,
    entries: Vec<Entry>,
}

impl Available {
    /// Forgets everything; about so many keys will come.
    pub(super) fn reset(&mut self, expected: usize) {
        self.entries.clear();
        self.buckets.clear();
        self.buckets.resize(expected.next_power_of_two().max(16), NONE);
    }

    fn bucket(&self, key: &Key) -> usize {
        let hash = hash(&key.inst) ^ key.stamp as u64;
        // The upper bits of a product depend on all lower ones.
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        mixed as usize & (self.buckets.len() - 1)
    }

    /// The block where the key was entered last, and the result.
    pub(super) fn get(&self, key: &Key) -> Option<(BlockId, Option<Operand>)> {
        let mut at = self.buckets[self.bucket(key)];
        while let Some(entry) = self.entries.get(at as usize) {
            if entry.key == *key {
                return Some((entry.home, entry.value));
            }
            at = entry.next;
        }
        None
    }

    /// Enters a key; it hides what was entered for it before.
    pub(super) fn insert(&mut self, key: Key, home: BlockId, value: Option<Operand>) {
        let bucket = self.bucket(&key);
        let next = std::mem::replace(&mut self.buckets[bucket], self.entries.len() as u32);
        self.entries.push(Entry { key, home, value, next });
    }
}

/// Spreads what keys usually differ in: the operands. Kinds and operations only where those are likely the same.
fn hash(inst: &Inst) -> u64 {
    let pair = |kind: u32, a: Operand, b: Operand| {
        ((a.bits() as u64) << 32 | b.bits() as u64).rotate_left(kind).wrapping_mul(0xff51_afd7_ed55_8ccd)
    };
    let place = |kind: u32, addr: Addr| {
        let (base, number) = match addr.base {
            Base::Reg(base) => (0, base.bits()),
            Base::Slot(slot) => (1, slot.0),
            Base::Global(global) => (2, global.0),
            Base::Data(data) => (3, data.0),
        };
        let place = ((number as u64) << 32 | addr.off as u32 as u64).wrapping_add(base << 29);
        place.rotate_left(kind).wrapping_mul(0xff51_afd7_ed55_8ccd)
    };
    match *inst {
        Inst::Bin { op, a, b, .. } => pair(op as u32, a, b),
        Inst::Cmp { op, a, b, .. } => pair(24 + op as u32, a, b),
        Inst::Un { a, .. } => pair(41, a, a),
        Inst::Conv { op, a, .. } => pair(42 + op as u32, a, a),
        Inst::Select { cond, a, b, .. } => pair(53, a, b) ^ cond.bits() as u64,
        Inst::Splat { a, .. } => pair(61, a, a),
        Inst::Lane { a, lane, .. } => pair(62, a, a) ^ lane as u64,
        Inst::SetLane { a, val, lane, .. } => pair(63, a, val) ^ lane as u64,
        Inst::AddrOf { addr, .. } => place(54, addr),
        Inst::Index { base, index, .. } => pair(55, base, index),
        Inst::Bounds { index, len, .. } => pair(56, index, len),
        Inst::SliceBounds { lo, hi, len, .. } => pair(57, lo, hi) ^ len.bits() as u64,
        Inst::NullCheck { ptr } => pair(58, ptr, ptr),
        Inst::Check { cond, .. } => pair(59, cond, cond),
        Inst::Copy { src, .. } => pair(60, src, src),
        Inst::FuncAddr { func, .. } | Inst::CFuncAddr { func, .. } => func.0 as u64,
        Inst::ExternAddr { ext, .. } => ext.0 as u64,
        // Never asked for.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_entry_counts_and_stamps_tell_apart() {
        let key = |reg: u32, stamp: u32| Key { inst: Inst::NullCheck { ptr: Reg(reg).into() }, stamp };
        let mut available = Available::default();
        available.reset(0);
        for reg in 0..100 {
            available.insert(key(reg, 0), BlockId(reg), None);
        }
        available.insert(key(7, 0), BlockId(1000), Some(Reg(1).into()));
        available.insert(key(7, 1), BlockId(2000), None);
        assert_eq!(available.get(&key(7, 0)), Some((BlockId(1000), Some(Reg(1).into()))));
        assert_eq!(available.get(&key(7, 1)), Some((BlockId(2000), None)));
        assert_eq!(available.get(&key(99, 0)), Some((BlockId(99), None)));
        assert_eq!(available.get(&key(99, 1)), None);
        available.reset(1000);
        assert_eq!(available.get(&key(7, 0)), None);
    }
}
