use grantd_spec::sources::excused_from_the_ban;

use crate::{assert_none, file, repository_files};

#[test]
fn only_the_named_files_ask_the_machine_for_time_randomness_and_settings() {
    assert_none(&excused_from_the_ban(&repository_files()));
}

#[test]
fn an_excuse_in_any_other_source_is_found() {
    let excuse = "#[expect(clippy::disallowed_methods, reason = \"in a hurry\")]";
    assert_eq!(excused_from_the_ban(&[file("crates/protocol/src/token/mod.rs", excuse)]).len(), 1);
    assert_none(&excused_from_the_ban(&[
        file("crates/server/src/env.rs", excuse),
        file("crates/server/tests/it/main.rs", excuse),
    ]));
}
