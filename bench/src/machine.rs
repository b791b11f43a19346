//! What a report is about: which machine, which disk, which commit, when.

use std::fs;
use std::path::Path;
use std::process::Command;

use grantd_tokens::Time;
use serde::Serialize;

use crate::clock;
use crate::fault::Fault;

/// Where and when a run took place.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// How many there are.
    pub cores: usize,
    /// File system and device of the folder that is written to.
    pub disk: String,
    /// The operating system's kernel.
    pub kernel: String,
    /// The day, in UTC.
    pub date: String,
    /// The commit that was built, with a `+` if something was changed since.
    pub commit: String,
    /// The command line.
    pub command: String,
}

impl Machine {
    /// This one, now. Refuses a folder in memory: nothing durable can be measured there.
    pub fn of(folder: &Path) -> Result<Self, Fault> {
        Ok(Self {
            cpu: first_value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            disk: disk_of(folder)?,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned()),
            date: date(clock::now()),
            commit: commit(),
            command: command_line(),
        })
    }
}

fn first_value(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

/// The mount with the longest path that the folder lies under (proc_pid_mountinfo(5)).
fn disk_of(folder: &Path) -> Result<String, Fault> {
    let path = "/proc/self/mounts";
    let mounts = fs::read_to_string(path).map_err(Fault::io(format!("reading {path}")))?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (device, at, kind) = (fields.next()?, fields.next()?, fields.next()?);
        folder.starts_with(at).then_some((at.len(), device, kind))
    });
    match mounts.max_by_key(|(length, ..)| *length) {
        Some((_, _, kind @ ("tmpfs" | "ramfs"))) => Err(Fault::Usage(format!(
            "{} is in memory ({kind}), where nothing is durable; name a folder on a disk with --dir",
            folder.display()
        ))),
        Some((_, device, kind)) => Ok(format!("{kind} on {device}")),
        None => Ok("unknown".to_owned()),
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else { return "unknown".to_owned() };
    let is_changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    if is_changed { format!("{commit}+") } else { commit }
}

/// As it is typed, whatever the binary's folder is called. Folders that were named are left out: they are of one machine.
fn command_line() -> String {
    let mut words = vec!["cargo run --release -p bench".to_owned()];
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some() {
        words.push("--".to_owned());
    }
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--dir" | "--server" => drop(arguments.next()),
            other if other.starts_with("--dir=") || other.starts_with("--server=") => {}
            _ => words.push(argument),
        }
    }
    words.join(" ")
}

/// The day of a moment in UTC: days since 1970-01-01 to year, month and day of the Gregorian calendar.
pub fn date(now: Time) -> String {
    let days = now.0.div_euclid(86_400);
    let mut year = 1970;
    let mut left = days;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", left + 1)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}
