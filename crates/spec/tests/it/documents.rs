//! What a document says stands in the code: a test that it names must be there.

use grantd_spec::repository::text_files;

#[test]
fn every_test_that_the_page_of_attacks_names_is_there() {
    let files = text_files().expect("the files of the repository");
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

fn is_test_name(text: &str) -> bool {
    text.matches('_').count() >= 3 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
