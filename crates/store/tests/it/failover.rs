//! The primary is killed, and its synchronous standby takes its place: what was acknowledged is there.

use std::time::Duration;

use grantd_postgres_fixture::{Options, Server};
use grantd_protocol::changes::Commit;

use crate::databases::{isolations, open_at};
use crate::history::{Load, count_attempt};
use crate::races::begun;
use crate::records::issuer;

// proves: CODE-03, REFRESH-08, STORE-04, STORE-05, STORE-06
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_primary_that_is_killed_and_nothing_is_spent_twice() {
    for isolation in isolations() {
        let (primary, standby) = tokio::task::block_in_place(|| {
            let primary = Server::start(&Options::default());
            let standby = primary.start_synchronous_standby();
            (primary, standby)
        });
        let schema = tokio::task::block_in_place(|| primary.schema(isolation));
        let url = schema.url_of_primary(&[&primary, &standby]);
        let stores = vec![open_at(&url), open_at(&url)];
        begun(&stores[0]).await;
        let load = Load::begin(stores.clone(), 16);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        tokio::task::block_in_place(|| {
            primary.kill();
            standby.promote();
        });
        // Both nodes find it.
        for store in &stores {
            assert!(matches!(store.commit(&issuer(0), vec![count_attempt()]).await, Ok(Commit::Done)));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let account = load.end().await;
        account.check(&open_at(&url), 2).await;
        println!("{isolation:?}: {}", account.summary());
    }
}
