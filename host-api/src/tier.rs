//! How programs are executed.

use std::sync::Arc;
use std::time::Duration;
use sx_ir::Module;

/// How programs are executed. They do the same in every way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Tiers {
    /// Everything is interpreted.
    #[default]
    Interpreter,
    /// Programs begin interpreted at once; a thread in the background makes machine code of what is hot. Where none can be
    /// made, and in builds without the feature `jit`, everything is interpreted.
    Auto,
    /// Everything is made machine code when an instance is made, as far as there can be any.
    Compiled,
    /// Functions begin interpreted, and go on as machine code at the end of the first round of each loop. Slow: it is there so
    /// that tests come by every such place.
    Loops,
}

/// What was done to make machine code of a program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct TierStats {
    /// Functions that have machine code.
    pub compiled: usize,
    /// Functions that stay interpreted because they couldn't be compiled, with the reason.
    pub refused: Vec<(String, String)>,
    /// Loops at which interpreted functions can go on as machine code.
    pub loops: usize,
    /// Bytes of code, in whole pages.
    pub code_bytes: usize,
    /// Time spent compiling.
    pub time: Duration,
    /// Why nothing (more) is compiled, if so.
    pub stopped: Option<String>,
}

#[cfg(feature = "jit")]
mod slots {
    use super::*;
    use std::sync::OnceLock;
    use sx_jit::tier::Options;
    use sx_jit::{Tier, Unsupported};

    /// The tiers of a program: for instances that count no work, and for those that do.
    #[derive(Default)]
    pub(crate) struct Slots([OnceLock<Result<Tier, String>>; 2]);

    impl Slots {
        /// Makes the tier, if there isn't one.
        pub fn prepare(
            &self,
            tiers: &Tiers,
            program: &Arc<sx_vm::Program>,
            counts: bool,
            source: Box<dyn Fn() -> Module + Send + Sync>,
        ) {
            if *tiers == Tiers::Interpreter {
                return;
            }
            self.0[usize::from(counts)].get_or_init(|| {
                let mut options = Options::default();
                options.fuel = counts;
                let tier = Tier::new(program, source, options).map_err(|why: Unsupported| why.to_string())?;
                match tiers {
                    Tiers::Compiled => tier.compile_all(),
                    Tiers::Loops => {
                        program.ask_always();
                        tier.compile_all_loops();
                    }
                    _ => tier.watch().map_err(|error| format!("no thread for the compiler: {error}"))?,
                }
                Ok(tier)
            });
        }
        pub fn stats(&self) -> TierStats {
            let mut all = TierStats::default();
            for tier in self.0.iter().filter_map(OnceLock::get) {
                match tier {
                    Ok(tier) => {
                        let stats = tier.stats();
                        all.compiled += stats.compiled;
                        all.loops += stats.loops;
                        all.refused.extend(stats.refused);
                        all.code_bytes += stats.code_bytes;
                        all.time += stats.time;
                        all.stopped = all.stopped.or(stats.stopped);
                    }
                    Err(why) => all.stopped = Some(why.clone()),
                }
            }
            all
        }
    }
}

#[cfg(not(feature = "jit"))]
mod slots {
    use super::*;

    /// Without a compiler there are no tiers.
    #[derive(Default)]
    pub(crate) struct Slots;

    impl Slots {
        pub fn prepare(
            &self,
            _: &Tiers,
            _: &Arc<sx_vm::Program>,
            _: bool,
            _: Box<dyn Fn() -> Module + Send + Sync>,
        ) {
        }
        pub fn stats(&self) -> TierStats {
            TierStats::default()
        }
    }
}

pub(crate) use slots::Slots;
