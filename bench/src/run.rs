//! A run: round after round, the parts first and then every line, so that what is compared was measured in the same minute.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::book::{Book, Line};
use crate::driver::{Span, drive};
use crate::fault::Fault;
use crate::hello;
use crate::lines::endpoints::Ceilings;
use crate::lines::growth::Growth;
use crate::lines::postgres::Nodes;
use crate::lines::town::{Pace, Town};
use crate::lines::{
    catalogue, connections, crash, endpoints, group, latency, parts as part_lines, peers, resource_server, size,
};
use crate::machine::Machine;
use crate::options::Options;
use crate::parts::Parts;
use crate::process::Process;
use crate::server::{self, Site, eprint_line};
use crate::visitors::Repeating;

/// Measures what the options ask for.
pub async fn run(options: &Options) -> Result<(Book, Machine), Fault> {
    let choice = Choice::of(options)?;
    let folder = folder(options)?;
    let machine = Machine::of(folder.path())?;
    let binary = server::binary(options.server.clone())?;
    let people = if options.quick { 16 } else { 64 };
    let pace = pace(options);
    let mut book = Book::default();
    let site = Site::prepare(&binary, folder.path().join("town"), people)?;
    let mut scene = Scene {
        town: Town::at(site.start()?, people, pace).await?,
        peer: if options.peers { Some(peers::start(pace).await?) } else { None },
        hello: Process::start("the hello server", hello::command()?)?,
        nodes: None,
        growth: None,
        folder: folder.path().to_owned(),
        binary,
        pace,
        choice,
    };
    if scene.choice.has_any(&section(catalogue::GROWTH)) {
        eprint_line("filling databases");
        let growth = Growth::fill(&scene.binary, &scene.folder, pace, options.grown, &mut book).await?;
        scene.growth = Some(growth);
    }
    if scene.choice.has_any(&section(catalogue::POSTGRES)) {
        if Nodes::can_be() {
            let folder = scene.folder.join("nodes");
            scene.nodes = Some(Nodes::start(&scene.binary, &folder, people, pace).await?);
        } else {
            eprint_line("PostgreSQL is not installed (apt-get install postgresql): nothing is measured on it");
        }
    }
    for round in 1..=options.rounds {
        eprint_line(&format!("round {round} of {}", options.rounds));
        scene.round(&mut book).await?;
    }
    if scene.choice.has_any(DURABLE) {
        eprint_line("killing the server under load");
        crash::survive(scene.town, &site, "SQLite", &mut book).await?;
    }
    if let Some(nodes) = scene.nodes {
        eprint_line("killing a node under load");
        nodes.survive(&mut book).await?;
    }
    book.sort_as(catalogue::ALL);
    Ok((book, machine))
}

/// What writes, and is worth nothing if it does not last.
const DURABLE: &[Line] =
    &[catalogue::AUTHORIZE, catalogue::EXCHANGE, catalogue::REFRESH, catalogue::FLOW, catalogue::ALONE];

/// Everything that a round needs.
struct Scene {
    town: Town,
    hello: (Process, std::net::SocketAddr),
    peer: Option<Town>,
    nodes: Option<Nodes>,
    growth: Option<Growth>,
    folder: PathBuf,
    binary: PathBuf,
    pace: Pace,
    choice: Choice,
}

impl Scene {
    async fn round(&mut self, book: &mut Book) -> Result<(), Fault> {
        let parts = self.parts(book).await?;
        let ceilings = Ceilings::of(&parts);
        for line in endpoints::LINES.iter().filter(|line| self.choice.has(line)) {
            eprint_line(&format!("  {}", line.what));
            endpoints::measure(*line, &self.town, &ceilings, book).await?;
        }
        if let Some(peer) = &self.peer {
            eprint_line("  node-oidc-provider");
            peers::measure(peer, book).await?;
        }
        if self.choice.has(&catalogue::RESOURCE_SERVER) {
            resource_server::measure(&parts, self.pace.counted / 2, book).await?;
        }
        for (line, asked, connections) in connections::LINES.iter().filter(|(line, ..)| self.choice.has(line)) {
            eprint_line(&format!("  {}", line.what));
            connections::measure(*line, *asked, *connections, &self.town, book).await?;
        }
        self.commits(book).await?;
        if self.choice.has(&catalogue::ALONE) {
            eprint_line("  one request alone");
            latency::alone(&self.town, &self.folder, book).await?;
        }
        if self.choice.has_any(&[catalogue::TOKEN_IDLE, catalogue::TOKEN_STORM]) {
            eprint_line("  tokens during a login storm");
            latency::storm(&self.town, book).await?;
        }
        if let Some(nodes) = &self.nodes {
            eprint_line("  on PostgreSQL");
            nodes.measure(&ceilings, self.pace.counted, book).await?;
        }
        if let Some(growth) = &mut self.growth {
            eprint_line("  databases that have grown");
            growth.measure(book).await?;
        }
        self.sizes(book).await
    }

    async fn parts(&self, book: &mut Book) -> Result<Parts, Fault> {
        eprint_line("  parts");
        let mut parts = Parts::measure(&self.folder, self.pace.counted / 4).await?;
        part_lines::note(&parts, book);
        let (hello, address) = &self.hello;
        let span = Span::Lasting { warm_up: self.pace.warm_up, counted: self.pace.counted };
        let (load, _) = drive(*address, vec![Repeating::hello(); 64], span, || hello.cpu()).await?;
        parts.hello = 1e6 / load.per_cpu_second();
        book.add_load(catalogue::HELLO, &load, None);
        Ok(parts)
    }

    async fn commits(&self, book: &mut Book) -> Result<(), Fault> {
        if self.choice.has(&catalogue::GROUP_COMMIT) {
            eprint_line("  group commit on and off");
            group::on_and_off(&self.folder, self.pace.counted, book).await?;
        }
        if self.choice.has(&catalogue::FULL) {
            eprint_line("  synchronous=FULL and NORMAL");
            group::full_and_normal(&self.folder, self.pace.counted, book).await?;
        }
        Ok(())
    }

    async fn sizes(&self, book: &mut Book) -> Result<(), Fault> {
        if self.choice.has_any(&[catalogue::START, catalogue::RESIDENT_IDLE]) {
            eprint_line("  start");
            size::start(&self.binary, &self.folder.join("start"), book).await?;
        }
        if self.choice.has(&catalogue::RESIDENT_LOADED) {
            size::resident(&self.town, book)?;
        }
        if self.choice.has(&catalogue::BINARY) {
            size::binary(&self.binary, book)?;
        }
        Ok(())
    }
}

/// Which lines are measured.
#[derive(Clone, Debug)]
struct Choice(Vec<&'static str>);

impl Choice {
    fn of(options: &Options) -> Result<Self, Fault> {
        let find = |id: &str| catalogue::ALL.iter().map(|line| line.id).find(|known| *known == id);
        if let Some(unknown) = options.only.iter().find(|id| find(id).is_none()) {
            return Err(Fault::Usage(format!("there is no line {unknown}; --list shows what there is")));
        }
        let only: Vec<_> = options.only.iter().filter_map(|id| find(id)).collect();
        let all = catalogue::ALL.iter().filter(|line| !options.quick || !takes_long(line));
        Ok(Self(if only.is_empty() { all.map(|line| line.id).collect() } else { only }))
    }

    fn has(&self, line: &Line) -> bool {
        self.0.contains(&line.id)
    }

    fn has_any(&self, lines: &[Line]) -> bool {
        lines.iter().any(|line| self.has(line))
    }
}

/// By its nature, however short each measurement is.
fn takes_long(line: &Line) -> bool {
    [catalogue::GROWTH, catalogue::CONNECTIONS, catalogue::POSTGRES].contains(&line.section)
}

/// All lines of a section.
fn section(name: &str) -> Vec<Line> {
    catalogue::ALL.iter().filter(|line| line.section == name).copied().collect()
}

fn pace(options: &Options) -> Pace {
    let milliseconds =
        |warm_up, counted| Pace { warm_up: Duration::from_millis(warm_up), counted: Duration::from_millis(counted) };
    if options.quick { milliseconds(200, 700) } else { milliseconds(500, 3000) }
}

/// A folder of this run, gone at its end.
fn folder(options: &Options) -> Result<tempfile::TempDir, Fault> {
    let within: PathBuf = match &options.dir {
        Some(dir) => dir.clone(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench"),
    };
    std::fs::create_dir_all(&within).map_err(Fault::file("making", &within))?;
    let within = within.canonicalize().map_err(Fault::file("finding", &within))?;
    tempfile::TempDir::with_prefix_in("run-", &within).map_err(Fault::file("making a folder in", &within))
}
