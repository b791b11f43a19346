//! How a command fails: what is wrong, what to do, and the number the shell sees.

use std::io;

use grantd_protocol::registration::RegistrationFault;
use grantd_store::StoreFault;

use crate::config::{ConfigFaults, SecretFileFault};
use crate::demo::DemoRunFault;
use crate::keys::{KekFault, KeyFault};
use crate::listen::{BindFault, TlsFault};
use crate::password::PasswordFault;
use crate::serve::StartFault;
use crate::telemetry::LogFault;

/// Why a command did not do what it was asked to. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The configuration, or a file it names.
    #[error("{0}")]
    Config(#[from] ConfigFaults),
    /// What was to be registered may not be.
    #[error("{}", lines(.0))]
    Refused(Vec<RegistrationFault>),
    /// There is no such thing.
    #[error("there is no {what} {id:?}\n    fix: `grantd {what} list` shows all")]
    Absent {
        /// client, user, resource, grant or key.
        what: &'static str,
        /// As it was named.
        id: String,
    },
    /// Something stands in the way.
    #[error("{why}\n    fix: {fix}")]
    InTheWay {
        /// What.
        why: String,
        /// What to do.
        fix: String,
    },
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// A file with a secret.
    #[error("{}\n    fix: {}", .0.why, .0.fix)]
    SecretFile(SecretFileFault),
    /// Stdin.
    #[error("cannot read from stdin: {source}")]
    Input {
        /// What the system said.
        source: io::Error,
    },
    /// Stdout.
    #[error("cannot write to stdout: {source}")]
    Output {
        /// What the system said.
        source: io::Error,
    },
    /// The folder of the database.
    #[error("cannot make the folder {}: {source}", path.display())]
    Folder {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreFault),
    /// The signing keys.
    #[error("{0}")]
    Keys(#[from] KeyFault),
    /// Somebody else was first.
    #[error("somebody else changed the same thing at the same moment\n    fix: look at it, and try again")]
    Raced,
    /// Hashing.
    #[error("{0}")]
    Password(#[from] PasswordFault),
    /// Logging cannot start.
    #[error("{0}")]
    Log(#[from] LogFault),
    /// Threads for the work cannot be had.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// The server.
    #[error("{0}")]
    Start(#[from] StartFault),
    /// The demonstration.
    #[error("{0}")]
    Demo(#[from] DemoRunFault),
}

impl Failure {
    /// The exit code: those of `sysexits.h` where one fits.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Log(_) | Self::Demo(DemoRunFault::Config(_)) => CONFIG,
            Self::Refused(_)
            | Self::Absent { .. }
            | Self::InTheWay { .. }
            | Self::Raced
            | Self::Demo(DemoRunFault::Demo(_) | DemoRunFault::Ended) => FAILURE,
            Self::Usage(_) => USAGE,
            Self::SecretFile(_) => NO_PERMISSION,
            Self::Input { .. } | Self::Output { .. } => IO,
            Self::Folder { source, .. } | Self::Demo(DemoRunFault::Io { source, .. }) => of_io(source),
            Self::Store(fault) => of_store(fault),
            Self::Keys(fault) => of_keys(fault),
            Self::Password(_) | Self::Runtime(_) => UNAVAILABLE,
            Self::Start(fault) | Self::Demo(DemoRunFault::Start(fault)) => of_start(fault),
        }
    }
}

fn of_start(fault: &StartFault) -> u8 {
    match fault {
        StartFault::Store(fault) => of_store(fault),
        StartFault::Keys(fault) => of_keys(fault),
        StartFault::Tls(TlsFault::ReadableByAll(_)) | StartFault::Bind(BindFault::NotAllowed { .. }) => NO_PERMISSION,
        StartFault::ExtraCaFile { source, .. } => of_io(source),
        StartFault::Bind(_) => UNAVAILABLE,
        StartFault::Tls(_) | StartFault::ExtraCa(_) | StartFault::Issuer(_) => CONFIG,
        StartFault::Declare(_) => FAILURE,
    }
}

fn of_keys(fault: &KeyFault) -> u8 {
    match fault {
        KeyFault::Kek(KekFault::ReadableByOthers(_)) => NO_PERMISSION,
        KeyFault::Kek(KekFault::File { source, .. }) => of_io(source),
        KeyFault::Store(fault) => of_store(fault),
        KeyFault::Kek(KekFault::Gone(_) | KekFault::NotShared(_) | KekFault::Malformed(_))
        | KeyFault::Sealed { .. } => CONFIG,
        KeyFault::Crypto(_) | KeyFault::Set | KeyFault::Missing(_) | KeyFault::Contention(_) => FAILURE,
    }
}

fn of_store(fault: &StoreFault) -> u8 {
    match fault {
        StoreFault::NoPermission { .. } | StoreFault::NotLetIn { .. } | StoreFault::NoPrivilege { .. } => NO_PERMISSION,
        StoreFault::NoDirectory { .. }
        | StoreFault::NotADatabase { .. }
        | StoreFault::NewerSchema { .. }
        | StoreFault::NoDatabase { .. }
        | StoreFault::Untrusted { .. }
        | StoreFault::Occupied { .. }
        | StoreFault::NotDurable { .. }
        | StoreFault::OlderSchema { .. } => CONFIG,
        StoreFault::Exists { .. } | StoreFault::LeftBehind { .. } | StoreFault::NotEmpty { .. } => FAILURE,
        StoreFault::Locked { .. }
        | StoreFault::Unreachable { .. }
        | StoreFault::Unknown { .. }
        | StoreFault::InUse { .. }
        | StoreFault::HalfCopied { .. }
        | StoreFault::Busy
        | StoreFault::Closed => UNAVAILABLE,
        StoreFault::Full { .. }
        | StoreFault::Io { .. }
        | StoreFault::Damaged { .. }
        | StoreFault::Corrupt { .. }
        | StoreFault::Unwritable => IO,
    }
}

fn of_io(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::PermissionDenied { NO_PERMISSION } else { IO }
}

fn lines(faults: &[RegistrationFault]) -> String {
    let line = |fault: &RegistrationFault| {
        format!("{}: {} ({})\n    fix: {}", fault.field, fault.problem, fault.rule, fault.fix)
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

const FAILURE: u8 = 1;
const USAGE: u8 = 2;
const UNAVAILABLE: u8 = 69;
const IO: u8 = 74;
const NO_PERMISSION: u8 = 77;
const CONFIG: u8 = 78;
