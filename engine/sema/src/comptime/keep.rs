//! Results that point at other memory: all of what they reach is kept, shared things once, circles as circles.
//!
//! 1. From the result on, by its type, every stretch of memory that typed pointers and slices reach is found.
//! 2. Stretches that overlap become one block each, so that pointers into the middle of something stay so.
//! 3. Each block becomes data; pointers become relocations. Pointers without a type must lead into a block.

use super::leaves::{Leaf, Reader};
use super::worlds::Run;
use crate::sema::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use rustc_hash::{FxHashMap, FxHashSet};
use sx_ir::{Data, DataId, Reloc, RelocTarget};

/// Everything that one result reaches has at most so many bytes.
const MAX_BYTES: u64 = 256 << 20;
/// And consists of at most so many stretches.
const MAX_STRETCHES: usize = 4 << 20;
/// Blocks are aligned for every type.
const ALIGN: u32 = 16;

/// Why a result can't be kept, in words.
pub(super) type Refusal = String;

/// `count` values of a type, one behind the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Stretch {
    pub at: u64,
    pub ty: TypeId,
    pub count: u64,
}

/// Memory that becomes one piece of data.
#[derive(Debug)]
struct Block {
    start: u64,
    end: u64,
    data: DataId,
    stretches: Vec<Stretch>,
}

/// What the machine's own globals and data are, by address.
pub(super) struct Known(Vec<(u64, u64, Held)>);

impl Known {
    pub(super) fn new(mut places: Vec<(u64, u64, Held)>) -> Known {
        places.sort_unstable_by_key(|place| place.0);
        Known(places)
    }
    /// What an address points into, and how far.
    fn find(&self, at: u64) -> Option<(Held, u64)> {
        let index = self.0.partition_point(|place| place.0 <= at).checked_sub(1)?;
        let (start, size, held) = self.0[index];
        (at - start < size || at == start).then_some((held, at - start))
    }
}

impl Sema {
    /// True when values of a type can point at memory other than text and elements of slices.
    pub(super) fn reaches_memory(&mut self, ty: TypeId) -> bool {
        let mut todo = vec![ty];
        let mut seen = FxHashSet::default();
        while let Some(ty) = todo.pop() {
            if !seen.insert(ty) {
                continue;
            }
            self.complete_deep(ty);
            match self.types.kind(ty).clone() {
                TypeKind::Ptr(_)
                | TypeKind::ManyPtr(_)
                | TypeKind::CString
                | TypeKind::Func { .. }
                | TypeKind::Closure { .. }
                | TypeKind::Protocol(_)
                | TypeKind::Any
                | TypeKind::Union(_)
                | TypeKind::SentinelSlice(_) => return true,
                TypeKind::Array(of, _) | TypeKind::Slice(of) | TypeKind::Optional(of) => todo.push(of),
                TypeKind::Struct(_) | TypeKind::Tuple(_) => todo.extend(self.member_types(ty)),
                TypeKind::Enum(id) => {
                    todo.extend(self.types.enum_def(id).variants.iter().filter_map(|v| v.payload));
                }
                _ => {}
            }
        }
        false
    }

    /// Keeps the value at an address with all that it reaches.
    pub(super) fn keep(
        &mut self,
        from: &mut (dyn Comptime + Send),
        ty: TypeId,
        at: u64,
    ) -> Result<CVal, Refusal> {
        let places = from.places(&self.module);
        let places = places.into_iter().filter(|(_, _, held)| match held {
            Held::Global(global) => !self.making.results.contains(global),
            Held::Data(_) => true,
        });
        let known = Known::new(places.collect());
        let root = Stretch { at, ty, count: 1 };
        let stretches = self.find_stretches(from, &known, root)?;
        let mut blocks = self.blocks(stretches);
        for index in 0..blocks.len() {
            let data = self.block_data(from, &known, &blocks, index)?;
            let stretches = std::mem::take(&mut blocks[index].stretches);
            if self.traces.is_some() {
                self.trace_block_of_data(&blocks[index], &stretches);
            }
            let id = blocks[index].data;
            self.module.datas[id.index()] = data;
        }
        let (data, offset) = find_block(&blocks, at).ok_or("the result lies nowhere")?;
        self.frozen_value(data, offset, ty).ok_or_else(|| "the result can't be read".to_string())
    }

    /// Remembers what lies in a block, for another world's layouts.
    fn trace_block_of_data(&mut self, block: &Block, stretches: &[Stretch]) {
        let run = |s: &Stretch| Run { at: s.at - block.start, ty: s.ty, count: s.count };
        let runs: Vec<Run> = stretches.iter().map(run).collect();
        if let Some((ty, count)) = self.cover(&runs, block.end - block.start)
            && let Some(traces) = &mut self.traces
        {
            traces.keeps(block.data, ty, count);
        }
    }

    fn find_stretches(
        &mut self,
        from: &(dyn Comptime + Send),
        known: &Known,
        root: Stretch,
    ) -> Result<FxHashSet<Stretch>, Refusal> {
        let mut found = FxHashSet::default();
        let mut todo = vec![root];
        let mut bytes = 0u64;
        found.insert(root);
        while let Some(stretch) = todo.pop() {
            bytes = bytes.saturating_add(self.size_of_stretch(stretch));
            if bytes > MAX_BYTES || found.len() > MAX_STRETCHES {
                return Err(format!("it reaches more than {} MiB of memory", MAX_BYTES >> 20));
            }
            self.each_leaf(from, stretch, &mut |_, leaf| {
                if let Leaf::Pointer(to) = leaf
                    && known.find(to.at).is_none()
                    && found.insert(to)
                {
                    todo.push(to);
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    pub(super) fn size_of_stretch(&mut self, stretch: Stretch) -> u64 {
        (self.types.layout(stretch.ty).size as u64).saturating_mul(stretch.count)
    }

    /// Brings stretches that overlap together.
    fn blocks(&mut self, stretches: FxHashSet<Stretch>) -> Vec<Block> {
        let mut sorted: Vec<(u64, u64, Stretch)> = stretches
            .into_iter()
            .map(|stretch| (stretch.at, stretch.at.saturating_add(self.size_of_stretch(stretch)), stretch))
            .collect();
        sorted.sort_unstable_by_key(|&(start, end, stretch)| {
            (start, u64::MAX - end, stretch.ty, stretch.count)
        });
        let mut blocks: Vec<Block> = Vec::new();
        for (start, end, stretch) in sorted {
            match blocks.last_mut() {
                Some(block) if start < block.end => {
                    block.end = block.end.max(end);
                    block.stretches.push(stretch);
                }
                _ => {
                    let data = self.module.add_data(Data::default());
                    blocks.push(Block { start, end, data, stretches: vec![stretch] });
                }
            }
        }
        blocks
    }

    /// A block's bytes and relocations. What no stretch covers, padding among it, is zero.
    fn block_data(
        &mut self,
        from: &(dyn Comptime + Send),
        known: &Known,
        blocks: &[Block],
        index: usize,
    ) -> Result<Data, Refusal> {
        let block = &blocks[index];
        let mut bytes = vec![0u8; (block.end - block.start) as usize];
        let mut targets: FxHashMap<u32, (RelocTarget, i64)> = FxHashMap::default();
        let mut texts: Vec<(u32, Vec<u8>)> = Vec::new();
        for &stretch in &block.stretches {
            let base = stretch.at - block.start;
            self.each_leaf(from, stretch, &mut |offset, leaf| {
                let at = base + offset;
                let target = match leaf {
                    Leaf::Bytes(raw) => {
                        bytes[at as usize..at as usize + raw.len()].copy_from_slice(raw);
                        return Ok(());
                    }
                    Leaf::Text(text) => {
                        texts.push((at as u32, text));
                        return Ok(());
                    }
                    Leaf::Func(func) => (RelocTarget::Func(func), 0),
                    Leaf::Pointer(to) => lead(known, blocks, to.at).ok_or("a pointer leads nowhere")?,
                    Leaf::Weak { to, ty } => match lead(known, blocks, to) {
                        Some(target) => target,
                        None => return Err(untyped(ty)),
                    },
                };
                targets.insert(at as u32, target);
                Ok(())
            })?;
        }
        for (at, text) in texts {
            let data = self.module.string(&text);
            targets.insert(at, (RelocTarget::Data(data), 0));
        }
        let mut relocs: Vec<Reloc> =
            targets.into_iter().map(|(offset, (target, addend))| Reloc { offset, target, addend }).collect();
        relocs.sort_unstable_by_key(|reloc| reloc.offset);
        Ok(Data { bytes, align: ALIGN, relocs })
    }

    /// Looks at every scalar and pointer of a stretch.
    fn each_leaf(
        &mut self,
        from: &(dyn Comptime + Send),
        stretch: Stretch,
        f: &mut dyn FnMut(u64, Leaf<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let size = self.types.layout(stretch.ty).size as u64;
        let total = usize::try_from(self.size_of_stretch(stretch)).unwrap_or(usize::MAX);
        let unreadable = || "it points at memory that can't be read".to_string();
        let bytes =
            if total == 0 { Vec::new() } else { from.read(stretch.at, total).ok_or_else(unreadable)? };
        let mut reader = Reader { s: self, from, bytes: &bytes, f };
        for i in 0..if size == 0 { 0 } else { stretch.count } {
            reader.value(stretch.ty, i * size, 0)?;
        }
        Ok(())
    }
}

fn untyped(ty: &'static str) -> Refusal {
    format!(
        "a {ty} in it points at memory that nothing else in it reaches, so that how much of it there is isn't known"
    )
}

fn find_block(blocks: &[Block], at: u64) -> Option<(DataId, u32)> {
    let index = blocks.partition_point(|block| block.start <= at).checked_sub(1)?;
    let block = &blocks[index];
    (at <= block.end).then(|| (block.data, (at - block.start) as u32))
}

/// Where a pointer leads in the program.
fn lead(known: &Known, blocks: &[Block], at: u64) -> Option<(RelocTarget, i64)> {
    if let Some((data, offset)) = find_block(blocks, at) {
        return Some((RelocTarget::Data(data), offset as i64));
    }
    let (held, offset) = known.find(at)?;
    let target = match held {
        Held::Global(global) => RelocTarget::Global(global),
        Held::Data(data) => RelocTarget::Data(data),
    };
    Some((target, offset as i64))
}
