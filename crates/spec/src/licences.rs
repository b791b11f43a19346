//! The licence gate: everything that is compiled in may be used under a licence that asks no more of a user than ours does.

use crate::dependencies::Metadata;
use crate::finding::Finding;

/// What may be compiled in. `MPL-2.0` is per file and does not reach over; anything stronger needs a decision page first.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Exceptions widen what a licence permits, so each known one is fine with each allowed licence.
const EXCEPTIONS: &[&str] = &["LLVM-exception"];

/// Every package of the graph, tests and other platforms included, whose licence is missing, unreadable or not on the list.
pub fn violations(metadata: &Metadata) -> Vec<Finding> {
    let judged = metadata.packages.iter().filter_map(|package| {
        let what = match &package.license {
            None => "states no licence".to_owned(),
            Some(expression) => match is_allowed(expression) {
                Ok(true) => return None,
                Ok(false) => {
                    format!("is under `{expression}`, which is not on the list of crates/spec/src/licences.rs")
                }
                Err(reason) => format!("has the licence `{expression}`, which cannot be read: {reason}"),
            },
        };
        Some(Finding::at("Cargo.lock", 0, format!("{} {} {what}", package.name, package.version)))
    });
    judged.collect()
}

/// Whether an SPDX licence expression can be met with allowed licences alone.
///
/// `OR` asks for one side, `AND` for both and binds tighter, `WITH` adds an exception; `/` is the old way to write `OR`.
pub fn is_allowed(expression: &str) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words };
    let verdict = parser.alternatives()?;
    match parser.words.first() {
        None => Ok(verdict),
        Some(word) => Err(format!("`{word}` was not expected")),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Result<bool, String> {
        let mut verdict = self.together()?;
        while self.takes("OR") {
            verdict |= self.together()?;
        }
        Ok(verdict)
    }

    fn together(&mut self) -> Result<bool, String> {
        let mut verdict = self.one()?;
        while self.takes("AND") {
            verdict &= self.one()?;
        }
        Ok(verdict)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.takes("(") {
            let verdict = self.alternatives()?;
            return if self.takes(")") { Ok(verdict) } else { Err("a parenthesis is open".to_owned()) };
        }
        let name = self.next()?;
        if ["AND", "OR", "WITH", ")"].contains(&name) {
            return Err(format!("`{name}` stands where a licence should"));
        }
        let licence = ALLOWED.contains(&name);
        if self.takes("WITH") {
            let exception = EXCEPTIONS.contains(&self.next()?);
            return Ok(licence && exception);
        }
        Ok(licence)
    }

    fn takes(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn next(&mut self) -> Result<&str, String> {
        let (first, rest) = self.words.split_first().ok_or("it ends too early")?;
        self.words = rest;
        Ok(first)
    }
}
