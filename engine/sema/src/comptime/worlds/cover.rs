//! What lies in memory that is kept: one run of values of one type, in which all else that was seen there can be found.

use crate::sema::Sema;
use crate::types::{TypeId, TypeKind};

/// `count` values of a type, at an offset in a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::comptime) struct Run {
    pub at: u64,
    pub ty: TypeId,
    pub count: u64,
}

/// Types hold types so deep at most.
const MAX_DEPTH: u32 = 256;

impl Sema {
    /// The values that fill a block, if those that were seen in it, in order of their offsets, can be told as such.
    pub(in crate::comptime) fn cover(&mut self, runs: &[Run], size: u64) -> Option<(TypeId, u64)> {
        let runs: Vec<Run> = runs.iter().map(|&run| self.flat(run)).collect();
        let mut cover = *runs.first()?;
        let step = self.types.layout(cover.ty).size as u64;
        for run in &runs {
            if run.ty == cover.ty && step > 0 && run.at % step == 0 {
                cover.count = cover.count.max(run.at / step + run.count);
            }
        }
        let fills = cover.at == 0 && step * cover.count == size;
        let found = fills && runs.iter().all(|run| self.lies_in(cover, *run, 0));
        found.then_some((cover.ty, cover.count))
    }

    /// Arrays as that many of their elements.
    fn flat(&self, mut run: Run) -> Run {
        while let TypeKind::Array(of, len) = *self.types.kind(run.ty) {
            (run.ty, run.count) = (of, run.count.saturating_mul(len));
        }
        run
    }

    /// True when values are there anyway, in others.
    fn lies_in(&mut self, all: Run, wanted: Run, depth: u32) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        let all = self.flat(all);
        let size = self.types.layout(all.ty).size as u64;
        let Some(offset) = wanted.at.checked_sub(all.at).filter(|_| size > 0) else { return false };
        if all.ty == wanted.ty && offset % size == 0 {
            return offset / size + wanted.count <= all.count;
        }
        if offset / size >= all.count {
            return false;
        }
        let at = all.at + offset / size * size;
        let one = |at, ty| Run { at, ty, count: 1 };
        match self.types.kind(all.ty).clone() {
            TypeKind::Struct(_) | TypeKind::Tuple(_) => {
                self.member_types(all.ty).into_iter().enumerate().any(|(index, member)| {
                    let field = self.types.field_offset(all.ty, index) as u64;
                    self.lies_in(one(at + field, member), wanted, depth + 1)
                })
            }
            TypeKind::Optional(of) => self.lies_in(one(at, of), wanted, depth + 1),
            TypeKind::Enum(id) if self.types.enum_def(id).tagged => {
                let payload = self.types.field_offset(all.ty, 1) as u64;
                let types: Vec<TypeId> =
                    self.types.enum_def(id).variants.iter().filter_map(|v| v.payload).collect();
                types.into_iter().any(|ty| self.lies_in(one(at + payload, ty), wanted, depth + 1))
            }
            _ => false,
        }
    }
}
