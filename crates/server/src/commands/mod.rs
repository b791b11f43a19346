//! The command line: what can be typed, what it answers, and the number the shell sees.
//!
//! Owns arguments, output and exit codes. Does not own rules: what may be registered is decided in
//! `grantd_protocol::registration`, what is configured in [`crate::config`]. Start at [`run`]; what can be typed stands in
//! `arguments`.

mod arguments;
mod check;
mod client;
mod console;
mod events;
mod failure;
mod grant;
mod key;
mod migrate;
mod moment;
mod resource;
mod serve;
mod store;
mod token;
mod user;
mod workplace;

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

pub use console::{Console, Form};

use arguments::{Command, CommandLine};
use failure::Failure;
use workplace::Workplace;

/// Does what the arguments say. The first is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, console: &mut Console<'_>) -> ExitCode {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => return not_understood(&error, console),
    };
    if line.common.json {
        console.form = Form::Json;
    }
    match dispatch(line, console) {
        Ok(code) => code,
        Err(failure) => {
            // Where nobody listens, the exit code is all there is to say.
            let _ = writeln!(console.errors, "error: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn dispatch(line: CommandLine, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
    let CommandLine { common, command } = line;
    let done = |()| ExitCode::SUCCESS;
    match command {
        None => console.print(|output, _| write!(output, "{}", CommandLine::command().render_long_help())).map(done),
        Some(Command::Serve { ephemeral, listen }) => serve::serve(common, ephemeral, listen, console).map(done),
        Some(Command::Demo { native: true, issuer, lockbox, .. }) => serve::native(&issuer, &lockbox, console),
        Some(Command::Demo { script, .. }) => serve::demo(script, console),
        Some(Command::Check { show }) => check::check(&common, show, console).map(done),
        Some(Command::Events(arguments)) => {
            block_on(async { events::run(&Workplace::open(&common)?, arguments, console).await }).map(done)
        }
        Some(Command::Client(command)) => {
            block_on(async { client::run(&Workplace::open(&common)?, command, console).await }).map(done)
        }
        Some(Command::User(command)) => {
            block_on(async { user::run(&Workplace::open(&common)?, command, console).await }).map(done)
        }
        Some(Command::Resource(command)) => {
            block_on(async { resource::run(&Workplace::open(&common)?, command, console).await }).map(done)
        }
        Some(Command::Grant(command)) => {
            block_on(async { grant::run(&Workplace::open(&common)?, command, console).await }).map(done)
        }
        Some(Command::Token(command)) => {
            block_on(async { token::run(&Workplace::open(&common)?, command, console).await })
        }
        Some(Command::Key(command)) => {
            block_on(async { key::run(&Workplace::open(&common)?, command, console).await }).map(done)
        }
        Some(Command::Migrate { dry_run }) => migrate::run(&common, dry_run, console).map(done),
        Some(Command::Store(command)) => store::run(&common, command, console).map(done),
    }
}

/// Commands do one thing after the other: one thread will do.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?.block_on(work)
}

/// Help and version are answers; everything else is a mistake, and says which.
fn not_understood(error: &clap::Error, console: &mut Console<'_>) -> ExitCode {
    let text = error.render();
    // Where nobody listens, the exit code is all there is to say.
    let _ = if error.use_stderr() { write!(console.errors, "{text}") } else { write!(console.output, "{text}") };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}
