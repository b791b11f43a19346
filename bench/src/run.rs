//! A run: round after round, the parts first and then every line, so that what is compared was measured in the same minute.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::book::{Book, Line};
use crate::driver::{Span, drive};
use crate::fault::Fault;
use crate::hello;
use crate::lines::town::{Pace, Town};
use crate::lines::{catalogue, endpoints, parts as part_lines};
use crate::options::Options;
use crate::parts::Parts;
use crate::process::Process;
use crate::server::{self, eprint_line};
use crate::visitors::Repeating;

/// Measures what the options ask for.
pub async fn run(options: &Options) -> Result<Book, Fault> {
    let chosen = chosen(options)?;
    let binary = server::binary(options.server.clone())?;
    let folder = folder(options)?;
    let pace = pace(options);
    let people = if options.quick { 16 } else { 64 };
    let town = Town::found(&binary, &folder.path().join("town"), people, pace).await?;
    let (hello, hello_address) = Process::start("the hello server", hello::command()?)?;
    let mut book = Book::default();
    for round in 1..=options.rounds {
        eprint_line(&format!("round {round} of {}: parts", options.rounds));
        let mut parts = Parts::measure(folder.path(), pace.counted / 4).await?;
        part_lines::note(&parts, &mut book);
        let span = Span::Lasting { warm_up: pace.warm_up, counted: pace.counted };
        let (load, _) = drive(hello_address, vec![Repeating::hello(); 64], span, || hello.cpu()).await?;
        parts.hello = 1e6 / load.per_cpu_second();
        book.add_load(catalogue::HELLO, &load, None);
        for line in endpoints::LINES.iter().filter(|line| chosen.contains(&line.id)) {
            eprint_line(&format!("round {round} of {}: {}", options.rounds, line.what));
            endpoints::measure(*line, &town, &parts, &mut book).await?;
        }
    }
    Ok(book)
}

fn chosen(options: &Options) -> Result<Vec<&'static str>, Fault> {
    let known = |id: &String| catalogue::ALL.iter().find(|line| line.id == id);
    if let Some(unknown) = options.only.iter().find(|id| known(id).is_none()) {
        return Err(Fault::Usage(format!("there is no line {unknown}; --list shows what there is")));
    }
    let all = catalogue::ALL.iter().map(|line: &Line| line.id);
    Ok(if options.only.is_empty() {
        all.collect()
    } else {
        options.only.iter().filter_map(known).map(|line| line.id).collect()
    })
}

fn pace(options: &Options) -> Pace {
    let milliseconds =
        |warm_up, counted| Pace { warm_up: Duration::from_millis(warm_up), counted: Duration::from_millis(counted) };
    if options.quick { milliseconds(200, 800) } else { milliseconds(500, 3000) }
}

/// A folder of this run, gone at its end.
fn folder(options: &Options) -> Result<tempfile::TempDir, Fault> {
    let within: PathBuf = match &options.dir {
        Some(dir) => dir.clone(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench"),
    };
    std::fs::create_dir_all(&within).map_err(Fault::file("making", &within))?;
    tempfile::TempDir::with_prefix_in("run-", &within).map_err(Fault::file("making a folder in", &within))
}
