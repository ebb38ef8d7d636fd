//! Runs every conformance program in every tier; `-- --help` shows the options.

fn main() {
    std::process::exit(sx_corpus::session::main(std::env::args().skip(1)));
}
