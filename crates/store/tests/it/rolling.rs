//! Nodes of two versions on one database, while they are replaced one by one.

use grantd_postgres_fixture::{Isolation, Server};
use grantd_store::{Location, PostgresServer, Store};

use crate::town::Town;

// proves: STORE-11
#[tokio::test]
async fn an_older_node_goes_on_serving_when_a_newer_one_has_only_added_to_the_tables() {
    let schema = Server::shared().schema(Isolation::ReadCommitted);
    let location = Location::Postgres(PostgresServer::parse(&schema.url()).unwrap());
    let older = Town::found(Store::open(&location).unwrap()).await;
    let before = older.approve().await;
    // What the next version's start does: to this binary, which does not know of it, it is the newer node.
    let name = schema.name();
    let newer = format!(
        "ALTER TABLE {name}.grants ADD COLUMN newer TEXT; ALTER TABLE {name}.codes ADD COLUMN newer BIGINT NOT NULL DEFAULT 7; \
         CREATE TABLE {name}.newer (issuer TEXT NOT NULL, PRIMARY KEY (issuer)); \
         CREATE INDEX codes_by_newer ON {name}.codes (issuer, newer); UPDATE {name}.schema_version SET version = 4, serves_from = 3"
    );
    Server::shared().execute_in(&schema, &newer);
    older.redeem(&before.code).await.unwrap();
    let after = older.approve().await;
    // And one that is started anew, for which the plan is to do nothing.
    assert!(Store::plan(&location).unwrap().steps.is_empty());
    let again = Store::open(&location).unwrap();
    assert_eq!(again.clients(&older.issuer, None, 10).await.unwrap().len(), 1);
    older.redeem(&after.code).await.unwrap();
    assert!(older.redeem(&after.code).await.is_err(), "spent once, whoever looks");
}
