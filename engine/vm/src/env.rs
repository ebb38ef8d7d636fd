//! What an instance owns, and how calls enter it.

use crate::bytecode::{Op, Word};
use crate::host::{
    CallbackCode, CallbackHandle, ExternResolver, ExternTarget, NativeCaller, NativeInterface,
};
use crate::interp::dispatch;
use crate::interp::state::{Cell, Core, Exit, MIN_WINDOW, Record, State, halt};
use crate::limits::{self, Limits, Meter};
use crate::objects::Block;
use crate::program::{ANY_CLASS, Program};
use crate::stack::Stack;
use crate::trap::{FrameInfo, RawFrame, Trap, Walk};
use rustc_hash::FxHashMap;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use sx_ir::{ExternId, FuncId, TrapKind};

/// The place of a host or C call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub pc: *const Word,
    pub fp: *mut u64,
    pub rp: *mut Record,
    /// Which extern is called.
    pub ext: u32,
}

impl Site {
    /// A call of no extern: through a C pointer.
    pub const NONE: u32 = u32::MAX;
}

/// A call from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveCall {
    /// The host call that it was made from; none of the outermost one.
    pub site: Option<Site>,
}

/// The parts of an instance that handlers don't touch.
pub(crate) struct Environment {
    pub program: Arc<Program>,
    pub cells: Vec<Cell>,
    stubs: Vec<Box<[Word]>>,
    /// How much of the program's journal was applied.
    journal: usize,
    pub objects: Vec<*mut u8>,
    pub blocks: Vec<Block>,
    externs: Vec<Option<ExternTarget>>,
    resolver: Arc<dyn ExternResolver>,
    natives: Arc<dyn NativeInterface>,
    callbacks: FxHashMap<u32, CallbackCode>,
    callers: FxHashMap<u32, Arc<dyn NativeCaller>>,
    pub limits: Limits,
    pub depth: u32,
    deadline: Option<Instant>,
    armed: Option<Instant>,
    pub user: Box<dyn Any + Send>,
    pub meter: Meter,
    pub stack: Option<Stack>,
    /// Calls that wait for code, of which only the last may go on.
    pub suspended: u32,
}

impl Environment {
    pub fn new(
        program: Arc<Program>,
        limits: Limits,
        resolver: Arc<dyn ExternResolver>,
        natives: Arc<dyn NativeInterface>,
        stack: Stack,
    ) -> Environment {
        let meter = Meter::new(limits.memory_bytes);
        Environment {
            program,
            cells: Vec::new(),
            stubs: Vec::new(),
            journal: 0,
            objects: Vec::new(),
            blocks: Vec::new(),
            externs: Vec::new(),
            resolver,
            natives,
            callbacks: FxHashMap::default(),
            callers: FxHashMap::default(),
            limits,
            depth: 0,
            deadline: None,
            armed: None,
            user: Box::new(()),
            meter,
            stack: Some(stack),
            suspended: 0,
        }
    }
    /// The deadline of the running call.
    pub fn set_deadline(&mut self, deadline: Option<Instant>, core: &Arc<Core>) {
        self.deadline = deadline;
        if let Some(deadline) = deadline
            && self.armed.is_none_or(|armed| deadline < armed)
        {
            self.armed = Some(deadline);
            limits::arm(deadline, core);
        }
    }
    /// Answers the timer: true when the deadline has passed. An early timer is armed again.
    pub fn deadline_passed(&mut self, core: *const Core) -> bool {
        self.armed = None;
        let Some(deadline) = self.deadline else { return false };
        if Instant::now() >= deadline {
            return true;
        }
        // SAFETY: a running core is owned by an `Arc`, whose count this borrows.
        let core = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(core) });
        self.set_deadline(Some(deadline), &core);
        false
    }
    /// The symbol of an extern, for call stacks.
    pub fn extern_name(&self, ext: u32) -> Arc<str> {
        if ext == Site::NONE { "C function".into() } else { self.program.extern_symbol(ExternId(ext)) }
    }
    /// Gives every function that has code by now its cell. The caller renews `State::cells`.
    fn grow_cells(&mut self) {
        let program = self.program.clone();
        program.journal(self.journal, |func_limit, entries| {
            let first = self.cells.len();
            if func_limit > first {
                let stubs: Box<[Word]> =
                    (first..func_limit).map(|id| Word::with_w(Op::Need, 0, id as i32)).collect();
                self.cells.extend(stubs.iter().map(|stub| Cell {
                    code: stub,
                    frame_bytes: MIN_WINDOW as u32 * 8,
                    class: ANY_CLASS,
                }));
                self.stubs.push(stubs);
            }
            for (func, cell) in entries {
                self.cells[func.index()] = *cell;
            }
            self.journal += entries.len();
        });
    }
}

/// Takes in what was added to the program: cells, globals, data.
///
/// # Safety
/// The calling thread owns the state, and no handler runs.
pub(crate) unsafe fn grow(core: *const Core) -> Result<(), String> {
    // SAFETY: the caller's promise; references end before code of others runs.
    unsafe {
        let state = (*core).state.get();
        let env = State::env(state);
        (*env).grow_cells();
        (*state).cells = (*env).cells.as_ptr();
        (*state).cell_count = (*env).cells.len() as u64;
        let program = (*env).program.clone();
        let result = crate::objects::instantiate(core, &program);
        (*state).objects = (*env).objects.as_ptr();
        result
    }
}

/// What an extern is, resolved at first use.
///
/// # Safety
/// The calling thread owns the state. The reference is good until the next call of this function.
#[inline]
pub(crate) unsafe fn extern_target<'a>(state: *mut State, ext: ExternId) -> Result<&'a ExternTarget, String> {
    // SAFETY: the caller's promise.
    unsafe {
        let env = State::env(state);
        let externs: *const Vec<Option<ExternTarget>> = &raw const (*env).externs;
        if let Some(Some(target)) = (&(*externs)).get(ext.index()) {
            return Ok(target);
        }
        resolve(&mut *env, ext)
    }
}

#[cold]
#[inline(never)]
fn resolve(env: &mut Environment, ext: ExternId) -> Result<&ExternTarget, String> {
    let target = env.program.with_extern(ext, |ext, sig, shapes| env.resolver.resolve(ext, sig, shapes))?;
    if env.externs.len() <= ext.index() {
        env.externs.resize_with(ext.index() + 1, || None);
    }
    Ok(env.externs[ext.index()].insert(target))
}

/// How function pointers of a C signature are called, made at first use.
///
/// # Safety
/// The calling thread owns the state.
pub(crate) unsafe fn native_caller<'a>(
    state: *mut State,
    sig: u32,
) -> Result<&'a Arc<dyn NativeCaller>, String> {
    // SAFETY: the caller's promise.
    let env: &'a mut Environment = unsafe { &mut (*state).env };
    if !env.callers.contains_key(&sig) {
        let natives = &env.natives;
        let made = env.program.with_c_sig(sig, |sig, fixed, shapes| natives.caller(sig, fixed, shapes))?;
        env.callers.insert(sig, made);
    }
    Ok(&env.callers[&sig])
}

/// The C function pointer of a function, made at first use.
///
/// # Safety
/// The calling thread owns the state.
pub(crate) unsafe fn callback(
    core: *const Core,
    func: FuncId,
    handle: CallbackHandle,
) -> Result<*const (), String> {
    // SAFETY: the caller's promise.
    let env = unsafe { &mut (*(*core).state.get()).env };
    if let Some(made) = env.callbacks.get(&func.0) {
        return Ok(made.code);
    }
    let natives = &env.natives;
    let made = env.program.with_c_func(func, |sig, shapes| natives.callback(handle, sig, shapes))?;
    let code = made.code;
    env.callbacks.insert(func.0, made);
    Ok(code)
}

/// The error return trace.
///
/// # Safety
/// The calling thread owns the state.
pub(crate) unsafe fn error_trace(state: *mut State) -> (Vec<FrameInfo>, usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let trace = &(*state).error_trace;
        let program = &(&(*state).env).program;
        // One entry each: the callers into which the place was inlined say for themselves when the error passes them.
        let frames =
            trace.places.iter().filter_map(|&pc| program.symbolize(&[RawFrame::Code(pc)]).into_iter().next());
        (frames.collect(), trace.omitted as usize)
    }
}

/// Slots that an entry frame without code keeps for its header and arguments.
const ENTRY_ARGS: usize = 256;

thread_local! {
    static TOKEN: u8 = const { 0 };
}

/// A number that no other living thread has; never 0.
#[inline]
fn token() -> usize {
    TOKEN.with(|token| &raw const *token as usize)
}

/// True when this thread runs a call of the instance.
pub(crate) fn owned_here(core: &Core) -> bool {
    core.owner.load(Ordering::Relaxed) == token()
}

/// How a run ended.
pub(crate) enum Ended {
    Done,
    Trap(Trap),
    /// The function has no code; its frame is the innermost.
    Need(FuncId),
}

/// Runs from an instruction until the entry frame returns, traps, or needs code.
///
/// # Safety
/// As for [`dispatch::run`].
pub(crate) unsafe fn run(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> Ended {
    // SAFETY: the caller's promise; no reference into the state lives across the run.
    unsafe {
        let state = (*core).state.get();
        dispatch::run((&(*state).env).limits.fuel.is_some(), pc, fp, core, rp);
        match (*state).exit {
            Exit::Done => Ended::Done,
            Exit::Need(func) => Ended::Need(FuncId(func)),
            Exit::HostTrap => match (*state).host_trap.take() {
                Some(trap) => Ended::Trap(trap),
                None => Ended::Trap(Trap::host("a host function failed")),
            },
            Exit::Trap => Ended::Trap(trap_here(state)),
        }
    }
}

/// As [`run`], for an outermost call.
///
/// # Safety
/// As for [`run`].
pub(crate) unsafe fn run_owned(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> Ended {
    // SAFETY: the caller's promise.
    unsafe {
        (*core).owner.store(token(), Ordering::Relaxed);
        let ended = run(core, pc, fp, rp);
        (*core).owner.store(0, Ordering::Relaxed);
        ended
    }
}

/// The end of the frame that called into the one at `exit_fp`, which has no code: behind its arguments.
///
/// # Safety
/// The frame waits for code.
pub(crate) unsafe fn end_of_caller(state: *mut State) -> *mut u64 {
    // SAFETY: the caller's promise; the record of a waiting frame was written by the call that entered it.
    unsafe {
        let Record { pc: back, fp: caller } = (*state).exit_rp.sub(1).read();
        if back == halt() {
            return (*state).exit_fp.add(ENTRY_ARGS);
        }
        let slots = (&(*state).env).program.frame_slots_at(back.wrapping_sub(1));
        caller.add(slots.next_multiple_of(2))
    }
}

/// A stack overflow found when a frame that waited got its code.
///
/// # Safety
/// The calling thread owns the state; `exit_fp` is the frame.
pub(crate) unsafe fn trap_at_entry(state: *mut State) -> Trap {
    // SAFETY: the caller's promise.
    unsafe {
        let walk = Walk::new(state, halt(), (*state).exit_rp);
        Trap::from_state((*state).kind, [0; 3], false).locate(&(&(*state).env).program, walk)
    }
}

/// The trap that the state describes, with its call stack.
#[cold]
unsafe fn trap_here(state: *mut State) -> Trap {
    // SAFETY: the loop was left with a trap.
    unsafe {
        let walk = Walk::new(state, (*state).exit_pc, (*state).exit_rp);
        let program = &(&(*state).env).program;
        let unsigned = program.checks_unsigned((*state).exit_pc);
        Trap::from_state((*state).kind, (*state).operands, unsigned).locate(program, walk)
    }
}

/// Writes a frame for an entry from outside at the top of the stack, with room for this many results.
///
/// # Safety
/// The calling thread owns the state.
#[inline]
pub(crate) unsafe fn push_entry(
    core: *const Core,
    func: FuncId,
    args: &[u64],
    rets: usize,
) -> Result<Cell, Trap> {
    // SAFETY: the caller's promise.
    unsafe {
        let state = (*core).state.get();
        if func.0 as u64 >= (*state).cell_count {
            return Err(Trap::bad_call(format!("function {func} isn't part of this instance")));
        }
        let cell = *(*state).cells.add(func.index());
        let base = (*state).top;
        let bytes = (cell.frame_bytes as usize).max(args.len().max(rets).max(MIN_WINDOW) * 8);
        // An entry that waits for code keeps room for its arguments.
        let waits = cell.class == ANY_CLASS;
        if waits && args.len() > ENTRY_ARGS {
            return Err(Trap::bad_call(format!("function {func} has too many arguments to be waited for")));
        }
        let bytes = if waits { bytes.max(ENTRY_ARGS * 8) } else { bytes };
        if bytes > (*state).stack_limit - base as usize {
            return Err(no_room(state));
        }
        (*state).records.write(Record { pc: halt(), fp: base });
        for (i, &arg) in args.iter().enumerate() {
            base.add(i).write(arg);
        }
        Ok(cell)
    }
}

/// A stack overflow before any frame was entered.
#[cold]
unsafe fn no_room(state: *mut State) -> Trap {
    // SAFETY: the calling thread owns the state.
    unsafe {
        let trap = Trap::of_kind(TrapKind::StackOverflow, [0; 3]);
        let walk = Walk::entry(state);
        trap.locate(&(&(*state).env).program, walk)
    }
}

/// Calls a function from outside: `site` is the host call that does it, if one does.
///
/// # Safety
/// The calling thread owns the state; with a site, that host call runs.
#[inline]
pub(crate) unsafe fn enter(
    core: *const Core,
    func: FuncId,
    args: &[u64],
    rets: &mut [u64],
    site: Option<Site>,
) -> Result<(), Trap> {
    // SAFETY: the caller's promise.
    unsafe {
        let state = (*core).state.get();
        let env = State::env(state);
        let (outer_top, outer_records, outer_site) = ((*state).top, (*state).records, (*state).site);
        let outermost = (*env).depth == 0;
        if outermost {
            if let Some(time) = (*env).limits.call_time {
                start_clock(core, env, time);
            }
        } else if (*env).depth >= (*env).limits.native_depth {
            return Err(no_room(state));
        }
        let cell = push_entry(core, func, args, rets.len())?;
        if outermost {
            (*core).owner.store(token(), Ordering::Relaxed);
        }
        (*env).depth += 1;
        (*state).active.push(ActiveCall { site });
        let ended = run(core, cell.code, outer_top, outer_records.add(1));
        (*state).active.pop();
        (*env).depth -= 1;
        (*state).top = outer_top;
        (*state).records = outer_records;
        (*state).site = outer_site;
        if outermost {
            (*core).owner.store(0, Ordering::Relaxed);
        }
        match ended {
            Ended::Done => {
                for (i, ret) in rets.iter_mut().enumerate() {
                    *ret = outer_top.add(i).read();
                }
                Ok(())
            }
            Ended::Trap(trap) => Err(trap),
            Ended::Need(func) => {
                let walk = Walk::new(state, halt(), (*state).exit_rp);
                Err(Trap::no_code(func).locate(&(*env).program, walk))
            }
        }
    }
}

#[cold]
unsafe fn start_clock(core: *const Core, env: *mut Environment, time: std::time::Duration) {
    // SAFETY: the instance owns the core through an `Arc`, whose count this borrows.
    unsafe {
        let core = std::mem::ManuallyDrop::new(Arc::from_raw(core));
        (*env).set_deadline(Instant::now().checked_add(time), &core);
    }
}
