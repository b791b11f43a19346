//! The process between this one and the server: what it is told is done, and when this process is gone the server goes.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Mutex;

use crate::files::{Programs, as_server_user};

#[derive(Debug)]
pub(crate) struct Supervisor {
    directory: String,
    process: Child,
    /// `None` when it was told that there is nothing more to do.
    orders: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

impl Supervisor {
    pub(crate) fn start(programs: &Programs, directory: &str) -> Self {
        let mut process = as_server_user("sh")
            .args(["-c", include_str!("supervisor.sh"), "supervisor"])
            .arg(programs.postgres())
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir("/")
            // An interrupt from the keyboard is for the tests; it would leave the directory behind.
            .process_group(0)
            .spawn()
            .unwrap();
        let orders = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { directory: directory.to_owned(), process, orders: Mutex::new(Some(orders)) }
    }

    /// `start`, or the name of the signal by which to end. Returns when it is done.
    pub(crate) fn order(&self, order: &str) {
        let mut orders = self.orders.lock().unwrap();
        let (to, from) = orders.as_mut().unwrap();
        writeln!(to, "{order}").unwrap();
        let mut answer = String::new();
        from.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim_end(), order);
    }

    pub(crate) fn directory(&self) -> &str {
        &self.directory
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(format!("{}/log", self.directory)).unwrap_or_default()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Ok(orders) = self.orders.get_mut() {
            *orders = None;
        }
        let _ = self.process.wait();
    }
}
