//! The list: what each line is, what it is held against, and what it is to reach.

use crate::book::{Goal, Line, Unit};

const PARTS: &str = "Parts";
const ENDPOINTS: &str = "Endpoints";

macro_rules! lines {
    ($($name:ident: $section:ident, $id:literal, $unit:ident, $against:literal, $goal:expr, $what:literal;)*) => {
        $(#[doc = $what]
        pub const $name: Line =
            Line { id: $id, section: $section, what: $what, unit: Unit::$unit, against: $against, goal: $goal };)*

        /// Every line, in the order of the report.
        pub const ALL: &[Line] = &[$($name),*];
    };
}

lines! {
    HELLO: PARTS, "hello", PerCpuSecond, "", None, "HTTP/1.1 kept alive, a form in, JSON out, by the same stack and nothing else";
    ES256_SIGN: PARTS, "es256-sign", Microseconds, "", None, "ES256, one signature";
    ES256_VERIFY: PARTS, "es256-verify", Microseconds, "", None, "ES256, a whole access token read and verified";
    EDDSA_SIGN: PARTS, "eddsa-sign", Microseconds, "", None, "EdDSA, one signature";
    EDDSA_VERIFY: PARTS, "eddsa-verify", Microseconds, "", None, "EdDSA, a whole access token read and verified";
    SHA256: PARTS, "sha256", Microseconds, "", None, "SHA-256 of a token";
    ARGON2ID: PARTS, "argon2id", Milliseconds, "", None, "argon2id, 19 MiB, two passes, one lane";
    SYNC_OVERWRITE: PARTS, "sync-overwrite", Microseconds, "", None, "fdatasync after 4 KiB into blocks that are there, median";
    SYNC_APPEND: PARTS, "sync-append", Microseconds, "", None, "fdatasync after 4 KiB at the end of a file, median";
    COMMIT_1: PARTS, "commit-1", Microseconds, "", None, "CPU of committing an exchange, one at a time";
    COMMIT_32: PARTS, "commit-32", Microseconds, "", None, "CPU of committing an exchange, 32 waiting at once";
    COMMIT_128: PARTS, "commit-128", Microseconds, "", None, "CPU of committing an exchange, 128 waiting at once";
    COMMIT_512: PARTS, "commit-512", Microseconds, "", None, "CPU of committing an exchange, 512 waiting at once";

    JWKS: ENDPOINTS, "jwks", PerCpuSecond, "hello", Some(Goal::AtLeast(0.9)), "keys (JWKS)";
    METADATA: ENDPOINTS, "metadata", PerCpuSecond, "hello", Some(Goal::AtLeast(0.9)), "metadata (RFC 8414)";
    INTROSPECTION: ENDPOINTS, "introspection", PerCpuSecond, "hello", Some(Goal::AtLeast(0.9)), "introspection of an opaque token";
    CLIENT_CREDENTIALS: ENDPOINTS, "client_credentials", PerCpuSecond, "hello + ES256", Some(Goal::AtLeast(0.8)), "client_credentials, ES256";
    AUTHORIZE: ENDPOINTS, "authorize", PerCpuSecond, "hello + commit", None, "authorize with a live session and a consent that stands: a code";
    EXCHANGE: ENDPOINTS, "exchange", PerCpuSecond, "hello + ES256 + commit", Some(Goal::AtLeast(0.7)), "authorization_code exchange, durable";
    REFRESH: ENDPOINTS, "refresh", PerCpuSecond, "hello + ES256 + commit", Some(Goal::AtLeast(0.7)), "refresh with rotation, durable";
    FLOW: ENDPOINTS, "flow", PerCpuSecond, "2 hello + ES256 + 2 commits", Some(Goal::AtLeast(0.6)), "the whole flow: authorize, code, exchange";
    LOGIN: ENDPOINTS, "login", PerCpuSecond, "argon2id", Some(Goal::AtLeast(0.9)), "password login: the page, the form, a session";
}
