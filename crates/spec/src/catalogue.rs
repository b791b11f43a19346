//! The requirement catalogue: the tables of `spec/*.md`, read into rules.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::repository::TextFile;

/// The header that every table of the catalogue has.
const HEADER: &str = "| ID | Rule | Source | On violation | Status |";

/// Whether a rule binds today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Built, and to be proved by a test. `part` names how much of it, where the rest waits for features not built yet.
    InForce {
        /// The part that binds today; nothing when all of it does.
        part: Option<String>,
    },
    /// Not built yet: nothing may claim to prove it.
    Planned,
    /// Dropped. The number stays taken.
    Withdrawn,
}

/// One row of the catalogue.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `CODE-04`.
    pub id: String,
    /// What always holds.
    pub text: String,
    /// Whether it binds today.
    pub status: Status,
    /// Where it stands: file and line.
    pub place: (String, usize),
}

impl Rule {
    /// Whether the rule, or a part of it, binds today.
    pub fn is_in_force(&self) -> bool {
        matches!(self.status, Status::InForce { .. })
    }

    /// The group that the id names: `CODE` for `CODE-04`.
    pub fn group(&self) -> &str {
        self.id.split('-').next().unwrap_or_default()
    }
}

/// All rules, in the order of their ids.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// By id.
    pub rules: BTreeMap<String, Rule>,
    /// The heading of each group's file, by group.
    pub titles: BTreeMap<String, String>,
}

impl Catalogue {
    /// Reads the group files among `files`. What is wrong with a row is a finding, and the row is left out.
    ///
    /// Checks the form of the rows, that ids are unique and that each stands in the file of its group. Whether the rules are the right
    /// ones is for people to say.
    pub fn parse(files: &[TextFile]) -> (Self, Vec<Finding>) {
        let mut catalogue = Self::default();
        let mut findings = Vec::new();
        for file in files.iter().filter(|file| is_group_file(&file.path)) {
            catalogue.read_group(file, &mut findings);
        }
        (catalogue, findings)
    }

    fn read_group(&mut self, file: &TextFile, findings: &mut Vec<Finding>) {
        let group = group_of(&file.path);
        let mut has_header = false;
        for (number, line) in (1..).zip(file.text.lines()) {
            if let Some(title) = line.strip_prefix("# ") {
                self.titles.insert(group.clone(), title.to_owned());
            } else if line == HEADER {
                has_header = true;
            } else if line.starts_with("| ") {
                match row(line, &group) {
                    Ok(mut rule) => {
                        rule.place = (file.path.clone(), number);
                        self.insert(rule, findings);
                    }
                    Err(what) => findings.push(Finding::at(&file.path, number, what)),
                }
            }
        }
        if !has_header {
            findings.push(Finding::at(&file.path, 0, format!("has no table that begins with `{HEADER}`")));
        }
        if !self.titles.get(&group).is_some_and(|title| title.starts_with(&format!("{group} — "))) {
            findings.push(Finding::at(&file.path, 0, format!("its heading must begin with `# {group} — `")));
        }
    }

    fn insert(&mut self, rule: Rule, findings: &mut Vec<Finding>) {
        if let Some(first) = self.rules.get(&rule.id) {
            let (path, line) = &first.place;
            let what = format!("{} stands already in {path}:{line}", rule.id);
            findings.push(Finding::at(&rule.place.0, rule.place.1, what));
            return;
        }
        self.rules.insert(rule.id.clone(), rule);
    }

    /// Whether a rule of this group exists.
    pub fn has_group(&self, group: &str) -> bool {
        self.titles.contains_key(group)
    }
}

/// Whether `text` has the form of a rule id: capital letters, a hyphen, two digits.
pub fn is_rule_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(group, number)| {
        !group.is_empty()
            && group.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 2
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_group_file(path: &str) -> bool {
    path.strip_prefix("spec/")
        .and_then(|name| name.strip_suffix(".md"))
        .is_some_and(|name| name != "README" && !name.contains('/'))
}

fn group_of(path: &str) -> String {
    path.trim_start_matches("spec/").trim_end_matches(".md").to_ascii_uppercase()
}

fn row(line: &str, group: &str) -> Result<Rule, String> {
    let cells: Vec<&str> =
        line.trim().trim_start_matches("| ").trim_end_matches(" |").split(" | ").map(str::trim).collect();
    let [id, text, source, violation, status] = cells.as_slice() else {
        return Err(format!("a row has five cells, this one has {}", cells.len()));
    };
    if !is_rule_id(id) {
        return Err(format!("`{id}` is not an id: capital letters, a hyphen, two digits"));
    }
    if id.split('-').next() != Some(group) {
        return Err(format!("{id} belongs into the file of its group, not into that of {group}"));
    }
    if [text, source, violation].iter().any(|cell| cell.is_empty()) {
        return Err(format!("{id} has an empty cell"));
    }
    let status = parse_status(status)
        .ok_or_else(|| format!("{id}: `{status}` is no status (in force · in force: part · planned · withdrawn)"))?;
    Ok(Rule { id: (*id).to_owned(), text: (*text).to_owned(), status, place: (String::new(), 0) })
}

fn parse_status(text: &str) -> Option<Status> {
    match text {
        "in force" => Some(Status::InForce { part: None }),
        "planned" => Some(Status::Planned),
        "withdrawn" => Some(Status::Withdrawn),
        _ => {
            let part = text.strip_prefix("in force: ").filter(|part| !part.is_empty())?;
            Some(Status::InForce { part: Some(part.to_owned()) })
        }
    }
}
