//! The way to PostgreSQL is cut, at every place where it makes a difference: nobody is answered wrongly, and what was answered is
//! there, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use grantd_postgres_fixture::{Isolation, Options, Schema, Server};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_store::{Store, StoreFault};
use grantd_tokens::Time;
use tokio::time::Instant;

use crate::databases::{isolations, open_at};
use crate::history::{Load, count_attempt, counted};
use crate::proxy::{Dice, Fate, Message, Proxy};
use crate::races::begun;
use crate::records::issuer;

/// A server, an empty schema, and a store that reaches it through a proxy.
struct Far {
    proxy: Proxy,
    store: Store,
    /// Past the proxy.
    near: Store,
}

impl Far {
    async fn on(server: &Server, schema: &Schema) -> Self {
        let proxy = Proxy::to(server.address()).await;
        let near = open_at(&schema.url());
        // The proxy goes on meanwhile.
        let store = tokio::task::block_in_place(|| open_at(&schema.url_through(proxy.address())));
        Self { proxy, store, near }
    }

    async fn isolated(isolation: Isolation) -> Self {
        let server = Server::shared();
        Self::on(server, &server.schema(isolation)).await
    }
}

async fn once(fate: Fate, of: Message) {
    for isolation in isolations() {
        let far = Far::isolated(isolation).await;
        assert_eq!(far.store.commit(&issuer(0), vec![count_attempt()]).await, Ok(Commit::Done));
        for round in 2..12 {
            let happened = far.proxy.next(of, fate);
            assert_eq!(far.store.commit(&issuer(0), vec![count_attempt()]).await, Ok(Commit::Done), "{isolation:?}");
            assert!(happened.load(Ordering::SeqCst) >= 1, "there was such a message");
            far.proxy.judge(|_| Fate::Arrives);
            assert_eq!(counted(&far.near).await, round, "{isolation:?}: done once");
        }
    }
}

// proves: STORE-04
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_never_arrived_is_done_after_all_and_once() {
    once(Fate::Lost, Message::Commit).await;
}

// proves: STORE-04
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_not_done_twice() {
    once(Fate::Unanswered, Message::Commit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_within_a_batch_leaves_nothing_of_it_and_all_is_done_on_another() {
    once(Fate::Lost, Message::Other).await;
    once(Fate::Unanswered, Message::Other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_way_is_a_way() {
    once(Fate::Late(Duration::from_millis(300)), Message::Commit).await;
    once(Fate::Late(Duration::from_millis(300)), Message::Other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_cut_while_nobody_used_them_are_made_anew_and_nobody_hears_of_it() {
    for isolation in isolations() {
        let far = Far::isolated(isolation).await;
        for round in 1..6 {
            assert_eq!(far.store.commit(&issuer(0), vec![count_attempt()]).await, Ok(Commit::Done));
            let lookup = Lookup { client: Some(crate::records::client_id(0)), ..Lookup::default() };
            assert!(far.store.load(&issuer(0), &lookup).await.is_ok());
            let before = far.proxy.connections();
            far.proxy.cut();
            assert_eq!(counted(&far.store).await, round, "{isolation:?}");
            assert!(far.proxy.connections() > before);
        }
    }
}

// proves: STORE-04
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_ever_for_an_answer_that_does_not_come_and_what_was_done_is_done_once() {
    // How its transactions are isolated makes no difference to one who is alone.
    for isolation in isolations().into_iter().take(1) {
        let far = Far::isolated(isolation).await;
        assert_eq!(far.store.commit(&issuer(0), vec![count_attempt()]).await, Ok(Commit::Done));
        far.proxy.next(Message::Commit, Fate::Silence);
        let begun = Instant::now();
        assert_eq!(far.store.commit(&issuer(0), vec![count_attempt()]).await, Ok(Commit::Done), "{isolation:?}");
        assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
        assert_eq!(counted(&far.near).await, 2, "{isolation:?}");
    }
}

// proves: INV-07
#[tokio::test(flavor = "multi_thread")]
async fn many_who_wait_for_a_server_that_says_nothing_wait_no_longer_than_one() {
    for isolation in isolations().into_iter().take(1) {
        let far = Far::isolated(isolation).await;
        far.proxy.judge(|_| Fate::Silence);
        far.proxy.cut();
        let begun = Instant::now();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let store = far.store.clone();
            waiting.spawn(async move { store.client(&issuer(0), &crate::records::client_id(0)).await });
        }
        let told = tokio::time::timeout(Duration::from_mins(1), waiting.join_all()).await.unwrap();
        assert!(told.iter().all(|told| matches!(told, Err(StoreFault::Unreachable { .. }))), "{told:?}");
        println!("after {:?}", begun.elapsed());
        far.proxy.judge(|_| Fate::Arrives);
        far.proxy.cut();
        assert_eq!(far.store.client(&issuer(0), &crate::records::client_id(0)).await, Ok(None));
    }
}

/// Fifty grants to client 0, and half a second for each that is ended.
const MANY_GRANTS: &str = "INSERT INTO grants (issuer, id, user_id, client_id, session_id, presence, expires_at, record) \
     SELECT 'ISSUER', CAST(n AS TEXT), 'u', 'CLIENT', 's', 'always', 9, '{}' FROM generate_series(1, 50) AS n; \
     CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$; \
     CREATE TRIGGER takes_time BEFORE UPDATE ON grants FOR EACH ROW EXECUTE FUNCTION take_time()";

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_all_that_a_client_was_given_may_take_longer_than_a_request() {
    for isolation in isolations().into_iter().take(1) {
        let (server, client) = (Server::shared(), crate::records::client_id(0));
        let schema = server.schema(isolation);
        let store = open_at(&schema.url());
        let many = MANY_GRANTS.replace("ISSUER", issuer(0).as_str()).replace("CLIENT", client.as_str());
        tokio::task::block_in_place(|| server.execute_in(&schema, &many));
        let remove = Change::RemoveClient { client, at: Time(5) };
        assert_eq!(store.commit(&issuer(0), vec![remove]).await, Ok(Commit::Done));
        let counted = server.execute_in(&schema, "SELECT count(*) FROM grants WHERE revoked_at = 5");
        assert_eq!(counted, [[Some("50".to_owned())]]);
    }
}

// proves: INV-07
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_row_that_somebody_holds_makes_nobody_else_wait() {
    if isolations().is_empty() {
        return;
    }
    let server = tokio::task::block_in_place(|| Server::start(&Options::default()));
    for isolation in isolations() {
        let schema = tokio::task::block_in_place(|| server.schema(isolation));
        let store = open_at(&schema.url());
        assert_eq!(store.commit(&issuer(0), vec![count_attempt()]).await, Ok(Commit::Done));
        let run = |sql: &str| tokio::task::block_in_place(|| server.execute_in(&schema, sql));
        run("BEGIN; SELECT 1 FROM attempts FOR UPDATE");
        let began = Instant::now();
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..60 {
            let store = store.clone();
            let of_its_own = Change::PutResource(crate::records::resource(number, 0));
            let change = if number % 20 == 10 { count_attempt() } else { of_its_own };
            waiting.spawn(async move { (number, store.commit(&issuer(0), vec![change]).await, began.elapsed()) });
        }
        let mut held_up = 0;
        for (number, outcome, after) in waiting.join_all().await {
            if number % 20 == 10 {
                assert!(matches!(outcome, Err(StoreFault::Locked { .. })), "{isolation:?}: {outcome:?}");
                held_up += 1;
            } else {
                assert_eq!(outcome, Ok(Commit::Done), "{isolation:?}: {number}");
                assert!(after < Duration::from_secs(8), "{isolation:?}: {number} after {after:?}");
            }
        }
        assert_eq!(held_up, 3, "{isolation:?}");
        run("ROLLBACK");
    }
}

/// Cuts of every kind, one in so many messages, until there were enough of them.
fn at_random(dice: Dice, cuts: Arc<AtomicUsize>) -> impl Fn(Message) -> Fate + Send + Sync + 'static {
    move |message| {
        let often = if message == Message::Commit { 6 } else { 60 };
        if !dice.one_in(often) {
            return Fate::Arrives;
        }
        cuts.fetch_add(1, Ordering::SeqCst);
        match dice.below(5) {
            0 | 1 => Fate::Unanswered,
            2 | 3 => Fate::Lost,
            _ => Fate::Late(Duration::from_millis(dice.below(60))),
        }
    }
}

const CUTS: usize = 200;

// proves: CODE-03, REFRESH-08, STORE-02, STORE-04
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_cuts_at_random_under_load_answer_nobody_wrongly() {
    for isolation in isolations() {
        let far = Far::isolated(isolation).await;
        begun(&far.near).await;
        let cuts = Arc::new(AtomicUsize::new(0));
        far.proxy.judge(at_random(Dice::new(20_261_122), cuts.clone()));
        let load = Load::begin(vec![far.store.clone()], 16);
        while cuts.load(Ordering::SeqCst) < CUTS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        far.proxy.judge(|_| Fate::Arrives);
        let account = load.end().await;
        account.check(&far.near, 0).await;
        println!("{isolation:?}: {cuts:?} cuts, {}", account.summary());
        // And right again by itself.
        assert!(far.store.commit(&issuer(0), vec![count_attempt()]).await.is_ok());
    }
}

// proves: STORE-04
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_every_connection_and_starts_again_fails_nobody_who_can_wait_that_long() {
    if isolations().is_empty() {
        return;
    }
    let server = Server::start(&Options::default());
    for isolation in isolations() {
        let schema = server.schema(isolation);
        let stores = vec![open_at(&schema.url()), open_at(&schema.url())];
        begun(&stores[0]).await;
        let load = Load::begin(stores.clone(), 16);
        let mut ended = 0;
        for round in 0..12 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if round % 6 == 5 {
                tokio::task::block_in_place(|| {
                    server.stop();
                    server.start_again();
                });
            } else {
                ended += tokio::task::block_in_place(|| server.terminate_connections());
            }
        }
        assert!(ended > 0);
        let account = load.end().await;
        account.check(&stores[1], 0).await;
        assert_eq!(account.faults(), [], "{isolation:?}");
    }
}
