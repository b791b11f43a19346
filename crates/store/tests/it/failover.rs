//! The primary is killed, and its synchronous standby takes its place: what was acknowledged is there.

use std::time::Duration;

use grantd_postgres_fixture::{Options, Server};
use grantd_protocol::changes::Commit;

use crate::databases::{isolations, open_at};
use crate::history::{Load, count_attempt, counted};
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

const WAITING_FOR_A_STANDBY: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

// proves: STORE-05
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_found_on_a_primary_alone_is_not_acknowledged_before_a_standby_has_it() {
    // How its transactions are isolated makes no difference to one who is alone.
    for isolation in isolations().into_iter().take(1) {
        let server = tokio::task::block_in_place(|| Server::start(&Options::default()));
        let store = open_at(&tokio::task::block_in_place(|| server.schema(isolation)).url());
        assert_eq!(store.commit(&issuer(0), vec![count_attempt()]).await, Ok(Commit::Done));
        let reload = |sql: &str| {
            server.execute(sql);
            server.execute("SELECT pg_reload_conf()");
        };
        tokio::task::block_in_place(|| reload("ALTER SYSTEM SET synchronous_standby_names = 'away'"));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let committing = tokio::spawn({
            let store = store.clone();
            async move { store.commit(&issuer(0), vec![count_attempt()]).await }
        });
        tokio::task::block_in_place(|| {
            server.wait_until(WAITING_FOR_A_STANDBY, "1");
            // As where the server is started again: the commit is on its disk, and its answer is lost.
            server.terminate_connections();
        });
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!committing.is_finished(), "{:?}", committing.await);
        tokio::task::block_in_place(|| reload("ALTER SYSTEM RESET synchronous_standby_names"));
        assert_eq!(committing.await.unwrap(), Ok(Commit::Done));
        assert_eq!(counted(&store).await, 2, "done once");
    }
}
