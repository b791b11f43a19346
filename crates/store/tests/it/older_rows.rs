//! A database of the first schema, with rows that were written when there was no other.

use std::path::Path;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::records::{
    AccessTokenFormat, Client, Grant, GrantState, RefreshToken, Resource, Revocation, Session, SessionState, Spending,
    Status,
};
use grantd_protocol::state::SPENT_TOKENS_KEPT;
use grantd_store::{Location, Store, Swept};
use grantd_tokens::Time;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;

use crate::records::{
    client, client_id, digest, grant, grant_id, issuer, refresh_token, resource, scopes, session, user, user_id,
};

const ENDS: i64 = 1_000_000;

fn old_client() -> Client {
    Client { introspects: Vec::new(), ..client(0, 1) }
}

fn old_resource() -> Resource {
    Resource { access_token_format: AccessTokenFormat::Jwt, ..resource(0, 1) }
}

fn old_session(number: u64) -> Session {
    Session { state: SessionState::Live, ..session(number, 0, ENDS) }
}

/// Last used when it was given, and nothing taken back.
fn old_grant(number: u64) -> Grant {
    let given = grant(number, number, 0, ENDS);
    Grant { narrowings: 0, last_used_at: given.created_at, ..given }
}

fn old_token(number: u64) -> RefreshToken {
    RefreshToken { family: None, beside: None, sent_to: None, ..refresh_token(number, 0) }
}

/// Without the members that the record has got since, and those that stood in columns then.
fn written_then(record: &impl Serialize, absent: &[&str]) -> String {
    let Value::Object(mut members) = serde_json::to_value(record).unwrap() else { panic!("not an object") };
    members.retain(|name, _| !absent.contains(&name.as_str()));
    Value::Object(members).to_string()
}

fn database_of_the_first_schema(path: &Path) {
    let then = Connection::open(path).unwrap();
    then.execute_batch(include_str!("../../migrations/0001_first.sql")).unwrap();
    then.pragma_update(None, "application_id", 0x6772_6e74).unwrap();
    then.pragma_update(None, "user_version", 1).unwrap();
    let insert = |sql: &str, values: &[&dyn rusqlite::ToSql]| assert_eq!(then.execute(sql, values), Ok(1));
    let issuer = issuer(0);
    let issuer = issuer.as_str();
    let client_record = written_then(&old_client(), &["introspects"]);
    insert("INSERT INTO clients VALUES (?1, ?2, ?3)", &[&issuer, &client_id(0).as_str(), &client_record]);
    let resource_record = written_then(&old_resource(), &["access_token_format"]);
    insert("INSERT INTO resources VALUES (?1, ?2, ?3)", &[&issuer, &old_resource().id.as_str(), &resource_record]);
    let person = user(0, 0, 0);
    let user_record = written_then(&person, &["status", "credentials_generation", "password"]);
    let password = person.password.as_ref().unwrap().expose();
    insert(
        "INSERT INTO users VALUES (?1, ?2, ?3, 'active', 0, ?4, ?5)",
        &[&issuer, &user_id(0).as_str(), &person.username.as_str(), &password, &user_record],
    );
    for number in [0, 1] {
        let (session, grant) = (old_session(number), old_grant(number));
        let session_record = written_then(&session, &["last_used_at", "state"]);
        insert(
            "INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?4, 2, NULL, ?5)",
            &[&issuer, &session.id.to_base64url(), &user_id(0).as_str(), &ENDS, &session_record],
        );
        let grant_record = written_then(&grant, &["state", "last_used_at", "narrowings", "default_resource", "given"]);
        insert(
            "INSERT INTO grants VALUES (?1, ?2, ?3, ?4, ?5, 'while_signed_in', ?6, NULL, NULL, ?7)",
            &[
                &issuer,
                &grant.id.as_str(),
                &grant.user.as_str(),
                &grant.client.as_str(),
                &session.id.to_base64url(),
                &ENDS,
                &grant_record,
            ],
        );
    }
    for (number, spent) in [(0, None), (1, Some((4, digest("refresh", 0).to_base64url())))] {
        let token = old_token(number);
        let record = written_then(&token, &["spending", "family", "beside", "sent_to"]);
        let (at, successor) = spent.unzip();
        insert(
            "INSERT INTO refresh_tokens VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[&issuer, &token.hash.to_base64url(), &grant_id(0).as_str(), &at, &successor, &record],
        );
    }
}

async fn of_token(store: &Store, number: u64) -> Facts {
    let lookup = Lookup {
        refresh_token: Some(digest("refresh", number)),
        session: Some(digest("session", 1)),
        client: Some(client_id(0)),
        holdings: true,
        ..Lookup::default()
    };
    store.load(&issuer(0), &lookup).await.unwrap()
}

// proves: STORE-11
#[tokio::test]
async fn rows_of_the_first_schema_mean_what_they_meant() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    database_of_the_first_schema(&path);
    let store = Store::open(&Location::File(path)).unwrap();

    let facts = of_token(&store, 1).await;
    let spent = Spending::Spent { at: Time(4), successor: digest("refresh", 0) };
    assert_eq!(facts.refresh_token, Some(RefreshToken { spending: spent, ..old_token(1) }));
    assert_eq!(facts.successor, Some(old_token(0)));
    assert_eq!(facts.grant, Some(old_grant(0)));
    assert_eq!(facts.grant_session, Some(old_session(0)));
    assert_eq!(facts.client, Some(old_client()));
    assert_eq!(facts.resources, [old_resource()]);
    assert_eq!(facts.user, Some(user(0, 0, 0)));
    // They have the same moment: what is left to order them is the name.
    assert_eq!(facts.holdings.grants, [old_grant(1), old_grant(0)]);
    assert_eq!(facts.holdings.sessions.len(), 2);
    assert_eq!(facts.holdings.clients, [old_client()]);
}

// proves: STORE-11
#[tokio::test]
async fn rows_of_the_first_schema_can_be_used_narrowed_and_ended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    database_of_the_first_schema(&path);
    let store = Store::open(&Location::File(path)).unwrap();
    let (grant, resources, details) = (grant_id(0), Vec::new(), Vec::new());
    let changes = vec![
        Change::UseGrant { grant: grant.clone(), narrowings: 0, at: Time(9) },
        Change::NarrowGrant { grant, narrowings: 0, scopes: scopes("read"), resources, details },
        Change::SpendRefreshToken { token: digest("refresh", 0), successor: digest("refresh", 2), at: Time(9) },
        Change::AddRefreshToken(refresh_token(2, 0)),
        Change::SetClientStatus { client: client_id(0), status: Status::Disabled, at: Time(10) },
    ];
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
    let facts = of_token(&store, 0).await;
    assert_eq!(facts.client, Some(Client { status: Status::Disabled, ..old_client() }));
    assert_eq!(
        facts.grant,
        Some(Grant {
            scopes: scopes("read"),
            resources: Vec::new(),
            details: Vec::new(),
            last_used_at: Time(9),
            narrowings: 1,
            state: GrantState::Revoked { at: Time(10), because: Revocation::ClientDisabled },
            // What it was given for, too: the record was never written anew.
            ..old_grant(0)
        })
    );
    // Nothing but its own row tells what a token without a family is: it stays until its grant ends.
    let much_later = Time(10) + SPENT_TOKENS_KEPT + SPENT_TOKENS_KEPT;
    assert_eq!(store.sweep(&issuer(0), much_later).await, Ok(Swept { ended: 1, ..Swept::default() }));
    assert!(matches!(of_token(&store, 1).await.refresh_token.unwrap().spending, Spending::Spent { .. }));
}
