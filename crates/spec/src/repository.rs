//! The repository as the gates see it: text files under version control, by relative path.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// One text file of the repository.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// Path relative to the root, with `/` between its parts.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl TextFile {
    /// What stands after the last dot of the name: `rs`, `sql`.
    pub fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// The root of the repository, seen from this crate.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every text file that git tracks or would track. A file with a NUL byte or without valid UTF-8 is no text and is left out.
///
/// Untracked files count, too: a finding is cheaper before the commit than after it.
pub fn text_files() -> io::Result<Vec<TextFile>> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()?;
    if !listing.status.success() {
        let reason = String::from_utf8_lossy(&listing.stderr).into_owned();
        return Err(io::Error::other(format!("git ls-files: {reason}")));
    }
    let mut files = Vec::new();
    for name in listing.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let path = String::from_utf8_lossy(name).into_owned();
        let Some(bytes) = present(&root().join(&path))? else { continue };
        if bytes.contains(&0) {
            continue;
        }
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(TextFile { path, text });
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files.dedup_by(|left, right| left.path == right.path);
    Ok(files)
}

// A file deleted in the work tree but not yet in the index is still listed; a submodule or a link to a folder is no file.
fn present(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if !path.is_file() {
        return Ok(None);
    }
    fs::read(path).map(Some)
}

/// What `cargo metadata` says of the workspace, its resolved dependency graph included.
///
/// Dependencies of all platforms are in it, so that a rule does not hold on one machine only.
pub fn cargo_metadata() -> io::Result<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("cargo metadata: {reason}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
