use grantd_spec::finding::report;
use grantd_spec::sources::{LINES_TO_LOOK_AT, LINES_TOO_MANY, longer_than};

use crate::{assert_none, file, repository_files};

#[test]
fn no_source_is_too_long() {
    let files = repository_files();
    let long = longer_than(LINES_TO_LOOK_AT, &files);
    if !long.is_empty() {
        println!("worth a second look, longer than {LINES_TO_LOOK_AT} lines: {}", report(&long));
    }
    assert_none(&longer_than(LINES_TOO_MANY, &files));
}

#[test]
fn a_long_source_is_found_and_a_long_table_or_test_is_not() {
    let text = "line\n".repeat(LINES_TOO_MANY + 1);
    assert_eq!(longer_than(LINES_TOO_MANY, &[file("crates/x/src/long.rs", &text)]).len(), 1);
    assert_none(&longer_than(LINES_TOO_MANY, &[file("crates/x/src/long.rs", text.trim_start_matches("line\n"))]));
    assert_none(&longer_than(
        LINES_TOO_MANY,
        &[file("crates/protocol/src/refusals.rs", &text), file("crates/x/tests/it/long.rs", &text)],
    ));
}
