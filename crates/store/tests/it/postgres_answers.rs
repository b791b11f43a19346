//! A connection that is lost at the worst moment: what was committed is told as done, and done once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use grantd_postgres_fixture::{Isolation, Options as ServerOptions, Server};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::refusals::Refusal;
use grantd_store::{Location, PostgresServer, Store};
use grantd_tokens::{Seconds, Time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::records::{attempt_key, issuer};

/// Where a connection is cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The server never hears of the commit.
    BeforeCommit,
    /// The server has done it, and its answer is lost.
    AfterCommit,
}

/// Between store and server: cuts the first so many connections that commit.
async fn proxy(server: SocketAddr, cut: Cut, cuts: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let cuts = Arc::clone(&cuts);
            tokio::spawn(async move { pass(client, TcpStream::connect(server).await.unwrap(), cut, &cuts).await });
        }
    });
    address
}

async fn pass(client: TcpStream, server: TcpStream, cut: Cut, cuts: &AtomicUsize) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut backwards = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut bytes = vec![0; 65536];
    while let Ok(read) = from_client.read(&mut bytes).await {
        let Some(part) = bytes.get(..read).filter(|part| !part.is_empty()) else { break };
        let commits = part.windows(11).any(|text| text == b"\x00\x00\x00\x0bCOMMIT\x00");
        let is_cut =
            commits && cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_cut && cut == Cut::AfterCommit {
            backwards.abort();
            let _ = (&mut backwards).await;
            to_server.write_all(part).await.unwrap();
            // Time for the server to do it.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        if is_cut {
            return;
        }
        if to_server.write_all(part).await.is_err() {
            break;
        }
    }
    backwards.abort();
}

fn count_one() -> Vec<Change> {
    let or = Refusal::SignInThrottled;
    vec![Change::CountAttempt { key: attempt_key(0), at: Time(1), window: Seconds(60), limit: 1_000, or }]
}

async fn counted(store: &Store) -> u32 {
    let lookup = Lookup { attempts: vec![attempt_key(0)], ..Lookup::default() };
    store.load(&issuer(0), &lookup).await.unwrap().attempts.first().unwrap().count
}

// proves: STORE-04, STORE-05
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_done_once_and_told_as_done() {
    for (cut, isolation) in [
        (Cut::AfterCommit, Isolation::ReadCommitted),
        (Cut::BeforeCommit, Isolation::ReadCommitted),
        (Cut::AfterCommit, Isolation::Serializable),
    ] {
        let schema = Server::shared().schema(isolation);
        drop(Store::open(&Location::Postgres(PostgresServer::parse(&schema.url()).unwrap())).unwrap());
        let cuts = Arc::new(AtomicUsize::new(0));
        let address = proxy(Server::shared().address(), cut, Arc::clone(&cuts)).await;
        let url = schema.url_through(address);
        let store =
            tokio::task::spawn_blocking(move || Store::open(&Location::Postgres(PostgresServer::parse(&url).unwrap())))
                .await
                .unwrap()
                .unwrap();
        for round in 1..=5 {
            cuts.store(2, Ordering::SeqCst);
            assert_eq!(store.commit(&issuer(0), count_one()).await, Ok(Commit::Done));
            assert_eq!(counted(&store).await, round);
            assert!(cuts.load(Ordering::SeqCst) < 2, "nothing was cut");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_an_administrator_ends_are_made_anew_and_nobody_hears_of_it() {
    let server = Server::start(&ServerOptions::default());
    let schema = server.schema(Isolation::ReadCommitted);
    let store = Store::open(&Location::Postgres(PostgresServer::parse(&schema.url()).unwrap())).unwrap();
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..200 {
                assert_eq!(store.commit(&issuer(0), count_one()).await, Ok(Commit::Done));
            }
        }
    });
    let reading = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..200 {
                store.load(&issuer(0), &Lookup { attempts: vec![attempt_key(0)], ..Lookup::default() }).await.unwrap();
            }
        }
    });
    for _ in 0..5 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        server.terminate_connections();
    }
    writing.await.unwrap();
    reading.await.unwrap();
    assert_eq!(counted(&store).await, 200);
}
