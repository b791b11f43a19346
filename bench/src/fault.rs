//! Why a run ends without figures.

use std::io;
use std::path::Path;

use grantd_store::StoreFault;

/// What went wrong, in words for whoever started the benchmark.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// An answer was not what the line is about, or no answer came.
    #[error("{0}")]
    Answer(String),
    /// A server did not start, or ended.
    #[error("{0}")]
    Server(String),
    /// The store, asked directly.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// A part could not be measured.
    #[error("{0}")]
    Part(String),
    /// Something that was answered was not there after the server was killed.
    #[error("not durable: {0}")]
    Lost(String),
    /// The command line asks for what cannot be done.
    #[error("{0}")]
    Usage(String),
}

impl Fault {
    /// Says what was being done.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// Says which file it was.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        Self::io(format!("{doing} {}", path.display()))
    }
}
