//! The list: what each line is, what it is held against, and what it is to reach.

use crate::book::{Goal, Line, Unit};

const PARTS: &str = "Parts";
const ENDPOINTS: &str = "Endpoints";
/// More and more of them.
pub const CONNECTIONS: &str = "Connections";
/// Another server.
pub const PEERS: &str = "node-oidc-provider, beside it";
const COMMITS: &str = "Commits";
/// The other store.
pub const POSTGRES: &str = "On PostgreSQL";
const LATENCY: &str = "Latency";
/// Databases that have grown.
pub const GROWTH: &str = "Growth";
const SIZE: &str = "Size and start";

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
    ES256_VERIFY: PARTS, "es256-verify", Microseconds, "", None, "ES256, one verification";
    EDDSA_SIGN: PARTS, "eddsa-sign", Microseconds, "", None, "EdDSA, one signature";
    EDDSA_VERIFY: PARTS, "eddsa-verify", Microseconds, "", None, "EdDSA, one verification";
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
    RESOURCE_SERVER: ENDPOINTS, "resource-server", PerCpuSecond, "ES256 verification", Some(Goal::AtLeast(0.8)), "a resource server's check of a signed token, in the tower layer";

    PEER_CLIENT_CREDENTIALS: PEERS, "peer-client_credentials", PerCpuSecond, "grantd ÷ this", Some(Goal::AtLeast(8.0)), "client_credentials, ES256";
    PEER_INTROSPECTION: PEERS, "peer-introspection", PerCpuSecond, "grantd ÷ this", Some(Goal::AtLeast(8.0)), "introspection of an opaque token";
    PEER_REFRESH: PEERS, "peer-refresh", PerCpuSecond, "grantd ÷ this", Some(Goal::AtLeast(8.0)), "refresh with rotation";
    PEER_FLOW: PEERS, "peer-flow", PerCpuSecond, "grantd ÷ this", Some(Goal::AtLeast(6.0)), "authorize with a live session, and exchange";
    PEER_RESIDENT: PEERS, "peer-resident", Megabytes, "", None, "resident memory, the most that was seen";

    CLIENT_CREDENTIALS_AT_1: CONNECTIONS, "client_credentials-1", PerCpuSecond, "", None, "client_credentials over one connection";
    CLIENT_CREDENTIALS_AT_16: CONNECTIONS, "client_credentials-16", PerCpuSecond, "", None, "client_credentials over 16 connections";
    CLIENT_CREDENTIALS_AT_64: CONNECTIONS, "client_credentials-64", PerCpuSecond, "", None, "client_credentials over 64 connections";
    CLIENT_CREDENTIALS_AT_128: CONNECTIONS, "client_credentials-128", PerCpuSecond, "", None, "client_credentials over 128 connections";
    CLIENT_CREDENTIALS_AT_512: CONNECTIONS, "client_credentials-512", PerCpuSecond, "", None, "client_credentials over 512 connections";
    REFRESH_AT_1: CONNECTIONS, "refresh-1", PerCpuSecond, "", None, "refresh over one connection";
    REFRESH_AT_16: CONNECTIONS, "refresh-16", PerCpuSecond, "", None, "refresh over 16 connections";
    REFRESH_AT_64: CONNECTIONS, "refresh-64", PerCpuSecond, "", None, "refresh over 64 connections";
    REFRESH_AT_128: CONNECTIONS, "refresh-128", PerCpuSecond, "", None, "refresh over 128 connections";
    REFRESH_AT_512: CONNECTIONS, "refresh-512", PerCpuSecond, "", None, "refresh over 512 connections";

    GROUP_COMMIT: COMMITS, "group-commit", Ratio, "", Some(Goal::AtLeast(10.0)), "exchanges committed in a second, 128 waiting at once: together ÷ each by itself";
    FULL: COMMITS, "full-normal", Ratio, "", None, "exchanges committed in a second, 128 waiting at once: synchronous=FULL ÷ NORMAL";

    PG_COMMIT: POSTGRES, "pg-commit", Microseconds, "", None, "CPU of committing an exchange, 128 waiting at once; the database's own is not in it";
    PG_INTROSPECTION: POSTGRES, "pg-introspection", PerCpuSecond, "hello", None, "introspection of an opaque token";
    PG_CLIENT_CREDENTIALS: POSTGRES, "pg-client_credentials", PerCpuSecond, "hello + ES256", None, "client_credentials, ES256";
    PG_EXCHANGE: POSTGRES, "pg-exchange", PerCpuSecond, "hello + ES256 + commit", Some(Goal::AtLeast(0.7)), "authorization_code exchange, durable";
    PG_REFRESH: POSTGRES, "pg-refresh", PerCpuSecond, "hello + ES256 + commit", Some(Goal::AtLeast(0.7)), "refresh with rotation, durable";
    PG_FLOW: POSTGRES, "pg-flow", PerCpuSecond, "2 hello + ES256 + 2 commits", Some(Goal::AtLeast(0.6)), "the whole flow: authorize, code, exchange";
    PG_TRANSACTIONS: POSTGRES, "pg-transactions", Ratio, "", Some(Goal::AtMost(1.0)), "transactions that write, for each refresh under load";
    PG_ONE_NODE: POSTGRES, "pg-one-node", PerCpuSecond, "", None, "refresh on one node";
    PG_TWO_NODES: POSTGRES, "pg-two-nodes", PerCpuSecond, "one node", Some(Goal::AtLeast(0.9)), "refresh on two nodes at once, for each CPU second of both";

    ALONE: LATENCY, "alone", Ratio, "", Some(Goal::AtMost(3.0)), "one exchange alone: p50 ÷ fdatasync of blocks that are there";
    TOKEN_IDLE: LATENCY, "token-idle", Milliseconds, "", None, "client_credentials while nothing else happens, p99";
    TOKEN_STORM: LATENCY, "token-storm", Milliseconds, "idle p99", Some(Goal::AtMost(2.0)), "client_credentials during a login storm, p99";

    EXCHANGE_AT_10_4: GROWTH, "exchange-10^4", Microseconds, "", None, "CPU of an exchange, 10⁴ grants stored";
    EXCHANGE_AT_10_6: GROWTH, "exchange-10^6", Microseconds, "10⁴", Some(Goal::AtMost(1.3)), "CPU of an exchange, 10⁶ grants stored";
    EXCHANGE_GROWN: GROWTH, "exchange-grown", Microseconds, "10⁴", Some(Goal::AtMost(1.3)), "CPU of an exchange, as many grants stored as `--grown` says";
    REFRESH_AT_10_4: GROWTH, "refresh-10^4", Microseconds, "", None, "CPU of a refresh, 10⁴ grants stored";
    REFRESH_AT_10_6: GROWTH, "refresh-10^6", Microseconds, "10⁴", Some(Goal::AtMost(1.3)), "CPU of a refresh, 10⁶ grants stored";
    REFRESH_GROWN: GROWTH, "refresh-grown", Microseconds, "10⁴", Some(Goal::AtMost(1.3)), "CPU of a refresh, as many grants stored as `--grown` says";
    BYTES_A_GRANT: GROWTH, "bytes-a-grant", Bytes, "", None, "database bytes for each grant: its session, itself, its spent code, its refresh token";

    START: SIZE, "start", Milliseconds, "", Some(Goal::AtMost(100.0)), "start to the first 200, on a database that is there";
    RESIDENT_IDLE: SIZE, "resident-idle", Megabytes, "", Some(Goal::AtMost(30.0)), "resident memory of a server that was just started";
    RESIDENT_LOADED: SIZE, "resident-loaded", Megabytes, "", Some(Goal::AtMost(80.0)), "resident memory under load, the most that was seen";
    BINARY: SIZE, "binary", Megabytes, "", Some(Goal::AtMost(20.0)), "the release binary";
}
