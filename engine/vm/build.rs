//! Chooses how the interpreter dispatches; see `src/interp/dispatch.rs`.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(sx_threaded)");
    println!("cargo::rerun-if-changed=build.rs");
    // Only the optimiser makes jumps of tail calls.
    let optimised = matches!(std::env::var("OPT_LEVEL").as_deref(), Ok("2" | "3" | "s" | "z"));
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if optimised && matches!(arch.as_str(), "x86_64" | "aarch64" | "riscv64") {
        println!("cargo::rustc-cfg=sx_threaded");
    }
}
