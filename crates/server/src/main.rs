//! The `grantd` command. Everything it does is in the library.

use std::io;
use std::process::ExitCode;

use grantd::commands::{Console, Form, run};

fn main() -> ExitCode {
    let (mut input, mut output, mut errors) = (io::stdin(), io::stdout(), io::stderr());
    let mut console = Console { input: &mut input, output: &mut output, errors: &mut errors, form: Form::Human };
    run(std::env::args_os(), &mut console)
}
