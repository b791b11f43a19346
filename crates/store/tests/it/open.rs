//! Opening a database.

use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::names::Issuer;
use grantd_store::{Location, Store};

#[tokio::test]
async fn a_new_store_knows_nothing() {
    let store = Store::open(&Location::Memory).unwrap();
    let facts = store.load(&Issuer::new("https://a.example"), &Lookup::default()).await.unwrap();
    assert_eq!(facts, Facts::default());
}
