//! What only one place may do.

use grantd_spec::sources::{OnePlace, astray, compared_in_the_open};

use crate::{assert_none, file, repository_files};

const CALLING_OUT: OnePlace = OnePlace {
    what: "calls out",
    words: &["reqwest", "TcpStream::connect", "TcpSocket", "lookup_host", "hyper_util::client"],
    within: &["crates/server/", "crates/store/", "crates/protocol/", "crates/tokens/"],
    only_in: &["crates/server/src/fetch/"],
};

const DRAWING: OnePlace = OnePlace {
    what: "draws random bytes",
    words: &["SystemRandom", "rand::fill", "getrandom", "thread_rng", "fastrand", "OsRng"],
    within: &["crates/server/", "crates/store/", "crates/protocol/", "crates/tokens/", "crates/resource/"],
    only_in: &["crates/server/src/env.rs", "crates/tokens/src/crypto.rs"],
};

// proves: FETCH-01
#[test]
fn only_the_guarded_fetcher_calls_out() {
    assert_none(&astray(&CALLING_OUT, &repository_files()));
    let call = "let answer = reqwest::get(url).await?;";
    assert_eq!(astray(&CALLING_OUT, &[file("crates/server/src/http/login.rs", call)]).len(), 1);
    assert_none(&astray(&CALLING_OUT, &[file("crates/server/src/fetch/mod.rs", call)]));
}

// proves: KEYS-14
#[test]
fn random_bytes_come_from_the_operating_system_by_one_door() {
    assert_none(&astray(&DRAWING, &repository_files()));
    let draw = "let id = fastrand::u64(..);";
    assert_eq!(astray(&DRAWING, &[file("crates/protocol/src/token/issue.rs", draw)]).len(), 1);
}

// proves: KEYS-15
#[test]
fn secrets_are_compared_by_the_constant_time_function_and_nowhere_in_the_open() {
    let files = repository_files();
    assert_none(&compared_in_the_open(&files));
    let open = "if presented.expose() == stored { }";
    assert_eq!(compared_in_the_open(&[file("crates/protocol/src/client_auth/mod.rs", open)]).len(), 1);
    let text =
        |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str()).unwrap_or_default();
    assert!(text("crates/tokens/src/crypto.rs").contains("constant_time::verify_slices_are_equal"));
    assert!(text("crates/tokens/src/secret.rs").contains("crypto::constant_time_eq"));
    assert!(text("crates/tokens/src/secret.rs").contains("self.hash().matches(&other.hash())"));
}
