//! What is wrong with the configuration: where, what, why, and what to do.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A place in a file; lines and columns count from one, columns in characters.
    File {
        /// Which file, as it was named.
        path: PathBuf,
        /// Which line.
        line: usize,
        /// Which character in it.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line, column } => write!(formatter, "{}:{line}:{column}", path.display()),
            Self::Variable(name) | Self::Flag(name) => formatter.write_str(name),
        }
    }
}

/// One thing that is wrong. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// Where it was said; [`Origin::Default`] for what was not said at all.
    pub origin: Origin,
    /// What was said.
    pub what: String,
    /// What is wrong with it.
    pub why: String,
    /// What to do.
    pub fix: String,
}

impl ConfigFault {
    /// The four parts.
    pub fn new(origin: Origin, what: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { origin, what: what.into(), why: why.into(), fix: fix.into() }
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default => formatter.write_str("configuration")?,
            said => write!(formatter, "{said}")?,
        }
        write!(formatter, ": {}: {}\n    fix: {}", self.what, self.why, self.fix)
    }
}

/// Everything that is wrong, at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{fault}")?;
        }
        Ok(())
    }
}
