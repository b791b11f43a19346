//! This very binary as another process: killed in the middle of its work, or with fewer rights.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Runs one ignored test of this binary, and tells it on its standard input what it is about.
pub(crate) fn spawn(test: &str, about: &str) -> Child {
    let command = Command::new(std::env::current_exe().unwrap());
    run(command, test, about)
}

/// As [`spawn`], and never as root, for whom every file can be written.
pub(crate) fn spawn_without_privileges(test: &str, about: &str, directory: &Path) -> Child {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return spawn(test, about);
    }
    let program = directory.join("it");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(program);
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    run(command, test, about)
}

pub(crate) const NOBODY: u32 = 65_534;

/// As [`spawn`], by a command that runs this binary.
pub(crate) fn run(mut command: Command, test: &str, about: &str) -> Child {
    command.args([test, "--exact", "--ignored", "--nocapture"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{about}").unwrap();
    child
}

/// What the parent said that this child is about.
pub(crate) fn about() -> String {
    std::io::stdin().lines().next().unwrap().unwrap()
}

/// Tells the parent. The test harness writes to the same output: a mark tells the lines apart.
pub(crate) fn report(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{MARK}{line}").unwrap();
    out.flush().unwrap();
}

/// What a child reported.
pub(crate) fn reports(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| line.strip_prefix(MARK).map(str::to_owned))
}

const MARK: &str = "report: ";
