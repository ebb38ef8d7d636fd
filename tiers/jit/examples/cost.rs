//! Compiles every function of modules given as text (`sx ir --all FILE`), and says what that costs and what is refused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use sx_ir::{DataId, FuncId, GlobalId, Signature};
use sx_jit::{CodeSpace, Compiler, Config, DataPlace, Link};

/// Numbers for everything: the code is never run.
struct Anything;

impl Link for Anything {
    fn class(&self, _: &Signature) -> Option<u32> {
        Some(0)
    }
    fn global(&self, id: GlobalId) -> Option<u32> {
        Some(id.0)
    }
    fn data(&self, id: DataId) -> Option<DataPlace> {
        Some(DataPlace::Object(id.0))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let config = Config::of_this_process().ok_or("code can't be entered on this system")?;
    for optimize in [true, false] {
        let mut compiler = Compiler::new(Config { optimize, verify: false, ..config })?;
        let (mut count, mut insts, mut bytes) = (0usize, 0usize, 0usize);
        let (mut spent, mut loading) = (Duration::ZERO, Duration::ZERO);
        let mut refused = BTreeMap::<String, usize>::new();
        let mut smallest = Duration::MAX;
        for path in &paths {
            let module = sx_ir::parse::parse_module(&std::fs::read_to_string(path)?)
                .map_err(|error| format!("{path}: {error:?}"))?;
            let mut codes = Vec::new();
            for id in (0..module.funcs.len() as u32).map(FuncId) {
                let Some(func) = module.func(id) else { continue };
                let start = Instant::now();
                match compiler.function(&module, id, &Anything) {
                    Ok(code) => {
                        let took = start.elapsed();
                        spent += took;
                        smallest = smallest.min(took);
                        (count, insts, bytes) =
                            (count + 1, insts + code.clif_insts, bytes + code.bytes.len());
                        codes.push(code);
                    }
                    Err(why) => {
                        *refused.entry(why.to_string()).or_default() += 1;
                        println!("{path}: {}: {why}", func.name);
                    }
                }
            }
            let start = Instant::now();
            drop(CodeSpace::new(1 << 30).load(&compiler, codes)?);
            loading += start.elapsed();
        }
        let per = spent.as_secs_f64() * 1e6 / insts.max(1) as f64;
        println!(
            "{}: {count} functions, {insts} instructions of Cranelift, {bytes} bytes in {spent:.1?} ({per:.2} us each, \
             smallest function {smallest:.1?}), loaded in {loading:.1?}; refused: {refused:?}",
            if optimize { "optimised" } else { "quick" },
        );
    }
    Ok(())
}
