//! What a gate has to say, and where.

use std::fmt;

/// One broken rule of the project, at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path relative to the root of the repository.
    pub path: String,
    /// Line, counted from one; zero when the whole file is meant.
    pub line: usize,
    /// What is wrong and, where it is not plain, what would be right.
    pub what: String,
}

impl Finding {
    /// A finding at a line of a file.
    pub fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(formatter, "{}: {}", self.path, self.what)
        } else {
            write!(formatter, "{}:{}: {}", self.path, self.line, self.what)
        }
    }
}

/// All findings, one a line, in the order of the files: what a failing gate prints.
pub fn report(findings: &[Finding]) -> String {
    let mut sorted = findings.to_vec();
    sorted.sort();
    sorted.dedup();
    let lines: Vec<String> = sorted.iter().map(ToString::to_string).collect();
    format!("{} finding(s)\n{}", lines.len(), lines.join("\n"))
}
