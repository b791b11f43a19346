//! `cargo run --release -p bench`; `--help` has examples.

use std::io::Write as _;
use std::process::ExitCode;

use bench::fault::Fault;
use bench::lines::catalogue;
use bench::options::{Options, Part};
use bench::report::{self, json, text};
use bench::{hello, run, server};
use clap::Parser as _;

fn main() -> ExitCode {
    match begin(&Options::parse()) {
        Ok(code) => code,
        Err(fault) => {
            server::eprint_line(&fault.to_string());
            ExitCode::FAILURE
        }
    }
}

fn begin(options: &Options) -> Result<ExitCode, Fault> {
    let starting = || Fault::io("starting the runtime");
    if let Some(Part::Hello) = options.part {
        // As many threads as the measured server has.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(starting())?;
        runtime.block_on(hello::serve())?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.list {
        for line in catalogue::ALL {
            print(&format!("{:<22} {}\n", line.id, line.what))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    // One thread: the driver is to cost less than what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(starting())?;
    let (book, machine) = runtime.block_on(run::run(options))?;
    if options.json {
        print(&format!("{:#}\n", json::report(&book, &machine)))?;
    } else {
        print(&text::table(&book))?;
    }
    if let Some(to) = &options.write {
        report::write(&book, &machine, to)?;
    }
    Ok(if book.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(text: &str) -> Result<(), Fault> {
    std::io::stdout().write_all(text.as_bytes()).map_err(Fault::io("writing to stdout"))
}
