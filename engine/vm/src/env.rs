//! What the executions of an instance share, and how calls enter one.

use crate::block::Block;
use crate::bytecode::{Op, Word};
use crate::fibers;
use crate::host::{
    CallbackCode, CallbackHandle, ExternResolver, ExternTarget, NativeCaller, NativeInterface,
};
use crate::interp::dispatch;
use crate::interp::state::{Cell, Core, Exit, MIN_WINDOW, Record, State, Strand, halt, request};
use crate::limits::{Limits, Meter};
use crate::machine::natives::Shape;
use crate::machine::stubs;
use crate::park::Parking;
use crate::program::{self, ANY_CLASS, Program};
use crate::stack;
use crate::threads::{self, Threads};
use crate::trap::{FrameInfo, RawFrame, Trap, Walk};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::any::Any;
use std::cell::UnsafeCell;
use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
    /// No call out: machine code calls the interpreter.
    pub const TIER: u32 = u32::MAX - 1;

    /// The same, read word by word: as it was written just before. A wider read would wait until that has reached the cache.
    #[inline(always)]
    pub fn by_words(&self) -> Site {
        // SAFETY: these are references' addresses.
        unsafe {
            Site {
                pc: (&raw const self.pc).read_volatile(),
                fp: (&raw const self.fp).read_volatile(),
                rp: (&raw const self.rp).read_volatile(),
                ext: (&raw const self.ext).read_volatile(),
            }
        }
    }
}

/// A call from outside. Lies on the native stack of whoever makes it, and leads to the one that was made before.
#[derive(Debug)]
pub(crate) struct ActiveCall {
    /// The host call that it was made from; none of the outermost one.
    pub site: Option<Site>,
    pub outer: *const ActiveCall,
    /// How many there are on this stack, with this one, that weren't made by machine code.
    pub depth: usize,
}

impl ActiveCall {
    /// A call that is about to be made.
    ///
    /// # Safety
    /// The calling thread owns the strand.
    #[inline]
    pub unsafe fn new(strand: *const Strand, site: Option<Site>) -> ActiveCall {
        // SAFETY: the caller's promise; active calls stay where they are.
        unsafe {
            let outer = (*strand).active;
            let own = usize::from(site.is_none_or(|site| site.ext != Site::TIER));
            ActiveCall { site, outer, depth: Strand::depth(strand) + own }
        }
    }
}

/// What the executions of an instance share. Threads only read it, or go through a lock.
pub(crate) struct Environment {
    pub program: Arc<Program>,
    layout: UnsafeCell<Layout>,
    /// Everything that was looked for, by whichever thread.
    externs: Mutex<Vec<Option<ExternTarget>>>,
    resolver: Arc<dyn ExternResolver>,
    natives: Arc<dyn NativeInterface>,
    callbacks: Mutex<FxHashMap<u32, CallbackCode>>,
    callers: Mutex<FxHashMap<u32, Arc<dyn NativeCaller>>>,
    pub limits: Limits,
    /// Faults of the program's are traps.
    pub faults: bool,
    pub user: UnsafeCell<Box<dyn Any + Send + Sync>>,
    pub meter: Meter,
    pub threads: Arc<Threads>,
    pub parking: Parking,
    pub fiber_tags: fibers::Tags,
    pub locks: fibers::Locks,
    /// How much of the program's machine code was taken up; none before the first.
    machine: Mutex<Option<usize>>,
}

// SAFETY: the layout and the host's data are changed only through `&mut Instance`, while no code runs and there are no
// threads; all else is shared by locks and atomics.
unsafe impl Send for Environment {}
// SAFETY: as above.
unsafe impl Sync for Environment {}

/// Where an instance's functions and objects are. Grows only between calls.
#[derive(Default)]
pub(crate) struct Layout {
    pub cells: Vec<Cell>,
    stubs: Vec<Box<[Word]>>,
    /// How machine code passes arguments and results, by class of the signature.
    pub shapes: Vec<Arc<Shape>>,
    /// How much of the program's journal was applied.
    journal: usize,
    pub objects: Vec<*mut u8>,
    pub blocks: Vec<Block>,
}

impl Environment {
    pub fn new(
        program: Arc<Program>,
        limits: Limits,
        resolver: Arc<dyn ExternResolver>,
        natives: Arc<dyn NativeInterface>,
        faults: bool,
    ) -> Arc<Environment> {
        let meter = Meter::new(limits.memory_bytes);
        Arc::new(Environment {
            program,
            layout: UnsafeCell::default(),
            externs: Mutex::default(),
            resolver,
            natives,
            callbacks: Mutex::default(),
            callers: Mutex::default(),
            limits,
            faults,
            user: UnsafeCell::new(Box::new(())),
            meter,
            threads: Threads::new(),
            parking: Parking::new(),
            fiber_tags: fibers::Tags::default(),
            locks: fibers::Locks::default(),
            machine: Mutex::new(None),
        })
    }
    /// The layout.
    ///
    /// # Safety
    /// Nobody changes it while the reference lives: only [`grow`] does.
    pub unsafe fn layout(&self) -> &Layout {
        // SAFETY: the caller's promise.
        unsafe { &*self.layout.get() }
    }
    /// The layout, to add to.
    pub fn layout_cell(&self) -> *mut Layout {
        self.layout.get()
    }
    /// The host's data.
    pub fn user(&self) -> &(dyn Any + Send + Sync) {
        // SAFETY: changed only through `&mut Instance`, which nobody has while code runs.
        unsafe { &**self.user.get() }
    }
    /// Work is counted.
    pub fn counts(&self) -> bool {
        self.limits.fuel.is_some()
    }
    /// The symbol of an extern, for call stacks.
    pub fn extern_name(&self, ext: u32) -> Arc<str> {
        if ext == Site::NONE { "C function".into() } else { self.program.extern_symbol(ExternId(ext)) }
    }
}

impl Layout {
    /// Gives every function that has code by now its cell. The caller renews `State::cells`.
    fn grow_cells(&mut self, program: &Program) {
        program.journal(self.journal, |func_limit, entries| {
            let first = self.cells.len();
            if func_limit > first {
                let stubs: Box<[Word]> =
                    (first..func_limit).map(|id| Word::with_w(Op::Need, 0, id as i32)).collect();
                let frame = MIN_WINDOW as u32 * 8;
                self.cells
                    .extend(stubs.iter().map(|stub| Cell::new(stub, frame, ANY_CLASS, std::ptr::null())));
                self.stubs.push(stubs);
            }
            for &(func, program::Entry { code, frame_bytes, class }) in entries {
                self.cells[func.index()] = Cell::new(code, frame_bytes, class, std::ptr::null());
            }
            self.journal += entries.len();
        });
    }
    /// Says how arguments travel for the classes of signatures that there are by now.
    fn grow_shapes(&mut self, program: &Program) {
        program.with_classes(|classes| {
            if classes.len() > self.shapes.len() {
                let mut by_class: Vec<_> = classes.iter().collect();
                by_class.sort_unstable_by_key(|&(_, &class)| class);
                let new = &by_class[self.shapes.len()..];
                self.shapes.extend(new.iter().map(|(sig, _)| Arc::new(Shape::of(sig))));
            }
        });
        for (index, cell) in self.cells.iter().enumerate() {
            if cell.machine().is_null()
                && let Some(entry) = stubs::entry(index)
            {
                cell.machine.store(entry.cast_mut(), Ordering::Release);
            }
        }
    }
}

/// Takes in what was added to the program: cells, globals, data.
///
/// # Safety
/// The calling thread owns the instance, and no handler runs.
pub(crate) unsafe fn grow(core: *const Core) -> Result<(), String> {
    // SAFETY: the caller's promise; references end before code of others runs.
    unsafe {
        let state = (*core).state.get();
        let env = shared(state);
        let layout = env.layout_cell();
        (&mut *layout).grow_cells(&env.program);
        (*state).cells = (*layout).cells.as_ptr();
        (*state).cell_count = (*layout).cells.len() as u64;
        env.program.seal();
        (*state).protects = env.faults;
        if env.program.has_tier() {
            (*state).protects = true;
            (&mut *layout).grow_shapes(&env.program);
            let mut taken = env.machine.lock();
            if taken.is_none() {
                env.program.natives(env.counts()).watch(&env.threads);
            }
            // Cells that are new, or belong to functions that were replaced, have nothing of what was taken up before.
            *taken = Some(0);
            drop(taken);
            take_up(env);
        }
        let result = crate::objects::instantiate(core);
        (*state).objects = (*layout).objects.as_ptr();
        result
    }
}

/// Puts machine code that has arrived into the cells.
///
/// # Safety
/// Nobody changes the layout meanwhile.
pub(crate) unsafe fn take_up(env: &Environment) {
    let natives = env.program.natives(env.counts());
    let mut taken = env.machine.lock();
    let Some(known) = taken.as_mut() else { return };
    if !natives.is_behind(*known) {
        return;
    }
    // SAFETY: the caller's promise; what changes in a cell is atomic.
    let cells = unsafe { &env.layout().cells };
    for entry in natives.since(*known) {
        *known += 1;
        let Some(cell) = cells.get(entry.func.index()) else { continue };
        if env.program.is_current(entry.func, entry.version) {
            cell.take_up(entry.turn, entry.code, entry.trampoline);
        }
    }
}

/// What the executions of an instance share.
///
/// # Safety
/// The state outlives the reference.
#[inline(always)]
pub(crate) unsafe fn shared<'a>(state: *const State) -> &'a Environment {
    // SAFETY: the caller's promise.
    unsafe { &*Arc::as_ptr(&(*state).env) }
}

/// What an extern is, resolved at first use.
///
/// # Safety
/// The calling thread owns the state. The reference is good until the next call of this function.
#[inline]
pub(crate) unsafe fn extern_target<'a>(state: *mut State, ext: ExternId) -> Result<&'a ExternTarget, String> {
    // SAFETY: the caller's promise.
    unsafe {
        match known_extern(state, ext) {
            Some(target) => Ok(target),
            None => learn(&mut (*state).externs, shared(state), ext),
        }
    }
}

/// What an extern is, once it was called.
///
/// # Safety
/// As for [`extern_target`].
#[inline]
pub(crate) unsafe fn known_extern<'a>(state: *const State, ext: ExternId) -> Option<&'a ExternTarget> {
    // SAFETY: the caller's promise.
    unsafe {
        let externs: *const Vec<Option<ExternTarget>> = &raw const (*state).externs;
        (&(*externs)).get(ext.index())?.as_ref()
    }
}

/// Asks what all threads know, and the resolver after that.
#[cold]
#[inline(never)]
fn learn<'a>(
    own: &'a mut Vec<Option<ExternTarget>>,
    env: &Environment,
    ext: ExternId,
) -> Result<&'a ExternTarget, String> {
    let resolver = &env.resolver;
    let target = entry(&mut env.externs.lock(), ext.index(), || {
        env.program.with_extern(ext, |ext, sig, shapes| contain(|| resolver.resolve(ext, sig, shapes)))
    })?
    .clone();
    entry(own, ext.index(), || Ok(target))
}

/// Calls what a host gave us where a panic must not get past frames of the program: it becomes the failure's message.
fn contain<T>(make: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| Err(Trap::from_panic(payload).to_string()))
}

/// An entry of a table, made when it is missing.
fn entry<T>(
    table: &mut Vec<Option<T>>,
    index: usize,
    make: impl FnOnce() -> Result<T, String>,
) -> Result<&T, String> {
    if table.len() <= index {
        table.resize_with(index + 1, || None);
    }
    let entry = &mut table[index];
    Ok(match entry {
        Some(known) => known,
        None => entry.insert(make()?),
    })
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
    let (callers, env) = unsafe { (&mut (*state).callers, shared(state)) };
    match callers.entry(sig) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(own) => {
            let mut all = env.callers.lock();
            let made = match all.entry(sig) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let natives = &env.natives;
                    place.insert(env.program.with_c_sig(sig, |sig, fixed, shapes| {
                        contain(|| natives.caller(sig, fixed, shapes))
                    })?)
                }
            };
            Ok(own.insert(made.clone()))
        }
    }
}

/// The C function pointer of a function, made at first use.
pub(crate) fn callback(env: &Environment, func: FuncId, handle: CallbackHandle) -> Result<*const (), String> {
    match env.callbacks.lock().entry(func.0) {
        Entry::Occupied(made) => Ok(made.get().code),
        Entry::Vacant(place) => {
            let natives = &env.natives;
            let made = env
                .program
                .with_c_func(func, |sig, shapes| contain(|| natives.callback(handle, sig, shapes)))?;
            Ok(place.insert(made).code)
        }
    }
}

/// The error return trace.
///
/// # Safety
/// The calling thread owns the state.
pub(crate) unsafe fn error_trace(state: *mut State) -> (Vec<FrameInfo>, usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let trace = &(*state).strand.error_trace;
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
    /// The execution whose code this thread runs, innermost; it leads to those it was called from.
    static RUNNING: std::cell::Cell<*const Core> = const { std::cell::Cell::new(std::ptr::null()) };
}

/// The execution of an instance that this thread runs; none when it runs no code of it.
pub(crate) fn running_here(env: *const Environment) -> Option<*const Core> {
    let mut core = RUNNING.get();
    while !core.is_null() {
        // SAFETY: an execution stays alive while its thread runs it.
        unsafe {
            let state = (*core).state.get();
            if std::ptr::eq(shared(state), env) {
                return Some(core);
            }
            core = (*state).outer;
        }
    }
    None
}

/// The execution on this thread that is in the middle of a bulk operation; null without one. For the fault handler. It need not
/// be the innermost: one that a call of another instance has called back goes on under that one.
#[cfg(sx_faults)]
pub(crate) unsafe fn in_bulk() -> *const Core {
    let mut core = RUNNING.get();
    while !core.is_null() {
        // SAFETY: an execution stays alive while its thread runs it, and belongs to it.
        unsafe {
            let state = (*core).state.get();
            if (&raw const (*state).in_bulk).read_volatile() {
                break;
            }
            core = (*state).outer;
        }
    }
    core
}

/// The execution on this thread whose machine code runs at a place of the native stack; null without one. For the fault
/// handler. It is the one whose recovery point is nearest above: each entry leaves one on the stack that it runs on.
#[cfg(sx_faults)]
pub(crate) unsafe fn in_machine_code(sp: usize) -> *const Core {
    let mut core = RUNNING.get();
    let (mut found, mut nearest) = (std::ptr::null(), usize::MAX);
    while !core.is_null() {
        // SAFETY: an execution stays alive while its thread runs it, and belongs to it.
        unsafe {
            let state = (*core).state.get();
            let recovery = (*state).strand.recovery.sp;
            if recovery > sp && recovery - sp < nearest && !(*state).strand.turn.is_null() {
                (found, nearest) = (core, recovery - sp);
            }
            core = (*state).outer;
        }
    }
    found
}

/// Where the native stack ends that this thread is on. That is a fiber's, perhaps of another instance whose host function
/// called into this one; or the thread's own, or one that a host function made to have more room.
#[inline]
fn native_end() -> usize {
    let here = stack::here();
    let mut core = RUNNING.get();
    while !core.is_null() {
        // SAFETY: an execution stays alive while its thread runs it, and belongs to it; so does the fiber that runs, whose
        // control lies where its native stack begins.
        unsafe {
            let state = (*core).state.get();
            let low = (*state).strand.native_low;
            if (low..(*state).fiber as usize).contains(&here) {
                return low;
            }
            core = (*state).outer;
        }
    }
    stack::native_limit()
}

/// Bytes of native stack that are left where this thread is, also on a fiber's; none where the system doesn't tell.
pub fn native_stack_left() -> Option<usize> {
    match native_end() {
        0 => None,
        end => Some(stack::native_room(end)),
    }
}

/// This thread begins to run an execution.
#[inline]
unsafe fn take_thread(core: *const Core, state: *mut State) {
    // SAFETY: the calling thread owns the state.
    unsafe { (*state).outer = RUNNING.replace(core) };
}

/// It is done with it.
#[inline]
unsafe fn leave_thread(state: *mut State) {
    // SAFETY: as above.
    RUNNING.set(unsafe { (*state).outer });
}

/// How a run ended.
pub(crate) enum Ended {
    Done,
    Trap(Trap),
    /// The function has no code; its frame is the innermost.
    Need(FuncId),
    /// A fiber needs that function's code; the innermost frame has resumed it and does so again.
    Awaits(FuncId),
}

/// Runs from an instruction until the entry frame returns, traps, or needs code.
///
/// # Safety
/// As for [`dispatch::run`].
pub(crate) unsafe fn run(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> Ended {
    // SAFETY: the caller's promise; no reference into the state lives across the run.
    unsafe {
        let state = (*core).state.get();
        let end = native_end();
        let outer_limit = std::mem::replace(&mut (*state).strand.native_limit, end);
        dispatch::run((&(*state).env).limits.fuel.is_some(), pc, fp, core, rp);
        (*state).strand.native_limit = outer_limit;
        match (*state).exit {
            Exit::Done => Ended::Done,
            Exit::Need(func) => Ended::Need(FuncId(func)),
            Exit::Awaits(func) => Ended::Awaits(FuncId(func)),
            Exit::HostTrap => match (*state).strand.host_trap.take() {
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
        let state = (*core).state.get();
        take_thread(core, state);
        let ended = run(core, pc, fp, rp);
        leave_thread(state);
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
        end_of_frame(state, back.wrapping_sub(1), caller)
    }
}

/// The end of a frame, of which an instruction is known.
///
/// # Safety
/// The calling thread owns the state; the instruction is one of the frame's function.
pub(crate) unsafe fn end_of_frame(state: *mut State, pc: *const Word, fp: *mut u64) -> *mut u64 {
    // SAFETY: the caller's promise.
    unsafe { fp.add((&(*state).env).program.frame_slots_at(pc).next_multiple_of(2)) }
}

/// The state's trap, found when a frame that waited got its code.
///
/// # Safety
/// The calling thread owns the state; `exit_rp` is behind the record of the frame.
pub(crate) unsafe fn trap_at_entry(state: *mut State) -> Trap {
    // SAFETY: the caller's promise.
    unsafe {
        let walk = Walk::new(state, halt(), (*state).exit_fp, (*state).exit_rp);
        Trap::from_state((*state).kind, [0; 3], false).locate(&(&(*state).env).program, walk)
    }
}

/// The trap that the loop was left with.
#[cold]
unsafe fn trap_here(state: *mut State) -> Trap {
    // SAFETY: the loop was left with a trap.
    unsafe {
        let unsigned = (&(*state).env).program.checks_unsigned((*state).exit_pc);
        trap_at(state, unsigned)
    }
}

/// The trap that the state describes, with its call stack; `unsigned` says how an index is named.
///
/// # Safety
/// The frames at the place that the state names are there.
#[cold]
pub(crate) unsafe fn trap_at(state: *mut State, unsigned: bool) -> Trap {
    // SAFETY: as above.
    unsafe {
        let walk = Walk::new(state, (*state).exit_pc, (*state).exit_fp, (*state).exit_rp);
        let program = &(&(*state).env).program;
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
) -> Result<*const Word, Trap> {
    // SAFETY: the caller's promise.
    unsafe {
        let state = (*core).state.get();
        if func.0 as u64 >= (*state).cell_count {
            return Err(Trap::bad_call(format!("function {func} isn't part of this instance")));
        }
        let cell = &*(*state).cells.add(func.index());
        let base = (*state).strand.top;
        let bytes = (cell.frame_bytes as usize).max(args.len().max(rets).max(MIN_WINDOW) * 8);
        // An entry that waits for code keeps room for its arguments.
        let waits = cell.class == ANY_CLASS;
        if waits && args.len() > ENTRY_ARGS {
            return Err(Trap::bad_call(format!("function {func} has too many arguments to be waited for")));
        }
        let bytes = if waits { bytes.max(ENTRY_ARGS * 8) } else { bytes };
        // A fiber's stack may end, for now, before the data that it begins with.
        let has_room = |limit: usize| bytes <= limit.saturating_sub(base as usize);
        while !has_room((*state).strand.stack_limit) {
            match fibers::spread(core, (*state).strand.records) {
                Ok(records) => (*state).strand.records = records,
                Err(kind) => return Err(trap_of_entry(state, kind)),
            }
        }
        (*state).strand.records.write(Record { pc: halt(), fp: base });
        for (i, &arg) in args.iter().enumerate() {
            base.add(i).write(arg);
        }
        Ok(cell.code())
    }
}

/// A stack overflow before any frame was entered.
#[cold]
unsafe fn no_room(state: *mut State) -> Trap {
    // SAFETY: the calling thread owns the state.
    unsafe { trap_of_entry(state, TrapKind::StackOverflow) }
}

/// A trap before any frame was entered.
#[cold]
unsafe fn trap_of_entry(state: *mut State, kind: TrapKind) -> Trap {
    // SAFETY: the calling thread owns the state.
    unsafe {
        let trap = Trap::of_kind(kind, [0; 3]);
        let walk = Walk::entry(state);
        trap.locate(&(&(*state).env).program, walk)
    }
}

/// Ends a call from outside: what is below uses the records where they were, and the VM stack as far as these suffice.
///
/// # Safety
/// The calling thread owns the state, which had these when the call began.
#[inline]
pub(crate) unsafe fn gather(core: *const Core, records: *mut Record, limit: usize, small: *mut Record) {
    // SAFETY: the caller's promise.
    unsafe {
        let strand = &raw mut (*(*core).state.get()).strand;
        (*strand).records = records;
        if (*strand).small != small {
            (*core).move_guard((*strand).stack_limit, limit);
            ((*strand).stack_limit, (*strand).small) = (limit, small);
        }
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
        let env = shared(state);
        let strand = &raw mut (*state).strand;
        let (outer_top, outer_records, outer_site) = ((*strand).top, (*strand).records, (*strand).site);
        let (outer_limit, outer_small) = ((*strand).stack_limit, (*strand).small);
        let depth = Strand::depth(strand);
        let outermost = depth == 0;
        if outermost {
            if let Some(time) = env.limits.call_time {
                env.threads.set_deadline(Instant::now().checked_add(time));
            }
        } else if depth >= env.limits.native_depth as usize && site.is_none_or(|site| site.ext != Site::TIER)
        {
            return Err(no_room(state));
        }
        if stack::native_room(native_end()) < stack::ENTRY_RESERVE {
            return Err(no_room(state));
        }
        let code = match push_entry(core, func, args, rets.len()) {
            Ok(code) => code,
            Err(trap) => {
                gather(core, outer_records, outer_limit, outer_small);
                return Err(trap);
            }
        };
        if outermost {
            take_thread(core, state);
            begin_root(state);
            if (*state).protects {
                env.program.natives(env.counts()).begin();
            }
        }
        let call = ActiveCall::new(strand, site);
        (*strand).active = &raw const call;
        let ended = run(core, code, outer_top, (*strand).records.add(1));
        (*strand).active = call.outer;
        (*strand).top = outer_top;
        (*strand).site = outer_site;
        gather(core, outer_records, outer_limit, outer_small);
        if outermost {
            leave_thread(state);
        }
        let result = match ended {
            Ended::Done => {
                for (i, ret) in rets.iter_mut().enumerate() {
                    *ret = outer_top.add(i).read();
                }
                Ok(())
            }
            Ended::Trap(trap) => Err(trap),
            // A fiber doesn't wait when it was resumed below an entry like this one.
            Ended::Need(func) | Ended::Awaits(func) => {
                let walk = Walk::new(state, halt(), (*state).exit_fp, (*state).exit_rp);
                Err(Trap::no_code(func).locate(&env.program, walk))
            }
        };
        if !outermost {
            return result;
        }
        let result = if env.threads.is_involved() { threads::finish(core, result) } else { result };
        if result.is_err() {
            fibers::kill_root(core, (*state).root);
        }
        result
    }
}

/// Calls the function that a thread begins with.
///
/// # Safety
/// The calling thread owns the execution, in which nothing has run.
pub(crate) unsafe fn enter_first(core: *const Core, func: FuncId, args: &[u64]) -> Ended {
    // SAFETY: the caller's promise.
    unsafe {
        let state = (*core).state.get();
        take_thread(core, state);
        let ended = enter_fresh(core, func, args);
        leave_thread(state);
        fibers::close(core);
        ended
    }
}

/// Calls a function on a stack on which nothing has run: that of a thread or a fiber.
///
/// # Safety
/// The calling thread owns the execution and runs it; the strand is that stack's.
pub(crate) unsafe fn enter_fresh(core: *const Core, func: FuncId, args: &[u64]) -> Ended {
    // SAFETY: the caller's promise.
    unsafe {
        let strand = &raw mut (*(*core).state.get()).strand;
        let top = (*strand).top;
        let code = match push_entry(core, func, args, 0) {
            Ok(code) => code,
            Err(trap) => return Ended::Trap(trap),
        };
        run_base(core, code, top, (*strand).records.add(1))
    }
}

/// Runs from an instruction as the first call that stands on a stack.
///
/// # Safety
/// As for [`run`]; no other call stands on the stack.
pub(crate) unsafe fn run_base(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> Ended {
    // SAFETY: the caller's promise.
    unsafe {
        let strand = &raw mut (*(*core).state.get()).strand;
        let call = ActiveCall::new(strand, None);
        (*strand).active = &raw const call;
        let ended = run(core, pc, fp, rp);
        (*strand).active = call.outer;
        ended
    }
}

/// Names a new outermost call, which runs from now on.
///
/// # Safety
/// The calling thread owns the state.
pub(crate) unsafe fn begin_root(state: *mut State) {
    // SAFETY: the caller's promise.
    unsafe {
        (*state).last_root += 1;
        (*state).root = (*state).last_root;
    }
}

/// Where the interpreter is that answers a request.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    pub pc: *const Word,
    pub rp: *const Record,
}

/// How many callers of an interpreted function are noted with it.
const SAMPLED_CALLERS: usize = 6;

/// Notes which functions are being interpreted.
#[cold]
unsafe fn sample(env: &Environment, at: Option<Running>) {
    let mut functions = SmallVec::<[FuncId; 1 + SAMPLED_CALLERS]>::new();
    if let Some(Running { mut pc, mut rp }) = at {
        while functions.len() <= SAMPLED_CALLERS {
            functions.extend(env.program.function_at(pc));
            // SAFETY: the entry's own record, which returns to `halt`, is the last that is reached.
            pc = unsafe {
                rp = rp.sub(1);
                (*rp).pc
            };
            if pc == halt() {
                break;
            }
            pc = pc.wrapping_sub(1);
        }
    }
    let polls = |at: &Running| dispatch::is_poll(at.pc);
    let at = at.filter(polls).and_then(|at| env.program.word_at(at.pc));
    env.program.natives(env.counts()).sample(&functions, at);
}

/// Answers what is asked of an execution: the trap that ends it, none if it may go on.
///
/// # Safety
/// The calling thread owns the state.
pub(crate) unsafe fn answer(core: *const Core, at: Option<Running>) -> Option<TrapKind> {
    // SAFETY: the caller's promise.
    unsafe {
        let (core, state) = (&*core, (*core).state.get());
        core.open_guards();
        let requests = core.requests.swap(0, Ordering::SeqCst);
        if requests & request::STOP != 0 {
            // It holds until the host call has ended.
            core.requests.fetch_or(request::STOP, Ordering::SeqCst);
            core.close_guards();
            return Some(TrapKind::Canceled);
        }
        if requests & request::TIER != 0 {
            take_up(shared(state));
            sample(shared(state), at);
            (*state).looks = true;
        }
        if requests & request::CANCEL != 0 {
            return Some(TrapKind::Canceled);
        }
        if requests & request::DEADLINE != 0 && shared(state).threads.is_late() {
            return Some(TrapKind::Deadline);
        }
        None
    }
}
