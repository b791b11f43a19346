//! PostgreSQL's programs, and files that belong to the user it runs as.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian puts PostgreSQL, one folder a version.
const OF_DEBIAN: &str = "/usr/lib/postgresql";

/// The folder of PostgreSQL's programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The newest that is installed.
    pub(crate) fn find() -> Self {
        let versions =
            std::fs::read_dir(OF_DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
        let mut folders: Vec<PathBuf> = versions.filter(|folder| folder.join("postgres").exists()).collect();
        folders.sort_by_key(|folder| version_of(folder));
        match folders.pop().or_else(on_the_path) {
            Some(folder) => Self { folder },
            None => panic!(
                "PostgreSQL is not installed: there is no `postgres` below {OF_DEBIAN} and none on the PATH. \
                 Debian, Ubuntu: apt-get install postgresql"
            ),
        }
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// Runs one of them to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) {
        let done = as_server_user(self.folder.join(program)).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// A new directory of the server's own, in the directory of what is temporary.
pub(crate) fn make_directory() -> String {
    let template = std::env::temp_dir().join("grantd-postgres-XXXXXX");
    let made = as_server_user("mktemp").arg("-d").arg(template).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim_end().to_owned()
}

/// Writes a file that the server's user alone can read.
pub(crate) fn write(path: &str, content: &str) {
    let mut writer = as_server_user("sh");
    let mut writer = writer.args(["-c", "umask 077; cat >\"$1\"", "sh", path]).stdin(Stdio::piped()).spawn().unwrap();
    writer.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success(), "{path}");
}

/// A program that runs as the user whose server it is: this process's, and `postgres` if that is root.
pub(crate) fn as_server_user(program: impl AsRef<Path>) -> Command {
    let program = program.as_ref();
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn version_of(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.split('.').next()?.parse().ok()
}

fn on_the_path() -> Option<PathBuf> {
    let found = Command::new("sh").args(["-c", "command -v postgres"]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim_end());
    path.parent().filter(|_| path.is_absolute()).map(Path::to_owned)
}
