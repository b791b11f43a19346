use grantd_spec::sql::{concatenated_or_astray, violations};

use crate::{assert_none, file, repository_files};

#[test]
fn all_sql_is_portable() {
    assert_none(&violations(&repository_files()));
}

fn in_migration(sql: &str) -> String {
    let findings = violations(&[file("crates/store/migrations/0001.sql", sql)]);
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn portable_sql_passes() {
    assert_eq!(
        in_migration(
            "-- SERIAL keys and now() stand in a comment only; /* so does\n   a TRIGGER */\n\
             CREATE TABLE codes (hash TEXT PRIMARY KEY, used_at BIGINT, note TEXT DEFAULT 'now() FOR UPDATE') WITHOUT ROWID;\n\
             INSERT INTO codes (hash, used_at) VALUES ($1, $2) ON CONFLICT (issuer, hash) DO NOTHING;\n\
             UPDATE codes SET used_at = $1 WHERE hash = $2 AND used_at IS NULL RETURNING hash;\n\
             CREATE INDEX updates_for_update ON codes (used_at);",
        ),
        ""
    );
}

#[test]
fn each_thing_that_the_table_forbids_is_found() {
    for sql in [
        "CREATE TABLE t (id SERIAL)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY)",
        "SELECT nextval('s')",
        "SELECT pg_advisory_xact_lock($1)",
        "LISTEN keys",
        "CREATE TRIGGER t AFTER INSERT ON codes",
        "SELECT 1 FROM codes WHERE hash = $1\n  for   update",
        "CREATE TABLE t (g TEXT REFERENCES grants (id) ON DELETE CASCADE)",
        "SELECT now ()",
        "SELECT CURRENT_TIMESTAMP",
        "SELECT strftime('%s', 'now')",
        "MERGE INTO codes USING x ON y",
        "INSERT INTO t VALUES ($1) ON CONFLICT (lower(name)) DO NOTHING",
        "INSERT INTO t VALUES ($1) ON CONFLICT (a, b || c) DO NOTHING",
        "INSERT INTO t VALUES ($1) ON CONFLICT ON CONSTRAINT t_pk DO NOTHING",
        "WITH spent AS (UPDATE codes SET used_at = $1 RETURNING hash) SELECT hash FROM spent",
        "CREATE TYPE status AS ENUM ('a')",
        "CREATE TABLE t (scopes TEXT[])",
        "CREATE TEMP TABLE t (a TEXT)",
        "COPY t FROM STDIN",
        "DECLARE c CURSOR FOR SELECT 1",
        "SELECT a FROM t LIMIT 10 OFFSET 20",
        "SELECT COUNT(*) FROM t",
    ] {
        assert!(!in_migration(sql).is_empty(), "{sql}");
    }
}

#[test]
fn what_stands_beside_the_statements_and_what_is_derived_from_them_is_read_too() {
    let for_one_server =
        file("crates/store/src/statements/loading.rs", "const A: &str = \"SELECT a FROM t FOR SHARE\";");
    let derived = file("crates/store/src/statements/merged.sql", "UPDATE t SET a = now();");
    assert_eq!(violations(&[for_one_server, derived]).len(), 2);
}

#[test]
fn a_finding_names_the_line() {
    let findings =
        in_migration("CREATE TABLE t (\n  id TEXT, /* two\n lines */\n  made_at BIGINT DEFAULT CURRENT_TIMESTAMP\n)");
    assert_eq!(
        findings,
        "crates/store/migrations/0001.sql:4: `CURRENT_TIMESTAMP` is not portable: the time as a parameter"
    );
}

#[test]
fn statements_are_read_from_string_literals_and_not_from_comments_or_code() {
    let source = "//! Never \"FOR UPDATE\".\nfn count(offset: usize) { let quote = '\"'; }\n\
                  const A: &str = \"SELECT a FROM t \\\n    WHERE b = $1\";\nconst B: &str = r#\"SELECT \"offset\"\nFROM t FOR SHARE\"#;\n";
    let findings = violations(&[file("crates/store/src/statements.rs", source)]);
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["crates/store/src/statements.rs:6: `FOR SHARE` is not portable: one guarded UPDATE … WHERE … RETURNING"]
    );
}

// proves: STORE-10
#[test]
fn every_statement_is_a_constant_of_the_store() {
    assert_none(&concatenated_or_astray(&repository_files()));
}

#[test]
fn a_statement_put_together_or_astray_is_found() {
    let glued = file("crates/store/src/rows.rs", "let sql = format!(\"SELECT * FROM codes WHERE hash = '{hash}'\");");
    let astray = file("crates/server/src/http/token.rs", "let sql = \"\\n  DELETE FROM codes WHERE hash = $1\";");
    let constant = file("crates/store/src/statements.rs", "const A: &str = \"DELETE FROM codes WHERE hash = $1\";");
    let prose = file("crates/server/src/main.rs", "println!(\"Update {name} with care\");");
    let findings = concatenated_or_astray(&[glued, astray, constant, prose]);
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "crates/store/src/rows.rs:1: a statement is a constant: pass the value as a parameter",
            "crates/server/src/http/token.rs:1: SQL belongs into crates/store",
        ]
    );
}
