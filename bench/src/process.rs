//! A server as a child process: what it costs and how large it is, read from `/proc`.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::fault::Fault;

/// A child that is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: RefCell<Child>,
    id: u32,
    name: &'static str,
}

/// What a server says on its first line of stdout.
#[derive(Debug, Deserialize)]
struct Announced {
    address: SocketAddr,
}

impl Process {
    /// Starts it, and waits for the line that says where it listens: a JSON object with `address`.
    pub fn start(name: &'static str, mut command: Command) -> Result<(Self, SocketAddr), Fault> {
        // Its stdin stays open as long as we live; the children that are ours end when it closes.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(Fault::io(format!("starting {name} ({command:?})")))?;
        let stdout = child.stdout.take();
        let process = Self { id: child.id(), child: RefCell::new(child), name };
        let mut line = String::new();
        if let Some(stdout) = stdout {
            let read = BufReader::new(stdout.take(LONGEST_LINE)).read_line(&mut line);
            read.map_err(Fault::io(format!("reading what {name} says")))?;
        }
        let announced: Announced = serde_json::from_str(&line).map_err(|_| {
            Fault::Server(format!("{name} did not say where it listens; see for yourself: {command:?}"))
        })?;
        Ok((process, announced.address))
    }

    /// User and system time of all its threads so far, those that ended too. In steps of 10 ms.
    pub fn cpu(&self) -> Result<Duration, Fault> {
        cpu_in(&format!("/proc/{}/stat", self.id))
    }

    /// What is resident now, in bytes.
    pub fn resident(&self) -> Result<u64, Fault> {
        self.status("VmRSS:")
    }

    /// The most that was ever resident, in bytes.
    pub fn most_resident(&self) -> Result<u64, Fault> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<u64, Fault> {
        let path = format!("/proc/{}/status", self.id);
        let status = fs::read_to_string(&path).map_err(Fault::io(format!("reading {path}")))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| Fault::Server(format!("{path} has no {name}")))
    }

    /// `kill -9`: no farewell, nothing flushed.
    pub fn kill(&self) -> Result<(), Fault> {
        let mut child = self.child.borrow_mut();
        child.kill().map_err(Fault::io(format!("killing {}", self.name)))?;
        child.wait().map(drop).map_err(Fault::io(format!("waiting for {}", self.name)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone, or it goes now; there is nobody left to tell.
        let child = self.child.get_mut();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// User and system time of this process.
pub fn own_cpu() -> Result<Duration, Fault> {
    cpu_in("/proc/self/stat")
}

/// What this thread has run so far.
pub fn thread_cpu() -> Result<Duration, Fault> {
    let path = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(path).map_err(Fault::io(format!("reading {path}")))?;
    let nanoseconds = text.split(' ').next().and_then(|number| number.parse().ok());
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| Fault::Part(format!("{path} holds no time")))
}

fn cpu_in(path: &str) -> Result<Duration, Fault> {
    let stat = fs::read_to_string(path).map_err(Fault::io(format!("reading {path}")))?;
    // The name of the program may hold spaces and parentheses: count from the last of those (proc_pid_stat(5), fields 14 and 15).
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: Option<u64> = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().ok()).sum();
    ticks
        .map(|ticks| Duration::from_millis(ticks * MILLISECONDS_A_TICK))
        .ok_or_else(|| Fault::Server(format!("{path} is not as it should be")))
}

/// `USER_HZ` is 100 on every architecture that this runs on.
const MILLISECONDS_A_TICK: u64 = 10;
const LONGEST_LINE: u64 = 4096;
