//! What the operator sees of the running server: log lines.
//!
//! Owns the form of a line, who may write one at which level, and the access log. Does not own what is said: each place that
//! logs answers for its values being no secrets (LOG-01). Start at [`start`].

mod access;
mod line;

use std::io::{self, IsTerminal};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

pub use access::{RequestId, RequestIds, logged};
pub use line::{LogLines, harmless, harmless_json};

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line, for machines.
    Json,
}

impl LogFormat {
    /// For people if one is looking, else for machines.
    pub fn fitting_stderr() -> Self {
        if io::stderr().is_terminal() { Self::Human } else { Self::Json }
    }
}

/// Starts logging to stderr, for the whole process, and sends panics there, too.
///
/// `directives` are those of `RUST_LOG` (`info`, `grantd::fetch=debug`); without them the variable itself counts.
pub fn start(format: LogFormat, directives: Option<&str>) -> Result<(), LogFault> {
    let filter = match directives {
        Some(directives) => EnvFilter::try_new(directives)?,
        None => EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env()?,
    };
    let lines = LogLines::new(format, io::stderr).with_filter(our_own_details());
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(|_| LogFault::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Nothing below `info` from libraries, whatever the directives: at `debug` and `trace` they print headers and URLs (LOG-01).
pub fn our_own_details() -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(|metadata| *metadata.level() <= Level::INFO || metadata.target().starts_with("grantd"))
}

/// Logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// The directives do not parse.
    #[error("the log filter is not understood: {0}. Write a level (`info`), or `target=level` pairs, as in RUST_LOG")]
    Directives(#[from] tracing_subscriber::filter::ParseError),
    /// `RUST_LOG` does not parse.
    #[error("RUST_LOG is not understood: {0}. Write a level (`info`), or `target=level` pairs")]
    Environment(#[from] tracing_subscriber::filter::FromEnvError),
    /// It has been started before.
    #[error("logging was started twice in this process")]
    Twice,
}

/// A message that was fixed at compile time holds no value. One that was put together may: only its place is told (LOG-01).
fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let says = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("(withheld: it may hold a value)");
    tracing::error!(place, says, "panic");
}
