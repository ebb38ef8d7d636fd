//! Stacks on which lists grow before they are moved into the tree in one piece, so that a list's elements are
//! neighbours although their parts were parsed in between. Reused for the whole file.

use crate::ast::*;

macro_rules! scratch {
    ($($field:ident: $ty:ty,)*) => {
        #[derive(Default)]
        pub(super) struct Scratch {
            $($field: Vec<$ty>,)*
            /// Elements between parentheses before it is known whether they are parameters or types.
            pub(super) raw_params: Vec<super::decls::RawParam>,
        }
        /// A list element that has a stack.
        pub(super) trait Scratched: Listed + Copy {
            fn stack(scratch: &mut Scratch) -> &mut Vec<Self>;
        }
        $(impl Scratched for $ty {
            #[inline]
            fn stack(scratch: &mut Scratch) -> &mut Vec<Self> {
                &mut scratch.$field
            }
        })*
    };
}

scratch! {
    exprs: ExprId,
    stmts: StmtId,
    idents: Ident,
    args: Arg,
    params: Param,
    tuple_elems: TupleElem,
    chain_links: ChainLink,
    members: Member,
    variants: Variant,
    arms: Arm,
    iters: Iter,
    captures: Capture,
    asm_operands: AsmOperand,
    c_items: CItem,
}
