//! Chooses how the interpreter dispatches (see `src/interp/dispatch.rs`), and whether hardware faults become traps (see
//! `src/fault`).

fn main() {
    println!("cargo::rustc-check-cfg=cfg(sx_threaded)");
    println!("cargo::rustc-check-cfg=cfg(sx_faults)");
    println!("cargo::rerun-if-changed=build.rs");
    // Only the optimiser makes jumps of tail calls.
    let optimised = matches!(std::env::var("OPT_LEVEL").as_deref(), Ok("2" | "3" | "s" | "z"));
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if optimised && matches!(arch.as_str(), "x86_64" | "aarch64" | "riscv64") {
        println!("cargo::rustc-cfg=sx_threaded");
    }
    // Where the exception table, the signal frame and the entry routine are written for.
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if arch == "x86_64" && os == "linux" {
        println!("cargo::rustc-cfg=sx_faults");
    }
}
