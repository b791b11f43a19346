//! The conformance page: what is in force, and which tests show it. Made from the catalogue and the proofs, so that it cannot claim more.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, Rule, Status};
use crate::proofs::{Proof, by_rule};

/// Where the page is kept.
pub const PAGE: &str = "docs/book/conformance.md";

const HEAD: &str = "\
# Conformance

Made from the catalogue in `spec/` and the proofs in the tests; do not edit, run `GRANTD_BLESS=1 cargo test -p grantd-spec`.
A rule is *in force* when it is built; its proofs are the tests that fail when the rule is taken out of the code. A rule that is in
force in part says which part. What is *planned* is not claimed.
";

/// The whole page. Without line numbers, so that it changes only when a claim does.
pub fn page(catalogue: &Catalogue, proofs: &[Proof]) -> String {
    let proofs = by_rule(proofs);
    let mut groups: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
    for rule in catalogue.rules.values() {
        groups.entry(rule.group()).or_default().push(rule);
    }
    let mut text = HEAD.to_owned();
    text.push_str("\n## Groups\n\n| Group | In force | of these proved | Planned |\n|---|---:|---:|---:|\n");
    let mut total = Count::default();
    for (group, rules) in &groups {
        let count = Count::of(rules, &proofs);
        total.add(&count);
        let title = catalogue.titles.get(*group).map_or(*group, String::as_str);
        push_line(&mut text, &format!("| [{title}](../../spec/{}.md) | {count} |", group.to_ascii_lowercase()));
    }
    push_line(&mut text, &format!("| **all** | {total} |"));
    for (group, rules) in &groups {
        let in_force: Vec<&&Rule> = rules.iter().filter(|rule| rule.is_in_force()).collect();
        if in_force.is_empty() {
            continue;
        }
        push_line(&mut text, &format!("\n## {}\n", catalogue.titles.get(*group).map_or(*group, String::as_str)));
        for rule in in_force {
            push_rule(&mut text, rule, proofs.get(rule.id.as_str()).map_or(&[], Vec::as_slice));
        }
    }
    text
}

fn push_rule(text: &mut String, rule: &Rule, proofs: &[&Proof]) {
    let part = match &rule.status {
        Status::InForce { part: Some(part) } => format!(" *(so far: {part})*"),
        _ => String::new(),
    };
    push_line(text, &format!("- **{}**{part} {}", rule.id, rule.text));
    let tests: BTreeSet<(&str, &str)> = proofs.iter().map(|proof| (proof.path.as_str(), proof.test.as_str())).collect();
    if tests.is_empty() {
        push_line(text, "  - *proof to come*");
    }
    for (path, test) in tests {
        push_line(text, &format!("  - `{path}`: `{test}`"));
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[derive(Default)]
struct Count {
    in_force: usize,
    proved: usize,
    planned: usize,
}

impl Count {
    fn of(rules: &[&Rule], proofs: &BTreeMap<&str, Vec<&Proof>>) -> Self {
        let in_force = rules.iter().filter(|rule| rule.is_in_force());
        Self {
            in_force: in_force.clone().count(),
            proved: in_force.filter(|rule| proofs.contains_key(rule.id.as_str())).count(),
            planned: rules.iter().filter(|rule| rule.status == Status::Planned).count(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.in_force += other.in_force;
        self.proved += other.proved;
        self.planned += other.planned;
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} | {} | {}", self.in_force, self.proved, self.planned)
    }
}
