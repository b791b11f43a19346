//! grantd, the release binary, as a child process on a free port of this machine.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use crate::clock;
use crate::fault::Fault;
use crate::process::Process;
use crate::world::{self, Database};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Which binary, and where its configuration and its database are.
#[derive(Clone, Debug)]
pub struct Site {
    binary: PathBuf,
    folder: PathBuf,
    database: Database,
}

impl Site {
    /// Writes the configuration into a folder of its own, with the database there.
    pub fn prepare(binary: &Path, folder: PathBuf, people: usize) -> Result<Self, Fault> {
        let database = Database::File(folder.join("grantd.db"));
        Self::on(database, binary, folder, people)
    }

    /// As [`Site::prepare`], on a database that may be elsewhere.
    pub fn on(database: Database, binary: &Path, folder: PathBuf, people: usize) -> Result<Self, Fault> {
        fs::create_dir_all(&folder).map_err(Fault::file("making", &folder))?;
        let site = Self { binary: binary.to_owned(), folder, database };
        let path = site.configuration();
        // It holds a hash of a password; the server refuses one that everybody can read.
        write_for_owner(&path, &world::configuration(&site.database, people)?)?;
        Ok(site)
    }

    /// Where it keeps what it knows.
    pub fn database(&self) -> &Database {
        &self.database
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("grantd.toml")
    }

    /// Starts it.
    pub fn start(&self) -> Result<Server, Fault> {
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--config").arg(self.configuration()).arg("--json");
        // Logged as usual, read by nobody: on the disk it would compete with what is synced.
        command.current_dir(&self.folder).env_clear().stderr(Stdio::null());
        let (process, address) = Process::start("grantd", command)?;
        Ok(Server { process, address })
    }
}

/// Writes a file that its owner alone can read.
pub fn write_for_owner(path: &Path, text: &str) -> Result<(), Fault> {
    let writing = || Fault::file("writing", path);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.map_err(writing())?.write_all(text.as_bytes()).map_err(writing())
}

/// Where the server's binary is: beside this one, brought up to date by the cargo that runs us, if one does.
pub fn binary(given: Option<PathBuf>) -> Result<PathBuf, Fault> {
    if let Some(given) = given {
        return if given.is_file() { Ok(given) } else { Err(Fault::Usage(format!("there is no {}", given.display()))) };
    }
    let own = std::env::current_exe().map_err(Fault::io("finding the benchmark's own file"))?;
    let found = own.with_file_name("grantd");
    if let Some(cargo) = clock::variable("CARGO") {
        eprint_line("building the server that is measured");
        let mut command = Command::new(cargo);
        command.args(["build", "--package", "grantd", "--quiet"]);
        if own.parent().is_some_and(|folder| folder.ends_with("release")) {
            command.arg("--release");
        }
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let built = command.status().map_err(Fault::io("running cargo"))?;
        if !built.success() {
            return Err(Fault::Server("the server could not be built: cargo build --release -p grantd".to_owned()));
        }
    }
    if found.is_file() {
        return Ok(found);
    }
    Err(Fault::Usage(format!("there is no {}; build it: cargo build --release -p grantd", found.display())))
}

/// Progress, which is not part of what is asked for, with the seconds since the first. That nobody reads it harms nothing.
pub fn eprint_line(line: &str) {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let passed = BEGAN.get_or_init(clock::instant).elapsed().as_secs();
    let _ = writeln!(std::io::stderr(), "bench: {passed:>4} s  {line}");
}
