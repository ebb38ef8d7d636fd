//! Runs the middle form in the interpreter.

use super::eval::End;
use std::sync::{Arc, Mutex};
use sx_ir::*;
use sx_vm::{Caller, Config, ExternResolver, ExternTarget, Instance, Program, Trap, TrapReason};

/// Finds `log`, which keeps what it is called with.
struct Log(Arc<Mutex<Vec<i64>>>);

impl ExternResolver for Log {
    fn resolve(
        &self,
        ext: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> std::result::Result<ExternTarget, String> {
        assert_eq!(ext.symbol, "log");
        let log = self.0.clone();
        let keep = move |_: &mut Caller<'_>, slots: &mut [u64]| -> std::result::Result<(), Trap> {
            log.lock().unwrap().push(slots[0] as i64);
            Ok(())
        };
        Ok(ExternTarget::Host(Arc::new(keep)))
    }
}

/// Calls a function under the default context: how it ended and what it logged.
pub fn run(module: &Module, id: FuncId, args: &[u64]) -> (End, Vec<i64>) {
    let program = Program::new();
    for i in 0..module.globals.len() as u32 {
        program.add_global(module, GlobalId(i)).expect("a global");
    }
    if let Err(error) = program.compile_all(module) {
        panic!("{error}");
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let config = Config { resolver: Arc::new(Log(log.clone())), ..Config::default() };
    let mut instance = Instance::new(Arc::new(program), config).expect("an instance");
    let func = module.func(id).expect("a body");
    let mut all = Vec::new();
    if func.conv == CallConv::Sx {
        all.push(instance.global(GlobalId(0)).expect("the default context") as u64);
    }
    all.extend(args);
    let mut rets = vec![0; func.sig.rets.len()];
    let end = match instance.call(id, &all, &mut rets) {
        Ok(()) => {
            let used = |(ty, bits): (&Ty, &u64)| bits & (u64::MAX >> (64 - ty.size(8) * 8));
            End::Returned(func.sig.rets.iter().zip(&rets).map(used).collect())
        }
        Err(trap) => match trap.reason() {
            TrapReason::Kind(kind) => End::Trapped(kind),
            reason => panic!("{reason:?}: {}", trap.message()),
        },
    };
    let log = log.lock().unwrap().clone();
    (end, log)
}
