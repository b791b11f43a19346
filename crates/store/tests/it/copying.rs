//! All records from one database to another, and the digests by which the two are compared.

use std::collections::BTreeSet;

use grantd_protocol::changes::Change;
use grantd_store::{Location, Store, StoreFault};
use rusqlite::Connection;

use crate::databases::{Database, database, every_database};
use crate::records::{client, issuer};
use crate::town::Town;

/// People, apps, and what they let them do; more of one kind than is copied at once.
async fn furnished(database: &Database) -> Store {
    let store = database.open();
    let town = Town::found(store.clone()).await;
    let approved = town.approve().await;
    town.redeem(&approved.code).await.unwrap();
    town.approve().await;
    let many = (0..600).map(|number| Change::PutClient(client(number, 0))).collect();
    store.commit(&issuer(0), many).await.unwrap();
    store
}

#[tokio::test]
async fn a_copy_holds_the_same_in_every_kind_of_database() {
    for origin in every_database() {
        let file = tempfile::tempdir().unwrap();
        let source = furnished(&origin).await;
        let target = Store::open(&Location::File(file.path().join("copy.db"))).unwrap();
        target.take_over_from(&source, "copy.db", |_| {}).await.unwrap();
        let (before, after) = (source.tables(|_| {}).await.unwrap(), target.tables(|_| {}).await.unwrap());
        assert_eq!(before, after);
        assert!(before.iter().filter(|table| table.rows > 0).count() > 6, "{before:?}");
        // And back, into another one of the first kind.
        let [empty, _] = database().two_stores();
        empty.take_over_from(&target, "empty", |_| {}).await.unwrap();
        assert_eq!(empty.tables(|_| {}).await.unwrap(), before);
        // One record more, and the digest of its table is another.
        let client = source.clients(&issuer(0), None, 1).await.unwrap().remove(0);
        source
            .commit(&issuer(0), vec![Change::RemoveClient { client: client.id, at: grantd_tokens::Time(9) }])
            .await
            .unwrap();
        let changed = source.tables(|_| {}).await.unwrap();
        assert_ne!(changed[0].digest, before[0].digest);
    }
}

#[tokio::test]
async fn nothing_is_copied_into_a_database_with_records_and_half_a_copy_goes_on() {
    for origin in every_database() {
        let source = furnished(&origin).await;
        let file = tempfile::tempdir().unwrap();
        let path = file.path().join("copy.db");
        let target = Store::open(&Location::File(path.clone())).unwrap();
        target.take_over_from(&source, "copy.db", |_| {}).await.unwrap();
        assert!(!target.is_half_copied().await.unwrap());
        let again = target.take_over_from(&source, "copy.db", |_| {}).await;
        assert_eq!(again, Err(StoreFault::NotEmpty { place: "copy.db".to_owned() }));
        // As if it had ended in the middle.
        Connection::open(&path)
            .unwrap()
            .execute_batch(
                "DELETE FROM grants; DELETE FROM users; INSERT INTO leases (issuer, name, holder, expires_at) \
                 VALUES ('', 'copying', '', 9223372036854775807)",
            )
            .unwrap();
        assert!(target.is_half_copied().await.unwrap());
        target.take_over_from(&source, "copy.db", |_| {}).await.unwrap();
        assert_eq!(target.tables(|_| {}).await.unwrap(), source.tables(|_| {}).await.unwrap());
        assert!(!target.is_half_copied().await.unwrap());
    }
}

/// What nodes agree by while they run.
const OF_RUNNING_NODES: [&str; 2] = ["leases", "writers"];

#[test]
fn every_column_of_every_table_is_copied() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    drop(Store::open(&Location::File(path.clone())).unwrap());
    let connection = Connection::open(&path).unwrap();
    let mut looking = connection
        .prepare(
            "SELECT tables.name, columns.name FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns \
             WHERE tables.schema = 'main' AND tables.name NOT LIKE 'sqlite%'",
        )
        .unwrap();
    let there: BTreeSet<(String, String)> = looking
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .filter(|(table, _): &(String, String)| !OF_RUNNING_NODES.contains(&table.as_str()))
        .collect();
    let source = include_str!("../../src/statements/whole_tables.rs").replace("\\\n", "");
    for begin in ["SELECT ", "INSERT INTO "] {
        let mut copied = BTreeSet::new();
        for part in source.split(&format!(": \"{begin}")).skip(1) {
            let words = part.split('"').next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            let (columns, table) = if let Some((columns, rest)) = words.split_once(" FROM ") {
                (columns.to_owned(), rest.split(' ').next().unwrap().to_owned())
            } else {
                let (table, rest) = words.split_once(" (").unwrap();
                (rest.split(')').next().unwrap().to_owned(), table.to_owned())
            };
            copied.extend(columns.split(", ").map(|column| (table.clone(), column.to_owned())));
        }
        assert_eq!(copied, there, "{begin}");
    }
}
