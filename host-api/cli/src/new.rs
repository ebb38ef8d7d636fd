//! `sx new`.

use crate::args::NewArgs;
use crate::code;
use crate::output::Output;
use std::path::Path;
use std::process::ExitCode;

const MAIN: &str = r#"#import "modules/std.sx";

greeting :: (name: string) -> string {
    format("Hello, {}!", name)
}

main :: () {
    text := greeting("world");
    defer free_string(text);
    print("{}\n", text);
}

test "a greeting names whom it greets" {
    text := greeting("sx");
    defer free_string(text);
    assert(text == "Hello, sx!");
}
"#;

pub fn new(args: &NewArgs, out: &Output) -> ExitCode {
    match make(&args.name) {
        Ok(()) => {
            let name = args.name.display();
            out.print(&format!("Made {name}. Try:\n    sx run {name}/main.sx\n    sx test {name}\n"))
        }
        Err(error) => {
            out.error(format_args!("`{}` can't be made: {error}", args.name.display()));
            ExitCode::from(code::FAILED)
        }
    }
}

fn make(folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, "something is there already"));
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("main.sx"), MAIN)
}
