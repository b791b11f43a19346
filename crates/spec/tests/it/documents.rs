//! What a document says stands in the code: a test that it names must be there.

use grantd_spec::catalogue::Catalogue;

use crate::repository_files;

#[test]
fn every_test_that_the_page_of_attacks_names_is_there() {
    let files = repository_files();
    let page = files.iter().find(|file| file.path == "docs/attacks.md").expect("docs/attacks.md");
    let code: Vec<&str> = files
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.extension() == "rs")
        .map(|file| file.text.as_str())
        .collect();
    let named = page.text.split('`').skip(1).step_by(2).filter(|name| is_test_name(name));
    let missing: Vec<&str> =
        named.filter(|name| !code.iter().any(|text| text.contains(&format!("fn {name}(")))).collect();
    assert!(missing.is_empty(), "docs/attacks.md names tests that are not there: {missing:#?}");
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
