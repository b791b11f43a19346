//! The parts that need no server of grantd's: that the ceilings are measured at all, and by what really works.

use std::time::Duration;

use bench::parts::{commits, crypto, disk};
use bench::stock::Stock;
use grantd_protocol::changes::Commit;
use grantd_store::{Location, Store};
use grantd_tokens::Time;

const A_MOMENT: Duration = Duration::from_millis(5);

#[test]
fn signatures_hashes_and_syncs_take_some_time_and_not_none() {
    let folder = tempfile::tempdir().unwrap();
    let signatures = crypto::signatures(A_MOMENT * 10).unwrap();
    assert!(signatures.es256_sign >= 0.0 && signatures.es256_verify >= 0.0 && signatures.eddsa_verify >= 0.0);
    assert!(crypto::argon2id(A_MOMENT).unwrap() > 0.0);
    let syncs = disk::syncs(folder.path(), A_MOMENT).unwrap();
    assert!(syncs.overwrite > 0.0 && syncs.append > 0.0);
}

#[test]
fn work_that_fails_is_no_measurement() {
    crypto::cpu_each(A_MOMENT, || false).unwrap_err();
}

#[tokio::test]
async fn an_exchange_of_the_stock_is_committed_once_and_is_stale_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::File(folder.path().join("grantd.db"))).unwrap();
    let mut stock = Stock::begin("test", Time(1_800_000_000)).unwrap();
    stock.settle(&store).await.unwrap();
    let given = stock.give(&store, 3).await.unwrap();
    let (exchange, _) = stock.exchange(given.first().unwrap());
    assert_eq!(store.commit(stock.issuer(), exchange.clone()).await, Ok(Commit::Done));
    assert_eq!(store.commit(stock.issuer(), exchange).await, Ok(Commit::Stale));
    assert_eq!(stock.keep(&store, 5).await.unwrap().len(), 5);
}

#[tokio::test]
async fn commits_are_counted_however_many_wait_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::File(folder.path().join("grantd.db"))).unwrap();
    // It ends when there is nothing left to commit, however slow the machine is.
    let commits = commits::within(store, 32, 500, Duration::from_mins(1)).await.unwrap();
    assert!(commits.per_second > 0.0 && commits.cpu_each > 0.0, "{commits:?}");
}
