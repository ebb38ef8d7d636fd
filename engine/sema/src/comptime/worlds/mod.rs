//! Two worlds: a program is made for its target, and what runs while compiling runs on the machine that compiles.
//!
//! When the two differ there is a second compilation, of the same files, for this machine. What is to run is checked there
//! once more, in the scope that corresponds to where it stands, so that `OS`, `POINTER_SIZE`, layouts and all that hangs on
//! them are this machine's; the value comes back by its structure. Nothing of this exists when they are the same.
//!
//! The tables of both have their own numbers. What corresponds is found by where it comes from: a file by its number, which
//! the two keep equal; a declaration by its name and scope; a type by the expression that makes it; an instance by its
//! function and arguments; memory by the types of what lies in it.
//!
//! | module | what crosses |
//! |---|---|
//! | `run` | expressions that are to run, and their places |
//! | `traces` | nothing: what a compilation must remember of where things come from |
//! | `scopes` | files, scopes, declarations, functions |
//! | `types` | types |
//! | `values` | values |
//! | `memory`, `cover` | what values point at |

mod cover;
mod memory;
mod run;
mod scopes;
mod traces;
mod types;
mod values;

pub(in crate::comptime) use cover::Run;

use crate::incremental::SharedLoader;
use crate::sema::*;
use crate::types::TypeId;
use rustc_hash::{FxHashMap, FxHashSet};
use std::env::consts;
use std::sync::Arc;
use sx_ir::DataId;
use sx_ir::layout::Target;
use sx_syntax::source::File;
use sx_syntax::span::FileId;

pub(crate) use traces::{Lambda, Origin, Traces};

/// The compilation for the machine that compiles, and what of it corresponds to what in the target's.
pub(crate) struct World {
    host: Sema,
    /// Found so far, from the target to the host and back.
    crossed: [Crossed; 2],
}

/// What corresponds to what on the other side.
#[derive(Default)]
struct Crossed {
    types: FxHashMap<TypeId, TypeId>,
    scopes: FxHashMap<ScopeId, ScopeId>,
    datas: FxHashMap<DataId, DataId>,
}

/// One of the two compilations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Target,
    Host,
}

/// Finds on one side what corresponds to things of the other.
struct Crossing<'a> {
    /// The target's compilation, which has the host's.
    s: &'a mut Sema,
    from: Side,
    /// Types that are being defined.
    defining: FxHashSet<TypeId>,
    depth: u32,
    /// Data that has its number there, and isn't filled yet.
    unfilled: Vec<DataId>,
}

/// A file as one compilation tells the other.
struct Told {
    file: Arc<File>,
    path: Option<Arc<str>>,
    part_of: Option<FileId>,
}

impl Options {
    /// True when the program isn't made for the machine that compiles it.
    pub fn is_foreign(&self) -> bool {
        self.target != Target::HOST || self.os != consts::OS || self.arch != consts::ARCH
    }
    fn of_host(&self) -> Options {
        Options {
            target: Target::HOST,
            os: consts::OS.to_string(),
            arch: consts::ARCH.to_string(),
            ..self.clone()
        }
    }
}

impl World {
    /// A compilation for this machine beside one for another, which is given the loader that they share.
    pub(crate) fn beside(
        options: &Options,
        loader: Box<dyn Loader + Send>,
    ) -> (Box<World>, Box<dyn Loader + Send>) {
        let shared = SharedLoader::new(loader);
        let mut host = Sema::new(options.of_host(), Box::new(shared.clone()));
        host.traces = Some(Box::default());
        (Box::new(World { host, crossed: Default::default() }), Box::new(shared))
    }
}

impl Sema {
    /// The compilation whose code runs while compiling: this one, unless it makes a program for another machine.
    pub fn running(&mut self) -> &mut Sema {
        if self.world.is_none() {
            return self;
        }
        Crossing::new(self, Side::Target).share_files();
        &mut self.world.as_mut().expect("there is one").host
    }

    pub(super) fn running_ref(&self) -> &Sema {
        self.world.as_ref().map_or(self, |world| &world.host)
    }

    /// Takes over the files that the host's compilation has loaded, before others get their numbers here.
    pub(crate) fn catch_up(&mut self) {
        let Some(world) = self.world.take() else { return };
        let told = world.host.told_files(self.files.len());
        self.take_files(told);
        self.world = Some(world);
    }

    /// The files that this compilation has beyond so many.
    fn told_files(&self, known: usize) -> Vec<Told> {
        let told = |index: usize| {
            let id = FileId(index as u32);
            let path = self.paths.iter().find(|&(_, &known)| known == id).map(|(path, _)| path.clone());
            Told { file: self.file(id).file.clone(), path, part_of: self.file(id).part_of }
        };
        (known.min(self.files.len())..self.files.len()).map(told).collect()
    }

    /// Takes over files of the other compilation, under the same numbers.
    fn take_files(&mut self, files: Vec<Told>) {
        for told in files {
            self.apart(|s| match (told.path, told.part_of) {
                (Some(path), _) => s.add_file(path, told.file),
                (None, of) => s.add_part(told.file, of.unwrap_or(FileId(0))),
            });
        }
    }
}

impl<'a> Crossing<'a> {
    fn new(s: &'a mut Sema, from: Side) -> Crossing<'a> {
        Crossing { s, from, defining: FxHashSet::default(), depth: 0, unfilled: Vec::new() }
    }

    fn world(&self) -> &World {
        self.s.world.as_deref().expect("things cross only where there are two worlds")
    }

    fn world_mut(&mut self) -> &mut World {
        self.s.world.as_deref_mut().expect("things cross only where there are two worlds")
    }

    /// The side that things come from.
    fn from(&self) -> &Sema {
        match self.from {
            Side::Target => self.s,
            Side::Host => &self.world().host,
        }
    }

    fn origin_mut(&mut self) -> &mut Sema {
        self.share_files();
        match self.from {
            Side::Target => self.s,
            Side::Host => &mut self.world_mut().host,
        }
    }

    /// The side that things go to.
    fn to(&mut self) -> &mut Sema {
        self.share_files();
        match self.from {
            Side::Target => &mut self.world_mut().host,
            Side::Host => self.s,
        }
    }

    /// Gives both sides the same files. Only one of them loads any between two calls of this.
    fn share_files(&mut self) {
        let host = &self.world().host;
        let (here, there) = (self.s.files.len(), host.files.len());
        if here < there {
            let told = host.told_files(here);
            self.s.take_files(told);
        } else if there < here {
            let told = self.s.told_files(there);
            self.world_mut().host.take_files(told);
        }
    }

    fn crossed(&mut self) -> &mut Crossed {
        let from = self.from as usize;
        &mut self.world_mut().crossed[from]
    }

    fn crossed_back(&mut self) -> &mut Crossed {
        let to = 1 - self.from as usize;
        &mut self.world_mut().crossed[to]
    }

    fn traces(&self) -> &Traces {
        self.from().traces.as_deref().expect("both sides keep traces")
    }

    fn traces_there(&mut self) -> &mut Traces {
        self.to().traces.as_deref_mut().expect("both sides keep traces")
    }
}
