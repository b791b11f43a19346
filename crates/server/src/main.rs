//! The `grantd` command. Everything it does is in the library.

use std::io;
use std::process::ExitCode;

use grantd::commands::{Console, Form, run};
use mimalloc::MiMalloc;

/// Less work for each of the many small pieces of a request, and memory that goes back to the system: decision 0013.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let (mut input, mut output, mut errors) = (io::stdin(), io::stdout(), io::stderr());
    let mut console = Console { input: &mut input, output: &mut output, errors: &mut errors, form: Form::Human };
    run(std::env::args_os(), &mut console)
}
