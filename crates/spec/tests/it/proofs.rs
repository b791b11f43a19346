use std::fs;

use grantd_spec::catalogue::Catalogue;
use grantd_spec::finding::Finding;
use grantd_spec::proofs::{Proof, REFUSAL_TABLE, WAITING_LIST, collect, judge, rules_named};
use grantd_spec::repository;

use crate::awaiting::AWAITING;
use crate::{assert_none, blesses, file, repository_files};

#[test]
fn every_rule_in_force_has_a_proof_and_every_proof_a_rule() {
    let files = repository_files();
    let (catalogue, _) = Catalogue::parse(&files);
    let (proofs, mut findings) = collect(&files);
    let refusals = files.iter().find(|file| file.path == REFUSAL_TABLE);
    let refusals = refusals.map_or_else(Vec::new, |table| rules_named(&table.text, &catalogue));
    let mut awaiting = AWAITING.to_vec();
    if blesses() {
        awaiting.retain(|id| !proofs.iter().any(|proof| proof.rule == *id));
        write_waiting_list(&awaiting);
    }
    findings.extend(judge(&catalogue, &proofs, &refusals, &awaiting));
    assert_none(&findings);
}

fn write_waiting_list(awaiting: &[&str]) {
    let path = repository::root().join(WAITING_LIST);
    let text = fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once("= &[").unwrap();
    let lines: Vec<String> = awaiting.iter().map(|id| format!("    \"{id}\",")).collect();
    let list = if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) };
    fs::write(path, format!("{head}= &[{list}];\n")).unwrap();
}

#[test]
fn the_waiting_list_is_sorted_and_free_of_doubles() {
    assert!(AWAITING.is_sorted_by(|left, right| left < right));
}

const RULES: &str = "# CODE — authorization code

| ID | Rule | Source | On violation | Status |
|---|---|---|---|---|
| CODE-01 | First. | policy | `BUILD` | in force |
| CODE-02 | Second. | policy | `BUILD` | in force: half |
| CODE-03 | Third. | policy | `BUILD` | planned |
";

fn rules() -> Catalogue {
    Catalogue::parse(&[file("spec/code.md", RULES)]).0
}

fn proof(rule: &str) -> Proof {
    Proof { rule: rule.to_owned(), path: "crates/x/tests/it/code.rs".to_owned(), line: 7, test: "it_holds".to_owned() }
}

fn text(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_proved_is_no_finding() {
    assert_none(&judge(&rules(), &[proof("CODE-01"), proof("CODE-02")], &[("CODE-01".to_owned(), 3)], &[]));
}

#[test]
fn a_rule_in_force_without_a_proof_is_found_unless_it_is_awaited() {
    let findings = judge(&rules(), &[proof("CODE-01")], &[], &[]);
    assert_eq!(text(&findings), "spec/code.md:6: CODE-02 is in force and no test proves it");
    assert_none(&judge(&rules(), &[proof("CODE-01")], &[], &["CODE-02"]));
}

#[test]
fn the_waiting_list_cannot_keep_what_is_proved_or_not_in_force() {
    let findings =
        text(&judge(&rules(), &[proof("CODE-01"), proof("CODE-02")], &[], &["CODE-02", "CODE-03", "CODE-09"]));
    assert!(findings.contains("CODE-02 has its proof"));
    assert!(findings.contains("CODE-03 awaits a proof but is not in force"));
    assert!(findings.contains("CODE-09 awaits a proof but is not in force"));
}

#[test]
fn a_proof_of_a_planned_or_unknown_rule_is_found() {
    let awaiting = ["CODE-01", "CODE-02"];
    let findings = text(&judge(&rules(), &[proof("CODE-03"), proof("CODE-77")], &[], &awaiting));
    assert!(findings.contains("crates/x/tests/it/code.rs:7: CODE-03 is proved but only planned"));
    assert!(findings.contains("crates/x/tests/it/code.rs:7: CODE-77 is not a rule"));
}

#[test]
fn a_refusal_that_names_an_unknown_rule_is_found() {
    let table = "// \"CODE-88\" in a comment is prose\nrefusals! {\n  A => X, \"CODE-01\", \"RFC 6749 §5.2\", \"no\";\n  B => X, \"CODE-9\", \"\", \"\";\n}";
    let named = rules_named(table, &rules());
    assert_eq!(named, [("CODE-01".to_owned(), 3), ("CODE-9".to_owned(), 4)]);
    let findings = judge(&rules(), &[], &named, &["CODE-01", "CODE-02"]);
    assert_eq!(text(&findings), "crates/protocol/src/refusals.rs:4: CODE-9 is not a rule of the catalogue");
}

#[track_caller]
fn read(path: &str, source: &str) -> (Vec<(String, String)>, String) {
    let (proofs, findings) = collect(&[file(path, source)]);
    (proofs.into_iter().map(|proof| (proof.rule, proof.test)).collect(), text(&findings))
}

fn pair(rule: &str, test: &str) -> (String, String) {
    (rule.to_owned(), test.to_owned())
}

// The marker is put together here, for otherwise this very file would claim the proofs that it only talks about.
fn with_marker(text: &str) -> String {
    text.replace("PROVES", "proves:")
}

#[test]
fn a_rust_test_is_named_for_each_rule_it_proves() {
    let source = with_marker("// PROVES CODE-01,\n// CODE-02\n#[tokio::test]\nasync fn it_holds() {}\n");
    let (proofs, findings) = read("crates/x/tests/it/code.rs", &source);
    assert_eq!(proofs, [pair("CODE-01", "it_holds"), pair("CODE-02", "it_holds")]);
    assert_eq!(findings, "");
}

#[test]
fn javascript_and_python_tests_are_named_too() {
    let source = with_marker("  // PROVES CODE-01\n  await step(\n    `it holds`, async () => {});\n");
    assert_eq!(read("e2e/dance.mjs", &source), (vec![pair("CODE-01", "it holds")], String::new()));
    let source = with_marker("# PROVES CODE-01\ndef test_it_holds(server):\n    pass\n");
    assert_eq!(read("e2e/test_authlib.py", &source), (vec![pair("CODE-01", "test_it_holds")], String::new()));
}

#[test]
fn a_proof_above_anything_but_a_running_test_is_found() {
    for (source, complaint) in [
        ("// PROVES CODE-01\nfn not_a_test() {}\n", "is not a test"),
        ("// PROVES CODE-01\n#[test]\n#[ignore]\nfn asleep() {}\n", "while it is ignored"),
        ("// PROVES CODE-01\nconst X: u8 = 1;\n", "no test follows"),
        ("// PROVES CODE-1\n#[test]\nfn it_holds() {}\n", "`CODE-1` in `proves:` is not the id of a rule"),
    ] {
        let (proofs, findings) = read("crates/x/src/code.rs", &with_marker(source));
        assert!(proofs.is_empty() && findings.contains(complaint), "{source}: {findings}");
    }
    let (proofs, findings) =
        read("e2e/dance.mjs", &with_marker("// PROVES CODE-01\ntest.skip('it holds', () => {});\n"));
    assert!(proofs.is_empty() && findings.contains("while it is skipped"), "{findings}");
}

#[test]
fn a_file_that_is_no_test_source_proves_nothing() {
    let source = with_marker("// PROVES CODE-01\n#[test]\nfn it_holds() {}\n");
    assert_eq!(read("docs/book/example.rs", &source), (Vec::new(), String::new()));
    assert_eq!(read("crates/x/README.md", &source), (Vec::new(), String::new()));
}
