//! Functions of the host that programs can call.

mod caller;
mod closure;

pub(crate) use caller::Site;
pub use caller::{CallSite, Caller};
pub use closure::{HostFn, HostResult, IntoHostFn, Owned};

use crate::value::TypeDesc;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use sx_ir::{CSignature, CStruct, CType};

/// A module of the host.
#[derive(Default)]
struct Module {
    /// Names and declarations, in an order in which each knows those before it.
    types: Vec<(String, String)>,
    functions: BTreeMap<String, HostFn>,
}

/// Every function that an engine gives its programs.
#[derive(Default)]
pub(crate) struct HostFns {
    modules: BTreeMap<String, Module>,
}

impl HostFns {
    pub fn add(&mut self, module: &str, name: &str, function: HostFn) {
        for desc in function.params.iter().map(|(desc, _)| desc).chain([&function.ret.0]) {
            self.add_type(module, desc);
        }
        self.modules.entry(module.into()).or_default().functions.insert(name.into(), function);
    }
    /// Declares what a program must know to name a type.
    pub fn add_type(&mut self, module: &str, desc: &TypeDesc) {
        let mut nominals = Vec::new();
        desc.nominals(&mut nominals);
        let types = &mut self.modules.entry(module.into()).or_default().types;
        for desc in nominals {
            let name = desc.to_string();
            if !types.iter().any(|(known, _)| *known == name) {
                types.push((name, desc.declaration()));
            }
        }
    }
    /// The source of each module.
    pub fn modules(&self) -> Vec<(String, String)> {
        self.modules.iter().map(|(path, module)| (path.clone(), source(path, module))).collect()
    }
    /// Finds the function behind a symbol and compares signatures.
    pub fn resolve(
        &self,
        symbol: &str,
        sig: &CSignature,
        shapes: &[CStruct],
    ) -> Result<Arc<dyn sx_vm::HostFn>, String> {
        let function = self.modules.iter().find_map(|(path, module)| {
            let name = symbol.strip_prefix(path.as_str())?.strip_prefix('.')?;
            module.functions.get(name)
        });
        let Some(function) = function else { return Err(format!("the host has no function `{symbol}`")) };
        let mut own_shapes = Vec::new();
        let own = function.c_signature(&mut own_shapes);
        if !same_signature((&own, &own_shapes), (sig, shapes)) {
            return Err(format!(
                "the host's `{symbol}` is `{}`; it is declared differently here",
                function.signature()
            ));
        }
        Ok(function.run.clone())
    }
}

fn source(path: &str, module: &Module) -> String {
    let mut text = String::from("// What the host gives.\n");
    for (_, declaration) in &module.types {
        text.push('\n');
        text.push_str(declaration);
    }
    for (name, function) in &module.functions {
        let _ = write!(text, "\n{name} :: {} extern host \"{path}.{name}\";\n", function.signature());
    }
    text
}

fn same_signature(a: (&CSignature, &[CStruct]), b: (&CSignature, &[CStruct])) -> bool {
    let same = |x: CType, y: CType| match (x, y) {
        (CType::Struct(x), CType::Struct(y)) => a.1.get(x.index()) == b.1.get(y.index()),
        // Every address is the same to C.
        (x, y) => x == y,
    };
    a.0.params.len() == b.0.params.len()
        && a.0.params.iter().zip(&b.0.params).all(|(&x, &y)| same(x, y))
        && same(a.0.ret, b.0.ret)
        && !b.0.variadic
}
