use grantd_spec::catalogue::Catalogue;

use crate::{assert_none, file, repository_files};

const HEADER: &str = "| ID | Rule | Source | On violation | Status |\n|---|---|---|---|---|\n";

#[test]
fn the_catalogue_is_well_formed_and_complete() {
    let (catalogue, findings) = Catalogue::parse(&repository_files());
    assert_none(&findings);
    assert_eq!(
        catalogue.rules.len(),
        488,
        "a rule is never deleted: mark it withdrawn; adding one changes this number"
    );
}

#[test]
fn numbers_of_a_group_are_in_order() {
    for file in repository_files().iter().filter(|file| file.path.starts_with("spec/")) {
        let (catalogue, _) = Catalogue::parse(std::slice::from_ref(file));
        let mut by_place: Vec<_> = catalogue.rules.values().collect();
        by_place.sort_by_key(|rule| rule.place.1);
        let ids: Vec<_> = by_place.iter().map(|rule| &rule.id).collect();
        assert!(ids.is_sorted(), "{}: {ids:?}", file.path);
    }
}

#[test]
fn every_group_file_is_named_in_no_other_case_than_its_group() {
    for file in repository_files().iter().filter(|file| file.path.starts_with("spec/")) {
        let name = file.path.trim_start_matches("spec/");
        assert!(
            name == "README.md" || name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '.'),
            "{name}"
        );
    }
}

#[track_caller]
fn findings_of(rows: &str) -> String {
    let text = format!("# CODE — authorization code\n\n{HEADER}{rows}");
    let (_, findings) = Catalogue::parse(&[file("spec/code.md", &text)]);
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_good_row_is_read() {
    assert_eq!(findings_of("| CODE-01 | Rule. | policy | `BUILD` | in force |\n"), "");
    assert_eq!(findings_of("| CODE-01 | Rule. | policy | `BUILD` | in force: half of it |\n"), "");
}

#[test]
fn a_row_that_stands_twice_is_found() {
    let row = "| CODE-01 | Rule. | policy | `BUILD` | planned |\n";
    assert!(findings_of(&format!("{row}{row}")).contains("stands already in spec/code.md:5"));
}

#[test]
fn a_malformed_id_is_found() {
    for id in ["CODE-1", "code-01", "CODE01", "CODE-001", "-01"] {
        let findings = findings_of(&format!("| {id} | Rule. | policy | `BUILD` | planned |\n"));
        assert!(findings.contains("is not an id"), "{id}: {findings}");
    }
}

#[test]
fn a_row_in_the_file_of_another_group_is_found() {
    assert!(
        findings_of("| PKCE-01 | Rule. | policy | `BUILD` | planned |\n")
            .contains("belongs into the file of its group")
    );
}

#[test]
fn a_missing_cell_and_an_unknown_status_are_found() {
    assert!(findings_of("| CODE-01 | Rule. | policy | planned |\n").contains("five cells, this one has 4"));
    assert!(findings_of("| CODE-01 | Rule. | policy | `BUILD` | done |\n").contains("is no status"));
    assert!(findings_of("| CODE-01 | Rule. | policy | `BUILD` | in force: |\n").contains("is no status"));
}
