//! Proofs: the `proves:` comments above tests, and the rules that the refusal table names.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, Status, is_rule_id};
use crate::finding::Finding;
use crate::repository::TextFile;
use crate::rust_literals::literals;

/// The table of all refusals; each row names the rule that it enforces.
pub const REFUSAL_TABLE: &str = "crates/protocol/src/refusals.rs";

/// How many lines below its `proves:` a test may begin: room for attributes and a docstring.
const REACH: usize = 12;

/// A test that says which rules it proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The rule, `CODE-04`.
    pub rule: String,
    /// The file of the test.
    pub path: String,
    /// The line of the comment, counted from one.
    pub line: usize,
    /// The name of the test.
    pub test: String,
}

/// Every proof in the test sources among `files`, and what is wrong with a `proves:` comment.
pub fn collect(files: &[TextFile]) -> (Vec<Proof>, Vec<Finding>) {
    let mut proofs = Vec::new();
    let mut findings = Vec::new();
    for (file, language) in files.iter().filter_map(|file| Some((file, language_of(file)?))) {
        read_file(file, language, &mut proofs, &mut findings);
    }
    (proofs, findings)
}

/// Holds proofs and refusals against the catalogue.
///
/// `awaiting` names the rules in force whose proof is still to come. A rule that has found its proof must leave that list, so that it can
/// only shrink.
pub fn judge(catalogue: &Catalogue, proofs: &[Proof], refusals: &[(String, usize)], awaiting: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for proof in proofs {
        match catalogue.rules.get(&proof.rule).map(|rule| &rule.status) {
            Some(Status::InForce { .. }) => {}
            Some(Status::Planned) => {
                let what =
                    format!("{} is proved but only planned: set its status in spec/ or drop the claim", proof.rule);
                findings.push(Finding::at(&proof.path, proof.line, what));
            }
            Some(Status::Withdrawn) | None => {
                let what = format!("{} is not a rule of the catalogue", proof.rule);
                findings.push(Finding::at(&proof.path, proof.line, what));
            }
        }
    }
    for (rule, line) in refusals {
        if !catalogue.rules.contains_key(rule) {
            findings.push(Finding::at(REFUSAL_TABLE, *line, format!("{rule} is not a rule of the catalogue")));
        }
    }
    let proved: BTreeSet<&str> = proofs.iter().map(|proof| proof.rule.as_str()).collect();
    for rule in catalogue.rules.values().filter(|rule| rule.is_in_force()) {
        if !proved.contains(rule.id.as_str()) && !awaiting.contains(&rule.id.as_str()) {
            let what = format!("{} is in force and no test proves it", rule.id);
            findings.push(Finding::at(&rule.place.0, rule.place.1, what));
        }
    }
    findings.extend(awaiting.iter().filter_map(|id| {
        let rule = catalogue.rules.get(*id).filter(|rule| rule.is_in_force());
        let what = match rule {
            None => format!("{id} awaits a proof but is not in force"),
            Some(_) if proved.contains(id) => format!("{id} has its proof: take it off the waiting list"),
            Some(_) => return None,
        };
        Some(Finding::at(WAITING_LIST, 0, what))
    }));
    findings
}

/// The list of rules in force whose proof is still to come.
pub const WAITING_LIST: &str = "crates/spec/tests/it/awaiting.rs";

/// The rules that a refusal table names in its string literals, each with its line.
///
/// A literal that begins like an id of a known group but is none (`CODE-4`) counts as well, so that a slip is found and not skipped.
pub fn rules_named(refusal_table: &str, catalogue: &Catalogue) -> Vec<(String, usize)> {
    literals(refusal_table)
        .into_iter()
        .filter(|literal| {
            let group = literal.value.split_once('-').map(|(group, _)| group);
            is_rule_id(&literal.value) || group.is_some_and(|group| catalogue.has_group(group))
        })
        .map(|literal| (literal.value, literal.line))
        .collect()
}

/// The proofs of each rule, by rule.
pub fn by_rule(proofs: &[Proof]) -> BTreeMap<&str, Vec<&Proof>> {
    let mut map: BTreeMap<&str, Vec<&Proof>> = BTreeMap::new();
    for proof in proofs {
        map.entry(&proof.rule).or_default().push(proof);
    }
    map
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    JavaScript,
    Python,
}

fn language_of(file: &TextFile) -> Option<Language> {
    if !(file.path.starts_with("crates/") || file.path.starts_with("e2e/")) {
        return None;
    }
    match file.extension() {
        "rs" => Some(Language::Rust),
        "js" | "mjs" | "ts" => Some(Language::JavaScript),
        "py" => Some(Language::Python),
        _ => None,
    }
}

fn read_file(file: &TextFile, language: Language, proofs: &mut Vec<Proof>, findings: &mut Vec<Finding>) {
    let lines: Vec<&str> = file.text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(first) = comment(line).and_then(|text| text.strip_prefix("proves:")) else { continue };
        let (ids, below) = list_from(first, lines.get(index + 1..).unwrap_or_default());
        for id in ids.iter().filter(|id| !is_rule_id(id)) {
            findings.push(Finding::at(&file.path, index + 1, format!("`{id}` in `proves:` is not the id of a rule")));
        }
        match test_below(below, language) {
            Ok(test) => proofs.extend(ids.into_iter().filter(|id| is_rule_id(id)).map(|rule| Proof {
                rule,
                path: file.path.clone(),
                line: index + 1,
                test: test.clone(),
            })),
            Err(what) => findings.push(Finding::at(&file.path, index + 1, what)),
        }
    }
}

// The text of a line that is nothing but a comment.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim();
    let text = ["//!", "///", "//", "/*", "#", "*", "--"].iter().find_map(|mark| line.strip_prefix(mark))?;
    Some(text.trim_end_matches("*/").trim())
}

// The ids of a list that goes on in the next comment line as long as a line ends with a comma, and the lines after it.
fn list_from<'a>(first: &str, below: &'a [&'a str]) -> (Vec<String>, &'a [&'a str]) {
    let mut text = first.trim().to_owned();
    let mut rest = below;
    while text.ends_with(',') {
        let Some((more, after)) = rest.split_first().and_then(|(line, after)| Some((comment(line)?, after))) else {
            break;
        };
        text.push_str(more);
        rest = after;
    }
    (text.split(',').map(|id| id.trim().to_owned()).collect(), rest)
}

fn test_below(below: &[&str], language: Language) -> Result<String, String> {
    let near: Vec<&str> = below.iter().take(REACH).map(|line| line.trim()).collect();
    match language {
        Language::Rust => rust_test(&near),
        Language::Python => python_test(&near),
        Language::JavaScript => javascript_test(&near),
    }
}

const NO_TEST: &str = "no test follows this `proves:`";

fn rust_test(near: &[&str]) -> Result<String, String> {
    let position = near.iter().position(|line| function_name(line, "fn ").is_some()).ok_or(NO_TEST)?;
    let (above, from) = near.split_at(position);
    let name = from.first().and_then(|line| function_name(line, "fn ")).ok_or(NO_TEST)?;
    let has = |attribute: &str| above.iter().any(|line| line.starts_with("#[") && line.contains(attribute));
    if !has("test") {
        return Err(format!("`{name}` has a `proves:` but is not a test"));
    }
    if has("ignore") {
        return Err(format!("`{name}` proves nothing while it is ignored"));
    }
    Ok(name)
}

fn python_test(near: &[&str]) -> Result<String, String> {
    let position = near.iter().position(|line| function_name(line, "def ").is_some()).ok_or(NO_TEST)?;
    let (above, from) = near.split_at(position);
    let name = from.first().and_then(|line| function_name(line, "def ")).ok_or(NO_TEST)?;
    if above.iter().any(|line| line.starts_with('@') && line.contains("skip")) {
        return Err(format!("`{name}` proves nothing while it is skipped"));
    }
    Ok(name)
}

// `test("…", …)`, `it('…', …)`, `await step(`…`, …)`: a call whose first argument is the name, on its own line or the next.
fn javascript_test(near: &[&str]) -> Result<String, String> {
    let call = near.iter().position(|line| !line.is_empty() && comment(line).is_none()).ok_or(NO_TEST)?;
    let (_, from) = near.split_at(call);
    let head = from.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    let (callee, arguments) = head.split_once('(').ok_or(NO_TEST)?;
    let arguments = arguments.trim_start();
    let mark = arguments.chars().next().filter(|mark| matches!(mark, '"' | '\'' | '`')).ok_or(NO_TEST)?;
    let name = arguments.split(mark).nth(1).unwrap_or_default().to_owned();
    if callee.contains("skip") || callee.contains("todo") {
        return Err(format!("`{name}` proves nothing while it is skipped"));
    }
    Ok(name)
}

fn function_name(line: &str, keyword: &str) -> Option<String> {
    let (before, after) = line.split_once(keyword)?;
    if !before.split_whitespace().all(|word| matches!(word, "pub" | "pub(crate)" | "async" | "const" | "unsafe")) {
        return None;
    }
    let name: String = after.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
    (!name.is_empty()).then_some(name)
}
