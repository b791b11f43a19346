//! Secrets in files of their own: read once, refused if everybody could.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use grantd_tokens::Secret;
use zeroize::Zeroizing;

/// Why a secret cannot be taken from a file: why, and what to do. Never holds the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFileFault {
    /// What is wrong.
    pub why: String,
    /// What to do.
    pub fix: String,
}

/// The content without the line end at its end. A file that everybody may read holds no secret.
pub fn read_secret(path: &Path) -> Result<Secret, SecretFileFault> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| SecretFileFault {
        why: format!("the file {shown} cannot be read: {error}"),
        fix: "name a file that this user may read".to_owned(),
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_file() && metadata.permissions().mode() & READABLE_BY_OTHERS != 0 {
        let why = format!("the file {shown} may be read by every user of this machine");
        return Err(SecretFileFault { why, fix: format!("chmod o= {shown}") });
    }
    let mut text = Zeroizing::new(String::new());
    file.by_ref().take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        let why = format!("the file {shown} has more than {MAX_BYTES} bytes");
        return Err(SecretFileFault { why, fix: "name a file with the secret and nothing else".to_owned() });
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains('\n') {
        let why = format!("the file {shown} is empty, or has more than one line");
        return Err(SecretFileFault { why, fix: "write the secret into it, in one line".to_owned() });
    }
    Ok(Secret::new(line))
}

const READABLE_BY_OTHERS: u32 = 0o004;
const MAX_BYTES: u64 = 4096;
