//! The project held to its own rules. Each gate is applied to the repository and to a small text that breaks it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod ambient_reads;
mod awaiting;
mod catalogue;
mod conformance;
mod dependency_rule;
mod documents;
mod file_sizes;
mod licences;
mod no_leaks_of_origin;
mod one_place;
mod proofs;
mod sql_rules;

use grantd_spec::finding::{Finding, report};
use grantd_spec::repository::{self, TextFile};

fn repository_files() -> Vec<TextFile> {
    repository::text_files().unwrap()
}

fn file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.to_owned(), text: text.to_owned() }
}

#[track_caller]
fn assert_none(findings: &[Finding]) {
    assert!(findings.is_empty(), "{}", report(findings));
}

/// Whether the committed artefacts are to be written anew rather than compared.
#[expect(clippy::disallowed_methods, reason = "the one switch of this test run; no product code reads it")]
fn blesses() -> bool {
    std::env::var_os("GRANTD_BLESS").is_some_and(|value| value == "1")
}
