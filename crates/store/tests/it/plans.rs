//! How SQLite finds what a statement asks for: in a large database, what is not found by an index is not found in time.

use grantd_store::{Location, Store};
use rusqlite::Connection;

/// Of each issuer there are few signing keys, one row that counts their changes, and a count of what waits has a limit.
const OF_A_WHOLE_ISSUER: &[&str] = &[
    "SIGNING_KEYS",
    "REMOVED_KEYS",
    "KEYS_REVISION",
    "ADVANCE_KEYS_REVISION",
    "SWEEP_REMOVED_KEYS",
    "WAITING_IN_ALL",
    "NEWEST_EVENTS",
];

/// Name and text of every statement, as they stand in the source.
fn statements() -> Vec<(String, String)> {
    let source = include_str!("../../src/statements.rs");
    let (_, source) = source.split_once("statements! {").unwrap();
    let mut found = Vec::new();
    for part in source.split("\";\n") {
        let Some((before, text)) = part.split_once('"') else { continue };
        let name = before.trim().trim_end_matches('=').trim().rsplit(char::is_whitespace).next().unwrap();
        let text: Vec<&str> = text.split("\\\n").map(str::trim_start).collect();
        found.push((name.to_owned(), text.concat()));
    }
    found
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    explained.raw_query().mapped(|row| row.get(3)).map(Result::unwrap).collect()
}

fn goes_through_too_much(step: &str) -> bool {
    let through_a_table = step.starts_with("SCAN ") && step != "SCAN CONSTANT ROW" && step != "SCAN counted";
    // Most grants are not revoked, and one token of each family is unspent.
    through_a_table || step.ends_with("(issuer=?)") || step.ends_with("_at=?)")
}

#[test]
fn no_statement_goes_through_all_rows_of_an_issuer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    drop(Store::open(&Location::File(path.clone())).unwrap());
    let connection = Connection::open(&path).unwrap();
    let statements = statements();
    assert!(statements.len() > 80, "{}", statements.len());
    for (name, sql) in statements {
        let plan = plan(&connection, &sql);
        // Whether a grant ended together with the few keys that there were.
        let is_of_keys = |step: &str| name == "GRANTS_REVOKED_SINCE" && step == "SCAN signing_keys";
        let too_much = plan.iter().any(|step| goes_through_too_much(step) && !is_of_keys(step));
        assert_eq!(too_much, OF_A_WHOLE_ISSUER.contains(&name.as_str()), "{name}: {plan:?}");
    }
}

#[test]
fn what_one_user_gave_to_one_client_is_found_among_what_they_gave() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    drop(Store::open(&Location::File(path.clone())).unwrap());
    let connection = Connection::open(&path).unwrap();
    let (_, sql) = statements().into_iter().find(|(name, _)| name == "REVOKE_GRANTS_TO_CLIENT").unwrap();
    assert!(plan(&connection, &sql).concat().contains("grants_by_user"));
}
