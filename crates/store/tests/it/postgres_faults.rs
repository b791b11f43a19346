//! What can be wrong with a server is said with its cause and its remedy, and never with a secret.

use grantd_postgres_fixture::{Isolation, Options, Schema, Server};
use grantd_protocol::changes::{Change, Commit};
use grantd_store::{Inspection, Location, PostgresServer, PostgresUrlFault, Store, StoreFault};

use crate::records::{issuer, pending};

fn open(url: &str) -> Result<Store, StoreFault> {
    Store::open(&Location::Postgres(PostgresServer::parse(url).unwrap()))
}

fn schema() -> Schema {
    Server::shared().schema(Isolation::ReadCommitted)
}

fn assert_tells(fault: &StoreFault, what: &str) {
    let sentence = fault.to_string();
    assert!(sentence.starts_with("127.0.0.1:") && sentence.contains(what), "{sentence}");
    assert!(!sentence.contains("hunter2"), "{sentence}");
}

#[test]
fn a_url_that_cannot_be_used_says_why_without_its_password() {
    for (url, expected) in [
        ("/var/lib/grantd.db", "postgres://user@host:5432/database"),
        ("postgres://grantd:hunter2@hunter2@db/grantd", "%40"),
        ("postgres:///grantd?user=grantd", "names no host"),
        ("postgres://db/grantd", "names no user"),
        ("postgres://grantd:hunter2@db", "names no database"),
        ("postgres://grantd:hunter2@db/grantd?sslmode=prefer", "verify-full"),
        ("postgres://grantd:hunter2@db:port/grantd", "`port`"),
        ("postgres://grantd:hunter2@db/grantd?colour=red", "`colour`"),
    ] {
        let fault = PostgresServer::parse(url).unwrap_err();
        assert!(fault.to_string().contains(expected) && !fault.to_string().contains("hunter2"), "{url}: {fault}");
    }
    let server = PostgresServer::parse("postgres://grantd:hunter2@db,[::1]:5433/grantd").unwrap();
    assert_eq!(server.place(), "db:5432,[::1]:5433/grantd");
    assert!(!format!("{server:?}").contains("hunter2"));
    assert_eq!(server.with_root_certificates(b"hunter2").unwrap_err(), PostgresUrlFault::NoCertificates);
}

#[test]
fn a_server_that_does_not_answer_and_a_database_that_is_not_there_are_told_apart() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fault = open(&schema().url_through(free)).unwrap_err();
    assert!(matches!(fault, StoreFault::Unreachable { .. }), "{fault:?}");
    assert_tells(&fault, "see that it runs");
    let address = Server::shared().address();
    let fault = open(&format!("postgres://grantd@{address}/missing")).unwrap_err();
    assert!(matches!(fault, StoreFault::NoDatabase { .. }), "{fault:?}");
    assert_tells(&fault, "CREATE DATABASE");
}

#[test]
fn a_wrong_password_a_stranger_and_another_authority_are_not_let_in() {
    let server = Server::start(&Options { tls: true, password: Some("hunter2"), ..Options::default() });
    let schema = server.schema(Isolation::ReadCommitted);
    let right = format!("{}&sslmode=verify-full&channel_binding=require", schema.url());
    let certificate = server.certificate().unwrap().as_bytes().to_vec();
    let trusting = |url: &str| PostgresServer::parse(url).unwrap().with_root_certificates(&certificate).unwrap();

    let fault = Store::open(&Location::Postgres(trusting(&right).with_password("hunter3"))).unwrap_err();
    assert!(matches!(fault, StoreFault::NotLetIn { .. }), "{fault:?}");
    assert_tells(&fault, "pg_hba.conf");
    let fault = open(&format!("{}&sslmode=disable", schema.url())).unwrap_err();
    assert!(matches!(fault, StoreFault::NotLetIn { .. }), "{fault:?}");
    let fault = open(&right).unwrap_err();
    assert!(matches!(fault, StoreFault::Untrusted { .. }), "{fault:?}");
    assert_tells(&fault, "no root certificates");
    let others = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let deceived = PostgresServer::parse(&right).unwrap().with_root_certificates(others.as_bytes()).unwrap();
    let fault = Store::open(&Location::Postgres(deceived)).unwrap_err();
    assert!(matches!(fault, StoreFault::Untrusted { .. }), "{fault:?}");
    let unbound = right.replace("sslmode=verify-full", "sslmode=disable");
    let fault = open(&unbound).unwrap_err();
    assert!(matches!(fault, StoreFault::NotLetIn { .. }), "{fault:?}");

    assert!(Store::open(&Location::Postgres(trusting(&right))).unwrap().is_durable());
}

// proves: STORE-05
#[test]
fn a_server_that_answers_before_a_commit_is_kept_is_refused() {
    let fault = open(&(schema().url() + "%20-csynchronous_commit%3Doff")).unwrap_err();
    assert!(matches!(fault, StoreFault::NotDurable { .. }), "{fault:?}");
    assert_tells(&fault, "ALTER ROLE");
}

#[test]
fn a_user_who_may_not_make_tables_and_tables_of_somebody_else_are_named() {
    let schema = schema();
    let server = Server::shared();
    server.execute_in(&schema, &format!("CREATE TABLE {}.clients (name TEXT)", schema.name()));
    let fault = open(&schema.url()).unwrap_err();
    assert!(matches!(fault, StoreFault::Occupied { .. }), "{fault:?}");
    assert_tells(&fault, "clients");

    let schema = self::schema();
    server.execute_in(&schema, &format!("REVOKE ALL ON SCHEMA {0} FROM grantd; ALTER SCHEMA {0} OWNER TO postgres; GRANT USAGE ON SCHEMA {0} TO grantd", schema.name()));
    let fault = open(&schema.url()).unwrap_err();
    assert!(matches!(fault, StoreFault::NoPrivilege { .. }), "{fault:?}");
    assert_tells(&fault, "owner");
}

// proves: STORE-11
#[test]
fn a_newer_schema_is_refused_unless_it_still_serves_this_binary() {
    let schema = schema();
    let location = Location::Postgres(PostgresServer::parse(&schema.url()).unwrap());
    assert_eq!(Store::inspect(&location), Ok(Inspection::Absent));
    drop(Store::open(&location).unwrap());
    assert_eq!(Store::inspect(&location), Ok(Inspection::Current));
    let set = |version, serves_from| {
        let table = format!("{}.schema_version", schema.name());
        let sql = format!("UPDATE {table} SET version = {version}, serves_from = {serves_from}");
        Server::shared().execute_in(&schema, &sql);
    };
    // A node of the next version has migrated, and only added to what this one knows.
    set(4, 3);
    drop(Store::open(&location).unwrap());
    set(99, 99);
    let fault = Store::open(&location).unwrap_err();
    assert!(matches!(fault, StoreFault::NewerSchema { found: 99, .. }), "{fault:?}");
    assert_eq!(Store::inspect(&location), Err(fault));
}

#[test]
fn tables_that_were_altered_are_found_at_the_start() {
    let schema = schema();
    drop(open(&schema.url()).unwrap());
    Server::shared().execute_in(&schema, &format!("ALTER TABLE {}.codes DROP COLUMN redeemed_at", schema.name()));
    let fault = open(&schema.url()).unwrap_err();
    assert!(matches!(fault, StoreFault::Damaged { .. }), "{fault:?}");
    assert_tells(&fault, "redeemed_at");
}

#[test]
fn many_may_start_on_an_empty_database_at_once() {
    for isolation in Isolation::ALL {
        let schema = Server::shared().schema(isolation);
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let url = schema.url();
                std::thread::spawn(move || open(&url).map(drop))
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(()));
        }
    }
}

#[tokio::test]
async fn no_more_bytes_wait_than_may_and_whoever_is_told_so_is_not_written() {
    let schema = schema();
    let location = Location::Postgres(PostgresServer::parse(&schema.url()).unwrap());
    let bounds = grantd_store::Options { queue_bytes: 30_000, ..grantd_store::Options::default() };
    let (store, issuer) = (Store::open_with(&location, &bounds).unwrap(), issuer(0));
    let long = |number| {
        let mut long = pending(number, 0, 10);
        long.state = Some("x".repeat(10_000));
        vec![Change::AddPending(long)]
    };
    // Asked at once: each takes its room before any is answered.
    let asked = tokio::join!(
        store.commit(&issuer, long(1)),
        store.commit(&issuer, long(2)),
        store.commit(&issuer, long(3)),
        store.commit(&issuer, vec![Change::AddPending(pending(4, 0, 10))]),
    );
    assert_eq!(asked, (Ok(Commit::Done), Ok(Commit::Done), Err(StoreFault::Busy), Ok(Commit::Done)));
    let kept = Server::shared().execute_in(&schema, "SELECT count(*) FROM pending_requests");
    assert_eq!(kept, [[Some("3".to_owned())]]);
}
