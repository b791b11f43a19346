//! What a document says stands in the code: a test that it names must be there.

use grantd_spec::catalogue::Catalogue;

use crate::repository_files;

#[test]
fn every_test_that_the_pages_of_attacks_and_complaints_name_is_there() {
    names_only_tests_that_are_there("docs/attacks.md");
    names_only_tests_that_are_there("docs/complaints.md");
}

fn names_only_tests_that_are_there(path: &str) {
    let files = repository_files();
    let page: String = files.iter().filter(|file| file.path == path).map(|file| file.text.as_str()).collect();
    let code: Vec<&str> = files
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.extension() == "rs")
        .map(|file| file.text.as_str())
        .collect();
    let named = page.split('`').skip(1).step_by(2).filter(|name| is_test_name(name));
    let named: Vec<&str> = named.collect();
    assert!(!named.is_empty(), "{path} names no test");
    let missing: Vec<&str> =
        named.into_iter().filter(|name| !code.iter().any(|text| text.contains(&format!("fn {name}(")))).collect();
    assert!(missing.is_empty(), "{path} names tests that are not there: {missing:#?}");
}

#[test]
fn the_readme_claims_as_many_rules_as_are_in_force() {
    let (catalogue, _) = Catalogue::parse(&repository_files());
    let in_force = catalogue.rules.values().filter(|rule| rule.is_in_force()).count();
    let files = repository_files();
    let readme = files.iter().find(|file| file.path == "README.md").expect("README.md");
    assert!(readme.text.contains(&format!("[{in_force} rules]")), "README.md: {in_force} rules are in force");
}

fn is_test_name(text: &str) -> bool {
    text.matches('_').count() >= 3 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
