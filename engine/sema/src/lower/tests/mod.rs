//! Typed trees by hand, lowered and run.

mod aggregates;
mod calls;
mod cleanup;
mod control;
mod eval;
mod order;
mod quality;
mod scalars;
mod vm;

use super::{LowerCache, LowerCx, lower_body};
use crate::symbols::{Sym, Symbols};
use crate::thir::*;
// Both trees have one.
use crate::thir::Callee;
use crate::types::*;
use bumpalo::Bump;
use eval::{End, Machine};
use std::cell::{Cell, RefCell};
use sx_ir::layout::Target;
use sx_ir::*;
use sx_syntax::span::{FileId, Loc, Span};

const I64: TypeId = TypeId::I64;
const BOOL: TypeId = TypeId::BOOL;
const VOID: TypeId = TypeId::VOID;
const NORETURN: TypeId = TypeId::NORETURN;

/// Makes expressions in an arena, and functions of them.
struct Maker<'b> {
    bump: &'b Bump,
    types: RefCell<Types>,
    module: RefCell<Module>,
    cache: RefCell<LowerCache>,
    symbols: RefCell<Symbols>,
    locals: RefCell<Vec<Local>>,
    params: RefCell<Vec<LocalId>>,
    captures: RefCell<Vec<TypeId>>,
    context: GlobalId,
    log: ExternId,
    loops: Cell<u32>,
    offset: Cell<u32>,
    /// Whether the interpreter runs what is made here, too; not where C functions are needed.
    in_vm: Cell<bool>,
}

fn with<R>(f: impl for<'b> FnOnce(&Maker<'b>) -> R) -> R {
    let bump = Bump::new();
    let mut module = Module::new();
    let init = Data { bytes: 77i64.to_le_bytes().to_vec(), align: 8, relocs: Vec::new() };
    let context = module.add_global(Global { name: "default context".into(), size: 16, init });
    let int = CType::Int { size: 8, signed: true };
    let sig = CSignature { params: vec![int], ret: int, variadic: false };
    let sig = module.sig(Sig::C { sig, fixed: 1 });
    let log = module.add_extern(Extern {
        symbol: "log".into(),
        library: None,
        kind: ExternKind::Func(sig),
        declared: (0, 0),
    });
    f(&Maker {
        bump: &bump,
        types: RefCell::new(Types::new(Target::HOST)),
        module: RefCell::new(module),
        cache: RefCell::default(),
        symbols: RefCell::default(),
        locals: RefCell::default(),
        params: RefCell::default(),
        captures: RefCell::default(),
        context,
        log,
        loops: Cell::new(0),
        offset: Cell::new(0),
        in_vm: Cell::new(true),
    })
}

impl<'b> Maker<'b> {
    fn loc(&self) -> Loc {
        self.offset.set(self.offset.get() + 1);
        Loc::new(FileId(0), Span::at(self.offset.get()))
    }
    fn e(&self, ty: TypeId, kind: Kind<'b>) -> E<'b> {
        self.bump.alloc(Expr { ty, loc: self.loc(), kind })
    }
    fn list<T: Copy>(&self, items: &[T]) -> &'b [T] {
        self.bump.alloc_slice_copy(items)
    }
    fn add_local(&self, ty: TypeId, kind: LocalKind, address_taken: bool, assigned: bool) -> LocalId {
        let mut locals = self.locals.borrow_mut();
        let name = format!("v{}", locals.len());
        locals.push(Local { name: name.into(), ty, kind, address_taken, assigned, loc: self.loc() });
        LocalId(locals.len() as u32 - 1)
    }
    /// A variable that is assigned.
    fn var(&self, ty: TypeId) -> LocalId {
        self.add_local(ty, LocalKind::Value, false, true)
    }
    /// A variable that keeps its first value.
    fn val(&self, ty: TypeId) -> LocalId {
        self.add_local(ty, LocalKind::Value, false, false)
    }
    /// A variable whose address is taken.
    fn taken(&self, ty: TypeId) -> LocalId {
        self.add_local(ty, LocalKind::Value, true, true)
    }
    fn param(&self, ty: TypeId) -> LocalId {
        let local = self.val(ty);
        self.params.borrow_mut().push(local);
        local
    }
    fn get(&self, local: LocalId) -> E<'b> {
        let ty = self.locals.borrow()[local.0 as usize].ty;
        self.e(ty, Kind::Local(local))
    }

    fn int(&self, ty: TypeId, value: i64) -> E<'b> {
        self.e(ty, Kind::Int(value as u64))
    }
    fn i64(&self, value: i64) -> E<'b> {
        self.int(I64, value)
    }
    fn bool(&self, value: bool) -> E<'b> {
        self.int(BOOL, value as i64)
    }
    fn f64(&self, value: f64) -> E<'b> {
        self.e(TypeId::F64, Kind::Float(value))
    }
    fn str(&self, text: &'b str) -> E<'b> {
        self.e(TypeId::STRING, Kind::Str(text.as_bytes()))
    }
    fn zero(&self, ty: TypeId) -> E<'b> {
        self.e(ty, Kind::Zero)
    }
    fn arith(&self, op: Arith, a: E<'b>, b: E<'b>) -> E<'b> {
        self.e(a.ty, Kind::Arith(op, a, b))
    }
    fn add(&self, a: E<'b>, b: E<'b>) -> E<'b> {
        self.arith(Arith::Add, a, b)
    }
    fn cmp(&self, op: Compare, a: E<'b>, b: E<'b>) -> E<'b> {
        self.e(BOOL, Kind::Compare(op, a, b))
    }
    fn cast(&self, cast: Cast, ty: TypeId, e: E<'b>) -> E<'b> {
        self.e(ty, Kind::Cast(cast, e))
    }
    /// Logs a number and gives it.
    fn log(&self, value: E<'b>) -> E<'b> {
        let args = self.list(&[value]);
        self.e(I64, Kind::Call { callee: Callee::Extern(self.log), args })
    }
    fn logs(&self, value: i64) -> E<'b> {
        self.log(self.i64(value))
    }
    fn call(&self, func: FuncId, ret: TypeId, args: &[E<'b>]) -> E<'b> {
        self.e(ret, Kind::Call { callee: Callee::Func(func), args: self.list(args) })
    }
    fn field(&self, ty: TypeId, base: E<'b>, offset: u32) -> E<'b> {
        self.e(ty, Kind::Field { base, offset })
    }
    fn index(&self, base: E<'b>, index: E<'b>) -> E<'b> {
        let elem = self.types.borrow().elem(base.ty).unwrap();
        self.e(elem, Kind::Index { base, index })
    }
    fn aggregate(&self, ty: TypeId, parts: &[(u32, E<'b>)]) -> E<'b> {
        self.e(ty, Kind::Aggregate(self.list(parts)))
    }
    fn array(&self, elems: &[E<'b>]) -> E<'b> {
        let ty = self.types.borrow_mut().array(elems[0].ty, elems.len() as u64);
        self.e(ty, Kind::Array(self.list(elems)))
    }
    fn addr_of(&self, place: E<'b>) -> E<'b> {
        let ty = self.types.borrow_mut().ptr(place.ty);
        self.e(ty, Kind::AddrOf(place))
    }
    fn deref(&self, pointer: E<'b>) -> E<'b> {
        let TypeKind::Ptr(to) = *self.types.borrow().kind(pointer.ty) else { panic!("a pointer") };
        self.e(to, Kind::Deref(pointer))
    }
    fn block(&self, stmts: Vec<Stmt<'b>>, tail: Option<E<'b>>) -> E<'b> {
        let ty = tail.map_or(VOID, |tail| tail.ty);
        self.block_of(ty, stmts, tail)
    }
    fn block_of(&self, ty: TypeId, stmts: Vec<Stmt<'b>>, tail: Option<E<'b>>) -> E<'b> {
        let stmts = self.bump.alloc_slice_fill_iter(stmts);
        self.e(ty, Kind::Block { stmts, tail })
    }
    fn if_(&self, cond: E<'b>, then: E<'b>, else_: Option<E<'b>>) -> E<'b> {
        let ty = match else_ {
            Some(else_) if then.ty == NORETURN => else_.ty,
            Some(_) => then.ty,
            None => VOID,
        };
        self.e(ty, Kind::If { cond, then, else_ })
    }
    fn ret(&self, value: Option<E<'b>>) -> E<'b> {
        self.e(NORETURN, Kind::Return(value))
    }
    fn new_loop(&self) -> LoopId {
        self.loops.set(self.loops.get() + 1);
        LoopId(self.loops.get())
    }
    fn while_(&self, id: LoopId, cond: E<'b>, body: E<'b>) -> E<'b> {
        self.e(VOID, Kind::While { id, cond: Some(cond), body })
    }
    fn for_(&self, id: LoopId, iters: Vec<ForIter<'b>>, body: E<'b>) -> E<'b> {
        let iters = self.bump.alloc_slice_fill_iter(iters);
        self.e(VOID, Kind::For { id, iters, body })
    }
    fn range(&self, var: LocalId, lo: E<'b>, hi: E<'b>, inclusive: bool) -> ForIter<'b> {
        ForIter::Range { var: Some(var), lo, hi: Some(hi), inclusive }
    }
    fn do_(&self, e: E<'b>) -> Stmt<'b> {
        Stmt::Expr(e)
    }
    fn let_(&self, local: LocalId, init: E<'b>) -> Stmt<'b> {
        Stmt::Let { local, init: Some(init) }
    }
    fn set(&self, target: E<'b>, value: E<'b>) -> Stmt<'b> {
        Stmt::Assign { targets: self.list(&[Some(target)]), values: self.list(&[value]) }
    }
    fn add_to(&self, target: E<'b>, value: E<'b>) -> Stmt<'b> {
        Stmt::AssignOp { op: Arith::Add, target, value }
    }

    fn struct_of(&self, fields: &[TypeId]) -> TypeId {
        self.record(fields, false)
    }
    fn union_of(&self, fields: &[TypeId]) -> TypeId {
        self.record(fields, true)
    }
    fn record(&self, fields: &[TypeId], is_union: bool) -> TypeId {
        let loc = self.loc();
        let mut types = self.types.borrow_mut();
        let fields = fields.iter().map(|&ty| Field { name: Sym::EMPTY, ty, using: false, loc }).collect();
        let name = format!("S{}", types.structs.len());
        types.structs.push(StructDef {
            name,
            fields,
            packed: false,
            align: 1,
            is_union,
            complete: true,
            loc,
        });
        let id = StructId(types.structs.len() as u32 - 1);
        types.intern(if is_union { TypeKind::Union(id) } else { TypeKind::Struct(id) })
    }
    fn enum_of(&self, tag: TypeId, variants: &[(i64, Option<TypeId>)]) -> TypeId {
        let loc = self.loc();
        let mut types = self.types.borrow_mut();
        let tagged = variants.iter().any(|variant| variant.1.is_some());
        let variants = variants
            .iter()
            .map(|&(value, payload)| VariantDef { name: Sym::EMPTY, value: value as u64, payload, loc })
            .collect();
        types.enums.push(EnumDef {
            name: "E".into(),
            tag,
            flags: false,
            variants,
            tagged,
            complete: true,
            loc,
        });
        let id = EnumId(types.enums.len() as u32 - 1);
        types.intern(TypeKind::Enum(id))
    }
    /// `T !` and the type of its errors.
    fn failable(&self, value: TypeId) -> (TypeId, TypeId) {
        let mut types = self.types.borrow_mut();
        if types.error_sets.is_empty() {
            types.error_sets.push(ErrorSetDef { name: "E".into(), tags: vec![1, 2, 3], inferred: false });
        }
        let set = ErrorSetId(0);
        (types.failable(value, set), types.intern(TypeKind::ErrorSet(set)))
    }
    fn optional(&self, of: TypeId) -> TypeId {
        self.types.borrow_mut().optional(of)
    }

    /// An id for a function that is made later.
    fn reserve(&self) -> FuncId {
        self.module.borrow_mut().reserve_func()
    }
    fn func(&self, ret: TypeId, root: E<'b>) -> FuncId {
        let id = self.reserve();
        self.define(id, Conv::Sx, ret, root);
        id
    }
    /// Lowers a function with the locals and parameters that were made since the last.
    fn define(&self, id: FuncId, conv: Conv, ret: TypeId, root: E<'b>) {
        let locals = self.locals.take();
        let params = self.params.take();
        let sig = FnSig { params: params.iter().map(|p| locals[p.0 as usize].ty).collect(), ret, conv };
        let body = Body {
            func: id,
            name: format!("f{}", id.0).into(),
            sig,
            inline: false,
            locals,
            params,
            captures: self.captures.take(),
            root,
            loc: self.loc(),
        };
        let symbols = self.symbols.borrow();
        let mut cache = self.cache.borrow_mut();
        if conv == Conv::C {
            cache.declare_c_func(id);
        }
        let mut cx = LowerCx { symbols: &symbols, cache: &mut cache, default_context: self.context };
        let mut module = self.module.borrow_mut();
        let func = lower_body(&mut self.types.borrow_mut(), &mut module, &mut cx, &body);
        if let Err(errors) = verify(&func, &module) {
            panic!("{}: {}", print::print_func(id, &func, None, Default::default()), errors[0]);
        }
        module.define_func(id, func);
    }
    fn text(&self, id: FuncId) -> String {
        let module = self.module.borrow();
        print::print_func(id, module.func(id).unwrap(), None, Default::default())
    }

    /// Runs a function as lowered, and once more after the passes, both here and in the interpreter: all must
    /// do the same.
    fn run(&self, id: FuncId, args: &[u64]) -> Ran {
        let module = self.module.borrow();
        let mut ran = Ran::of(&module, id, args);
        let mut better = module.clone();
        let ids: Vec<FuncId> = (0..better.funcs.len() as u32).map(FuncId).collect();
        passes::optimize(&mut better, &ids, passes::Level::Default);
        let again = Ran::of(&better, id, args);
        assert_eq!((&again.end, &again.log), (&ran.end, &ran.log), "after the passes\n{}", self.text(id));
        if self.in_vm.get() {
            for module in [&*module, &better] {
                let (end, log) = vm::run(module, id, args);
                assert_eq!((&end, &log), (&ran.end, &ran.log), "in the interpreter\n{}", self.text(id));
            }
        }
        ran.text = self.text(id);
        ran
    }
    /// Runs a body without parameters: its result and log.
    fn check(&self, ret: TypeId, root: E<'b>, result: u64, log: &[i64]) {
        let id = self.func(ret, root);
        self.run(id, &[]).gives(&[result], log);
    }
    fn check_traps(&self, ret: TypeId, root: E<'b>, kind: TrapKind) {
        let id = self.func(ret, root);
        self.run(id, &[]).traps(kind);
    }
}

/// What a function did.
#[derive(Debug)]
struct Ran {
    end: End,
    log: Vec<i64>,
    traces: Vec<ErrTrace>,
    steps: u64,
    polls: u64,
    text: String,
}

impl Ran {
    /// `args` come after the context, if the function has the default ABI.
    fn of(module: &Module, id: FuncId, args: &[u64]) -> Ran {
        let mut machine = Machine::new(module);
        let mut all = Vec::new();
        if module.func(id).unwrap().conv == CallConv::Sx {
            all.push(machine.global(GlobalId(0)));
        }
        all.extend(args);
        let end = machine.call(id, &all);
        let (log, traces) = (machine.log, machine.traces);
        Ran { end, log, traces, steps: machine.steps, polls: machine.polls, text: String::new() }
    }
    #[track_caller]
    fn gives(&self, rets: &[u64], log: &[i64]) {
        assert_eq!((&self.end, &self.log[..]), (&End::Returned(rets.to_vec()), log), "{}", self.text);
    }
    #[track_caller]
    fn traps(&self, kind: TrapKind) {
        assert_eq!(self.end, End::Trapped(kind), "{}", self.text);
    }
}
