use grantd_spec::dependencies::Metadata;
use grantd_spec::repository;

use crate::assert_none;

#[test]
fn no_crate_imports_what_it_must_not() {
    let metadata = Metadata::parse(&repository::cargo_metadata().unwrap()).unwrap();
    assert_eq!(metadata.workspace_members.len(), 9, "a new crate changes the map in ARCHITECTURE.md");
    assert_none(&metadata.forbidden_edges());
}

// A graph of our own crates and three foreign ones; `edges` are (from, to, kind).
fn findings_of(edges: &[(&str, &str, Option<&str>)]) -> String {
    let names = [
        "grantd-tokens",
        "grantd-protocol",
        "grantd-store",
        "grantd-resource",
        "grantd-demo",
        "grantd",
        "aws-lc-rs",
        "mio",
        "rand",
    ];
    let packages: Vec<_> = names
        .iter()
        .map(|name| serde_json::json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT" }))
        .collect();
    let nodes: Vec<_> = names
        .iter()
        .map(|name| {
            let deps: Vec<_> = edges
                .iter()
                .filter(|(from, _, _)| from == name)
                .map(|(_, to, kind)| serde_json::json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] }))
                .collect();
            serde_json::json!({ "id": name, "deps": deps })
        })
        .collect();
    let json = serde_json::json!({
        "packages": packages, "workspace_members": names.iter().take(6).collect::<Vec<_>>(), "resolve": { "nodes": nodes },
    });
    let findings = Metadata::parse(&json.to_string()).unwrap().forbidden_edges();
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_edges_of_the_design_are_free() {
    let edges = [
        ("grantd-protocol", "grantd-tokens", None),
        ("grantd-store", "grantd-protocol", None),
        ("grantd-resource", "grantd-tokens", None),
        ("grantd-resource", "mio", None),
        ("grantd-demo", "grantd-resource", None),
        ("grantd", "grantd-store", None),
    ];
    assert_eq!(findings_of(&edges), "");
}

#[test]
fn a_forbidden_edge_is_found_and_an_edge_of_tests_is_not() {
    assert!(
        findings_of(&[("grantd-resource", "grantd-protocol", None)])
            .contains("grantd-resource must not import grantd-protocol")
    );
    assert!(
        findings_of(&[("grantd-tokens", "grantd-protocol", None)])
            .contains("grantd-tokens must not import grantd-protocol")
    );
    assert!(
        findings_of(&[("grantd-demo", "grantd-tokens", Some("build"))])
            .contains("grantd-demo must not import grantd-tokens")
    );
    assert_eq!(findings_of(&[("grantd-resource", "grantd-protocol", Some("dev"))]), "");
}

#[test]
fn a_runtime_below_the_pure_core_is_found_through_others_too() {
    let edges =
        [("grantd-protocol", "grantd-tokens", None), ("grantd-tokens", "aws-lc-rs", None), ("aws-lc-rs", "mio", None)];
    let findings = findings_of(&edges);
    assert!(findings.contains("grantd-tokens is pure but reaches grantd-tokens → aws-lc-rs → mio"), "{findings}");
    assert!(
        findings.contains("grantd-protocol is pure but reaches grantd-protocol → grantd-tokens → aws-lc-rs → mio"),
        "{findings}"
    );
}

#[test]
fn randomness_imported_by_the_pure_core_is_found_but_not_that_of_its_crypto_library() {
    assert!(findings_of(&[("grantd-tokens", "rand", None)]).contains("must not import rand"));
    assert_eq!(findings_of(&[("grantd-tokens", "aws-lc-rs", None), ("aws-lc-rs", "rand", None)]), "");
}
