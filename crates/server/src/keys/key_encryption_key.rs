//! The key that the signing keys are encrypted with at rest (KEYS-04): from a file or the environment, never from the
//! database it protects.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use grantd_tokens::{KeyEncryptionKey, Secret};
use zeroize::Zeroizing;

use crate::env::OsRandom;

/// Where the key-encryption key comes from.
#[derive(Clone, Debug)]
pub enum KekSource {
    /// A file that only its owner may read; made on first start.
    File(PathBuf),
    /// A file that every node on a database has a copy of: no node makes one for itself.
    Shared(PathBuf),
    /// 32 bytes in base64url, from the environment.
    Inline(Secret),
    /// Made for this run alone: with a database that does not outlive it either.
    Fleeting,
}

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekFault {
    /// The file.
    #[error("cannot {doing} the key-encryption key {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// There are keys that were sealed with it, so this is no first start.
    #[error(
        "the key-encryption key {} is not there, and nothing else opens the signing keys in the database; \
         put back the key-encryption key that this database was made with", .0.display()
    )]
    Gone(PathBuf),
    /// Every node needs the same one, so that none makes its own.
    #[error(
        "the key-encryption key {path} is not there; every node on one database needs the same: copy it from another node, \
         or make it once for all of them: (umask 077; openssl rand 32 | basenc --base64url | tr -d = > {path})",
        path = .0.display()
    )]
    NotShared(PathBuf),
    /// Somebody else could read it.
    #[error("the key-encryption key {} may be read by others; run: chmod 600 {}", .0.display(), .0.display())]
    ReadableByOthers(PathBuf),
    /// It is not one.
    #[error("{0} holds no key-encryption key: expected 43 characters of base64url (32 bytes) and nothing else")]
    Malformed(String),
}

impl std::fmt::Display for KekSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) | Self::Shared(path) => write!(formatter, "the file {}", path.display()),
            Self::Inline(_) => formatter.write_str("GRANTD_KEYS__KEY_ENCRYPTION_KEY"),
            Self::Fleeting => formatter.write_str("this run"),
        }
    }
}

impl KekSource {
    /// Reads the key, or makes it on first start with permissions for its owner alone. One that is shared is never made.
    pub fn open_or_create(&self) -> Result<KeyEncryptionKey, KekFault> {
        match self.open() {
            Err(KekFault::Gone(path)) => create(&path),
            opened => opened,
        }
    }

    /// Reads the key that was made before. A file that is not there is [`KekFault::Gone`], and stays so.
    pub fn open(&self) -> Result<KeyEncryptionKey, KekFault> {
        let malformed = || KekFault::Malformed(self.to_string());
        match self {
            Self::Inline(text) => KeyEncryptionKey::parse(text.expose().trim()).ok_or_else(malformed),
            Self::Fleeting => Ok(KeyEncryptionKey::generate(&mut OsRandom)),
            Self::File(path) => match File::open(path) {
                Ok(file) => read(path, file)?.ok_or_else(malformed),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(KekFault::Gone(path.clone())),
                Err(source) => Err(KekFault::File { path: path.clone(), doing: "read", source }),
            },
            Self::Shared(path) => Self::File(path.clone()).open().map_err(|fault| match fault {
                KekFault::Gone(path) => KekFault::NotShared(path),
                other => other,
            }),
        }
    }
}

fn read(path: &Path, mut file: File) -> Result<Option<KeyEncryptionKey>, KekFault> {
    let fault = |source| KekFault::File { path: path.to_owned(), doing: "read", source };
    let mode = file.metadata().map_err(fault)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KekFault::ReadableByOthers(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(fault)?;
    Ok(KeyEncryptionKey::parse(text.trim()))
}

/// The name of a new file is durable only with its directory; what the key seals would outlive it.
fn sync_directory_of(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// Written whole to a new file and then linked into place: two first starts at once agree on one key, and a crash leaves
/// no half of one.
fn create(path: &Path) -> Result<KeyEncryptionKey, KekFault> {
    let fault = |source| KekFault::File { path: path.to_owned(), doing: "create", source };
    let key = KeyEncryptionKey::generate(&mut OsRandom);
    // A name that no other start has had: one that ended half-way may have left its draft, and in a container every process
    // has the same number.
    let draft = path.with_extension(format!("draft-{}", Secret::random(&mut OsRandom).expose()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(key.to_base64url().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::hard_link(&draft, path)?;
        sync_directory_of(path)
    })();
    // Whatever came of it, the draft is not needed any more; a draft that cannot be removed holds no key in use.
    let _ = std::fs::remove_file(&draft);
    match written {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let file = File::open(path).map_err(fault)?;
            read(path, file)?.ok_or_else(|| KekFault::Malformed(format!("the file {}", path.display())))
        }
        Err(source) => Err(fault(source)),
    }
}
