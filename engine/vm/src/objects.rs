//! Memory of globals and data: laid out by the program, once per program or once per instance.
//!
//! Data without addresses of instance things is shared: it gets its address when code that names it is compiled. Globals,
//! and data that (however indirectly) points at a global, a C callback or a symbol, are *objects*: numbered in the program,
//! allocated in every instance. Objects never move; an instance that grows allocates another block. Data is constant: where
//! faults of programs are traps, it lies in pages that can't be written.

use crate::block::{Arena, Block};
use crate::env;
use crate::host;
use crate::interp::state::Core;
use crate::program::Program;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use sx_ir::{Data, DataId, GlobalId, Module, RelocTarget};

/// Where the bytes of a piece of data are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// At an address that all instances share.
    Shared(usize),
    /// In each instance.
    Object(u32),
}

/// An object: what each instance allocates.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub size: usize,
    pub init: Arc<Data>,
    /// It is data, not a global.
    pub constant: bool,
}

/// The layout of a program's globals and data.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub list: Vec<Object>,
    globals: FxHashMap<u32, u32>,
    datas: FxHashMap<u32, Place>,
    shared: Arena,
}

impl Objects {
    /// An empty layout; `protected` data can't be written.
    pub fn new(protected: bool) -> Objects {
        Objects { shared: Arena::new(protected), ..Objects::default() }
    }
    /// True when data is protected.
    pub fn is_protected(&self) -> bool {
        self.shared.is_protected()
    }
    /// Protects the data that came since the last time.
    pub fn seal(&mut self) {
        self.shared.seal();
    }
    /// True when there is data that isn't protected yet.
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }
    /// The object of a global.
    pub fn global(&mut self, module: &Module, id: GlobalId) -> Result<u32, String> {
        if let Some(&object) = self.globals.get(&id.0) {
            return Ok(object);
        }
        let global =
            module.globals.get(id.index()).ok_or_else(|| format!("global {id} isn't in the module"))?;
        let object = self.list.len() as u32;
        self.globals.insert(id.0, object);
        let size = (global.size as usize).max(global.init.bytes.len());
        self.list.push(Object { size, init: Arc::new(global.init.clone()), constant: false });
        for reloc in &global.init.relocs {
            self.reach(module, reloc.target)?;
        }
        Ok(object)
    }
    /// The globals that were laid out, with their objects.
    pub fn known_globals(&self) -> impl Iterator<Item = (GlobalId, u32)> {
        self.globals.iter().map(|(&id, &object)| (GlobalId(id), object))
    }
    /// The data that was laid out.
    pub fn known_datas(&self) -> impl Iterator<Item = (DataId, Place)> {
        self.datas.iter().map(|(&id, &place)| (DataId(id), place))
    }
    /// The object of a global that was laid out.
    pub fn known_global(&self, id: GlobalId) -> Option<u32> {
        self.globals.get(&id.0).copied()
    }
    /// Where a piece of data is that was laid out.
    pub fn known_data(&self, id: DataId) -> Option<Place> {
        self.datas.get(&id.0).copied()
    }
    /// As [`Objects::known_global`], of a global that must be there.
    pub fn global_number(&self, id: GlobalId) -> Result<u32, String> {
        self.known_global(id).ok_or_else(|| format!("global {id} wasn't laid out"))
    }
    /// As [`Objects::known_data`], of data that must be there.
    pub fn data_place(&self, id: DataId) -> Result<Place, String> {
        self.known_data(id).ok_or_else(|| format!("{id} wasn't laid out"))
    }
    fn reach(&mut self, module: &Module, target: RelocTarget) -> Result<(), String> {
        match target {
            RelocTarget::Global(id) => self.global(module, id).map(drop),
            RelocTarget::Data(id) => self.data(module, id).map(drop),
            RelocTarget::Func(_) | RelocTarget::CFunc(_) | RelocTarget::Extern(_) => Ok(()),
        }
    }
    /// Where a piece of data is; lays it out with all that it reaches.
    pub fn data(&mut self, module: &Module, id: DataId) -> Result<Place, String> {
        if let Some(&place) = self.datas.get(&id.0) {
            return Ok(place);
        }
        let closure = self.closure(module, id)?;
        let per_instance = self.instance_bound(module, &closure);
        for (&id, &bound) in closure.iter().zip(&per_instance) {
            let data = &module.datas[id.index()];
            let place = if bound {
                let size = data.bytes.len();
                self.list.push(Object { size, init: Arc::new(data.clone()), constant: true });
                Place::Object(self.list.len() as u32 - 1)
            } else {
                let place = self.shared.alloc(data.bytes.len(), data.align as usize)?;
                // SAFETY: the place was allocated with this size.
                unsafe { place.copy_from_nonoverlapping(data.bytes.as_ptr(), data.bytes.len()) };
                Place::Shared(place as usize)
            };
            self.datas.insert(id.0, place);
        }
        for &id in &closure {
            let data = &module.datas[id.index()];
            for reloc in &data.relocs {
                if let RelocTarget::Global(global) = reloc.target {
                    self.global(module, global)?;
                }
            }
            if let Place::Shared(address) = self.datas[&id.0] {
                self.relocate_shared(address, data)?;
            }
        }
        Ok(self.datas[&id.0])
    }
    /// The data that isn't laid out yet and is reached from `id` through data.
    fn closure(&self, module: &Module, id: DataId) -> Result<Vec<DataId>, String> {
        let mut closure = vec![id];
        let mut seen: rustc_hash::FxHashSet<u32> = [id.0].into_iter().collect();
        let mut next = 0;
        while let Some(&id) = closure.get(next) {
            next += 1;
            let data = module.datas.get(id.index()).ok_or_else(|| format!("{id} isn't in the module"))?;
            for reloc in &data.relocs {
                if reloc.offset as usize + size_of::<usize>() > data.bytes.len() {
                    return Err(format!("a relocation of {id} lies outside of it"));
                }
                if let RelocTarget::Data(target) = reloc.target
                    && !self.datas.contains_key(&target.0)
                    && seen.insert(target.0)
                {
                    closure.push(target);
                }
            }
        }
        Ok(closure)
    }
    /// Which of them must be per instance: those that reach an instance thing. Found by walking references backward.
    fn instance_bound(&self, module: &Module, closure: &[DataId]) -> Vec<bool> {
        let index: FxHashMap<u32, usize> = closure.iter().enumerate().map(|(i, id)| (id.0, i)).collect();
        let mut referrers: Vec<Vec<usize>> = vec![Vec::new(); closure.len()];
        let mut bound = vec![false; closure.len()];
        let mut work = Vec::new();
        for (i, &id) in closure.iter().enumerate() {
            for reloc in &module.datas[id.index()].relocs {
                let direct = match reloc.target {
                    RelocTarget::Func(_) => false,
                    RelocTarget::CFunc(_) | RelocTarget::Global(_) | RelocTarget::Extern(_) => true,
                    RelocTarget::Data(target) => match index.get(&target.0) {
                        Some(&target) => {
                            referrers[target].push(i);
                            false
                        }
                        None => matches!(self.datas.get(&target.0), Some(Place::Object(_))),
                    },
                };
                if direct && !bound[i] {
                    bound[i] = true;
                    work.push(i);
                }
            }
        }
        while let Some(i) = work.pop() {
            for &referrer in &referrers[i] {
                if !bound[referrer] {
                    bound[referrer] = true;
                    work.push(referrer);
                }
            }
        }
        bound
    }
    fn relocate_shared(&self, address: usize, data: &Data) -> Result<(), String> {
        for reloc in &data.relocs {
            let target = match reloc.target {
                RelocTarget::Func(func) => func.0 as usize + 1,
                RelocTarget::Data(id) => match self.datas.get(&id.0) {
                    Some(&Place::Shared(target)) => target,
                    _ => return Err("shared data points at data of an instance".into()),
                },
                _ => return Err("shared data points at something of an instance".into()),
            };
            // SAFETY: the offset was checked with the closure; nobody else knows the block yet.
            unsafe { write_address(address as *mut u8, reloc.offset, target, reloc.addend) };
        }
        Ok(())
    }
}

unsafe fn write_address(base: *mut u8, offset: u32, target: usize, addend: i64) {
    // SAFETY: the caller checked that the offset is inside.
    unsafe { base.add(offset as usize).cast::<usize>().write_unaligned(target.wrapping_add(addend as usize)) }
}

/// Where an object goes among those that an instance allocates together.
struct Room {
    size: usize,
    align: usize,
}

impl Room {
    fn place(&mut self, bytes: usize, align: usize) -> Result<usize, String> {
        self.align = self.align.max(align);
        let offset = self.size.checked_next_multiple_of(align).ok_or("globals are too large")?;
        self.size = offset.checked_add(bytes).ok_or("globals are too large")?;
        Ok(offset)
    }
}

/// Allocates and fills the objects that the instance doesn't have yet.
///
/// # Safety
/// The calling thread owns the instance.
pub(crate) unsafe fn instantiate(core: *const Core) -> Result<(), String> {
    // SAFETY: the caller's promise.
    let env = unsafe { env::shared((*core).state.get()) };
    let program = &*env.program;
    // References into the layout end with each statement, since resolving symbols reaches the instance.
    let layout = env.layout_cell();
    // SAFETY: as above.
    let first = unsafe { (&(*layout).objects).len() };
    let (objects, protected) = program.new_objects(first);
    if objects.is_empty() {
        return Ok(());
    }
    // Globals in one block, constants in another, if they are protected.
    let mut rooms = [Room { size: 0, align: 16 }, Room { size: 0, align: 16 }];
    let mut offsets = Vec::with_capacity(objects.len());
    for object in &objects {
        let room = usize::from(object.constant && protected);
        offsets.push((room, rooms[room].place(object.size, (object.init.align as usize).max(1))?));
    }
    let variable = Block::new(rooms[0].size, rooms[0].align)?;
    let constant = match rooms[1].size {
        0 => None,
        size => Some(Block::pages(size, rooms[1].align)?),
    };
    let bases = [variable.base(), constant.as_ref().map_or(std::ptr::null_mut(), Block::base)];
    let place = |&(room, offset): &(usize, usize)| bases[room].wrapping_add(offset);
    for (object, at) in objects.iter().zip(&offsets) {
        let bytes = &object.init.bytes;
        // SAFETY: offsets and sizes were added up for these blocks.
        unsafe {
            place(at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            (&mut (*layout).objects).push(place(at));
        }
    }
    for (object, at) in objects.iter().zip(&offsets) {
        // SAFETY: as above; the caller's promise.
        unsafe { relocate(core, program, object, place(at))? };
    }
    if let Some(constant) = &constant {
        constant.protect();
    }
    // SAFETY: as above.
    unsafe { (&mut (*layout).blocks).extend([Some(variable), constant].into_iter().flatten()) };
    Ok(())
}

/// Fills in an object's addresses.
unsafe fn relocate(
    core: *const Core,
    program: &Program,
    object: &Object,
    place: *mut u8,
) -> Result<(), String> {
    for reloc in &object.init.relocs {
        if reloc.offset as usize + size_of::<usize>() > object.size {
            return Err("a relocation lies outside of its global".into());
        }
        // SAFETY: the caller's promise.
        unsafe {
            let target = address(core, program, reloc.target)?;
            write_address(place, reloc.offset, target, reloc.addend);
        }
    }
    Ok(())
}

/// Gives the instance's globals the values that they began with.
///
/// # Safety
/// The calling thread owns the state, and nothing runs.
pub(crate) unsafe fn reset(core: *const Core) -> Result<(), String> {
    // SAFETY: the caller's promise.
    let env = unsafe { env::shared((*core).state.get()) };
    let program = &*env.program;
    let (objects, _) = program.new_objects(0);
    // SAFETY: as above.
    let places = unsafe { env.layout() }.objects.clone();
    for (object, &place) in objects.iter().zip(&places).filter(|(object, _)| !object.constant) {
        let bytes = &object.init.bytes;
        // SAFETY: the object was allocated with its size, which is no less than its bytes.
        unsafe {
            place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            place.add(bytes.len()).write_bytes(0, object.size - bytes.len());
            relocate(core, program, object, place)?;
        }
    }
    Ok(())
}

unsafe fn address(core: *const Core, program: &Program, target: RelocTarget) -> Result<usize, String> {
    // SAFETY: the caller's promise.
    unsafe {
        let objects = &env::shared((*core).state.get()).layout().objects;
        let object = |object: u32| objects[object as usize] as usize;
        Ok(match target {
            RelocTarget::Func(func) => func.0 as usize + 1,
            RelocTarget::CFunc(func) => host::c_func_addr(core, func)? as usize,
            RelocTarget::Extern(ext) => host::extern_addr(core, ext)? as usize,
            RelocTarget::Global(id) => object(program.global_object(id).ok_or("a global wasn't laid out")?),
            RelocTarget::Data(id) => match program.data_place(id).ok_or("data wasn't laid out")? {
                Place::Shared(address) => address,
                Place::Object(id) => object(id),
            },
        })
    }
}
