//! Every visitor against the real server, in this process: that the configuration is one, and what is expected is what comes.

use std::net::SocketAddr;
use std::path::Path;

use bench::driver::{Connection, Load, Span, Visitor, Went, drive};
use bench::fault::Fault;
use bench::process::own_cpu;
use bench::server::write_for_owner;
use bench::visitors::repeating::opaque_token;
use bench::visitors::{
    Authorizing, Browser, Checking, Expected, Redeeming, Refreshing, Repeating, Revoking, SigningIn, Till, WholeFlow,
};
use bench::world::{Database, configuration};
use grantd::config::{Config, Sources};
use grantd::pages::Mode;
use grantd::serve;
use tokio::sync::oneshot;

/// Serves until the test ends.
async fn server(folder: &Path) -> SocketAddr {
    let file = folder.join("grantd.toml");
    let database = Database::File(folder.join("grantd.db"));
    write_for_owner(&file, &configuration(&database, 2).unwrap()).unwrap();
    let config = Config::load(&Sources::of_this_process(Mode::Production, Some(file), Vec::new()));
    let config = config.map_err(|faults| faults.to_string()).unwrap();
    let (tell, told) = oneshot::channel();
    tokio::spawn(serve::serve(config, |address| tell.send(address).unwrap(), std::future::pending()));
    told.await.unwrap()
}

/// All right, and some of it.
async fn exhaust<V: Visitor>(address: SocketAddr, visitors: Vec<V>) -> (Load, Vec<V>) {
    sound(drive(address, visitors, Span::UntilNothingIsLeft, own_cpu).await.unwrap())
}

/// Each asks a few times, however long that takes.
async fn load<V: Visitor>(address: SocketAddr, visitors: Vec<V>) -> (Load, Vec<V>) {
    let a_few = visitors.into_iter().map(|visitor| AFew { visitor, left: 3 }).collect();
    let (load, back) = exhaust(address, a_few).await;
    (load, back.into_iter().map(|a_few| a_few.visitor).collect())
}

struct AFew<V> {
    visitor: V,
    left: u32,
}

impl<V: Visitor> Visitor for AFew<V> {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(Went::NothingLeft) };
        self.left = left;
        self.visitor.once(connection).await
    }
}

fn sound<V>((load, visitors): (Load, Vec<V>)) -> (Load, Vec<V>) {
    assert_eq!(load.first_wrong, None);
    assert!(load.answered > 0, "nothing was answered");
    (load, visitors)
}

#[tokio::test]
async fn each_is_answered_as_it_expects() {
    let folder = tempfile::tempdir().unwrap();
    let address = server(folder.path()).await;
    let mut connection = Connection::open(address).await.unwrap();
    for visitor in [Repeating::jwks(), Repeating::metadata(), Repeating::client_credentials()] {
        load(address, vec![visitor; 4]).await;
    }
    let opaque = opaque_token(&mut connection).await.unwrap();
    load(address, vec![Repeating::introspection(&opaque); 4]).await;
    let mut browser = Browser::of(0);
    browser.move_in(&mut connection).await.unwrap();

    let till = Till::default();
    exhaust(address, vec![Authorizing::new(&browser, &till, 20); 4]).await;
    let (redeemed, _) = exhaust(address, vec![Redeeming::new(&till); 4]).await;
    assert_eq!(redeemed.answered, till.spent.borrow().len() as u64);
    let tokens = till.refresh_tokens.take();
    let (refreshed, back) =
        load(address, tokens.iter().map(|token| Refreshing::new(vec![token.clone()])).collect()).await;
    let held: Vec<String> = back.into_iter().flat_map(Refreshing::into_tokens).collect();
    assert_eq!(held.len(), tokens.len());
    assert_eq!(refreshed.answered, held.len() as u64 * 3);
    assert!(held.iter().all(|token| !tokens.contains(token)));
    load(address, vec![WholeFlow::new(&browser, &Till::default()); 2]).await;
    load(address, vec![SigningIn::of(1)]).await;

    let revoking = Revoking::new(held[..5].to_vec());
    exhaust(address, vec![revoking.clone()]).await;
    assert_eq!(revoking.revoked.borrow().len(), 5);
    exhaust(address, vec![Checking::refresh_tokens(&held[..5], Expected::InvalidGrant)]).await;
    exhaust(address, vec![Checking::refresh_tokens(&held[5..], Expected::Tokens)]).await;
    let spent = till.spent.take();
    exhaust(address, vec![Checking::codes(&spent, Expected::InvalidGrant)]).await;
}

#[tokio::test]
async fn what_was_lost_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let address = server(folder.path()).await;
    let mut browser = Browser::of(0);
    browser.move_in(&mut Connection::open(address).await.unwrap()).await.unwrap();
    let till = Till::default();
    exhaust(address, vec![Authorizing::new(&browser, &till, 2)]).await;
    let codes = till.codes.take();
    let lost = |checking| drive(address, vec![checking], Span::UntilNothingIsLeft, own_cpu);
    // Codes that should be spent, and are not; tokens that should be good, and are not.
    let (unspent, _) = lost(Checking::codes(&codes, Expected::InvalidGrant)).await.unwrap();
    assert_eq!((unspent.answered, unspent.wrong), (0, codes.len() as u64));
    let (unknown, _) = lost(Checking::refresh_tokens(&codes, Expected::Tokens)).await.unwrap();
    assert_eq!((unknown.answered, unknown.wrong), (0, codes.len() as u64));
}
