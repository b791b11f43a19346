//! Gates over the sources as texts: how long a file may be, and that none tells where it was written.

use crate::finding::Finding;
use crate::repository::TextFile;

/// From here on a file invites a second look.
pub const LINES_TO_LOOK_AT: usize = 400;
/// From here on a file must be cut.
pub const LINES_TOO_MANY: usize = 600;

/// Files that may be longer, each for its reason.
const LONG_BY_NATURE: &[(&str, &str)] =
    &[("crates/protocol/src/refusals.rs", "one table with a row for each way to say no; cutting it would hide a row")];

/// Folders under which people's and build machines' files lie. Written in halves, or this file would find itself.
const HOMES: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("\\Us", "ers\\"),
    concat!("/wo", "rk/"),
];

/// The Rust sources (not tests) that are longer than `limit` lines and not long by nature.
pub fn longer_than(limit: usize, files: &[TextFile]) -> Vec<Finding> {
    let sources = files.iter().filter(|file| is_source(file));
    let long = sources.filter(|file| !LONG_BY_NATURE.iter().any(|(path, _)| *path == file.path));
    long.filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > limit).then(|| Finding::at(&file.path, 0, format!("{lines} lines: what in it has a name of its own?")))
    })
    .collect()
}

/// The files that may read the clock, the environment or the operating system's randomness; `clippy.toml` refuses it to all others.
const MAY_ASK_THE_MACHINE: &[&str] =
    &["crates/server/src/env.rs", "crates/server/src/config.rs", "crates/resource/src/clock.rs"];

/// Every source that excuses itself from the ban on ambient time, randomness and settings without being one of the named few.
pub fn excused_from_the_ban(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // The clients of the demo are programs of their own; what they do with the clock decides nothing.
    let sources = files.iter().filter(|file| is_source(file) && !file.path.starts_with("crates/demo/"));
    for file in sources.filter(|file| !MAY_ASK_THE_MACHINE.contains(&file.path.as_str())) {
        for (number, line) in (1..).zip(file.text.lines()) {
            if line.contains(concat!("disallowed_", "methods")) {
                let what = "may not ask the machine for time, randomness or settings: take them as arguments";
                findings.push(Finding::at(&file.path, number, what));
            }
        }
    }
    findings
}

/// Something that only one place may do, told by the words that do it.
#[derive(Clone, Copy, Debug)]
pub struct OnePlace {
    /// What it is.
    pub what: &'static str,
    /// The words by which it is done.
    pub words: &'static [&'static str],
    /// Whose sources are looked through.
    pub within: &'static [&'static str],
    /// Where they may stand.
    pub only_in: &'static [&'static str],
}

/// Every line of code that does elsewhere what only one place may do. Comments may name it.
pub fn astray(rule: &OnePlace, files: &[TextFile]) -> Vec<Finding> {
    let begins = |path: &str, places: &[&str]| places.iter().any(|place| path.starts_with(place));
    let mut findings = Vec::new();
    let sources = files.iter().filter(|file| is_source(file) && begins(&file.path, rule.within));
    for file in sources.filter(|file| !begins(&file.path, rule.only_in)) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            if rule.words.iter().any(|word| code.contains(word)) {
                findings.push(Finding::at(
                    &file.path,
                    number,
                    format!("{}: only in {}", rule.what, rule.only_in.join(", ")),
                ));
            }
        }
    }
    findings
}

/// Lines that compare an exposed secret with an operator: its time tells how much was right (KEYS-15).
pub fn compared_in_the_open(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_source(file) && !file.path.starts_with("crates/demo/")) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains(concat!(".exp", "ose()")) && (code.contains("==") || code.contains("!=")) {
                findings.push(Finding::at(
                    &file.path,
                    number,
                    "compares an exposed secret: compare `Secret`s or digests",
                ));
            }
        }
    }
    findings
}

/// Every absolute path of a machine in a text file. Such a path helps no reader and tells an attacker something.
pub fn leaks_of_origin(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for (number, line) in (1..).zip(file.text.lines()) {
            if let Some(home) = HOMES.iter().find(|home| begins_a_path(line, home)) {
                findings.push(Finding::at(&file.path, number, format!("holds a path of a machine (`{home}…`)")));
            }
        }
    }
    findings
}

// `/path/` at the beginning of a word: in `https://api.example/path/` it belongs to a URL. A drive letter may stand before a backslash.
fn begins_a_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        home.starts_with('\\')
            || !before.is_some_and(|character| character.is_alphanumeric() || "._-*}~".contains(character))
    })
}

fn is_source(file: &TextFile) -> bool {
    file.path.starts_with("crates/") && file.path.contains("/src/") && file.extension() == "rs"
}
