//! An API that checks signatures by itself and follows the feed: how long a revoked token still opens it, and what the feed costs.
//! The figures that are printed stand in `docs/figures.md`.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use grantd_protocol::changes::Change;
use grantd_protocol::names::AccessTokenId;
use grantd_protocol::records::{IssuedAccessToken, Revocation};
use grantd_resource::{Access, Following, Guard};
use grantd_tokens::{Seconds, revocation_feed};
use reqwest::Method;
use tokio::net::TcpListener;

use crate::flow::claims;
use crate::rig::{Asking, Rig};

/// The shortest that a follower may choose.
const INTERVAL: Seconds = Seconds(1);
const FEED: &str = "/revocations";

/// A second door to the storage: the same audience, and a guard that follows the feed.
async fn follower(rig: &Rig) -> String {
    let guard =
        Guard::builder(&rig.issuer, &rig.shop.id()).development().follow_revocations(Following::every(INTERVAL));
    let routes = Router::new().route("/", get(async |_: Access| "open"));
    let app: Router = guard.build().unwrap().protect(routes);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
fn clock() -> Instant {
    Instant::now()
}

// proves: AT-11
#[tokio::test]
async fn a_revoked_token_opens_a_following_api_no_longer_than_its_interval_and_a_second() {
    let rig = Rig::development().await;
    let door = follower(&rig).await;
    let program = reqwest::Client::builder().no_proxy().build().unwrap();
    let knock = async |token: &str| program.get(&door).bearer_auth(token).send().await.unwrap();
    let kept = rig.redeem(&rig.browser().code(&Asking::of_web()).await).await.member("access_token");
    let mut worst = Duration::ZERO;
    for round in 0..5_u64 {
        let token = rig.redeem(&rig.browser().code(&Asking::of_web()).await).await.member("access_token");
        assert_eq!(knock(&token).await.status(), 200);
        // Not in step with the polls.
        tokio::time::sleep(Duration::from_millis(230 * round)).await;
        let jti = claims(&token)["jti"].as_str().unwrap().to_owned();
        let grant = AccessTokenId::new(jti).grant().unwrap();
        let revoke = Change::RevokeGrant { grant, at: grantd::env::now(), because: Revocation::EndedByOperator };
        rig.put(vec![revoke]).await;
        let revoked = clock();
        let refused = loop {
            let answer = knock(&token).await;
            if answer.status() != 200 {
                break answer;
            }
            assert!(revoked.elapsed() < Duration::from_secs(2), "round {round}: still open");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        worst = worst.max(revoked.elapsed());
        assert_eq!(refused.status(), 401);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.contains("invalid_token"), "{challenge}");
        assert_eq!(knock(&kept).await.status(), 200, "what stands goes on working");
    }
    println!("revoked to refused, interval {INTERVAL} s, worst of 5: {} ms", worst.as_millis());
}

fn ending(token: &str) -> Change {
    let at = grantd::env::now();
    Change::EndAccessToken {
        token: IssuedAccessToken { id: AccessTokenId::new(token), expires_at: at + Seconds(3_000) },
        at,
    }
}

/// Readers share a read only if it began after they asked.
// proves: AT-11
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_crowd_everybody_who_asks_after_a_revocation_hears_of_it() {
    let rig = std::sync::Arc::new(Rig::development().await);
    // So many that a read takes longer than a question to arrive.
    rig.put((0..5_000).map(|number| ending(&format!("earlier-{number}"))).collect()).await;
    let crowd: Vec<_> = (0..8)
        .map(|_| {
            let rig = std::sync::Arc::clone(&rig);
            tokio::spawn(async move {
                let mut program = rig.browser();
                loop {
                    assert_eq!(program.get(FEED).await.status, 200);
                }
            })
        })
        .collect();
    let mut program = rig.browser();
    for round in 0..20 {
        let name = format!("token-{round}");
        let mark = grantd_tokens::Mark::of(&name).to_base64url();
        rig.put(vec![ending(&name)]).await;
        let feed = claims(&program.get(FEED).await.body);
        assert!(feed["tokens"].as_array().unwrap().contains(&mark.into()), "round {round}");
    }
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
#[ignore = "a measurement: cargo test -p grantd --test it revocation_follower -- --ignored --nocapture"]
async fn what_a_feed_of_a_hundred_thousand_costs() {
    let rig = Rig::development().await;
    let ask = async |etag: Option<&str>| {
        let mut program = rig.browser();
        let mut request = program.request(Method::GET, FEED);
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        let begun = clock();
        let answer = program.send(request).await;
        (answer, begun.elapsed().as_millis())
    };
    let quiet = ask(None).await.0;
    println!("a quiet feed: {} bytes", quiet.body.len());
    for batch in 0..100 {
        rig.put((0..1_000).map(|number| ending(&format!("grant-{batch}.{number}"))).collect()).await;
    }
    let (first, made) = ask(None).await;
    let etag = first.header("etag").unwrap().to_owned();
    println!("100,000 entries: {} bytes, read, made, signed and sent in {made} ms", first.body.len());
    let (unchanged, spent) = ask(Some(&etag)).await;
    assert_eq!(unchanged.status, 304);
    println!("unchanged: 304 in {spent} ms");
    let keys = grantd_tokens::JwkSet::parse(rig.browser().get("/jwks").await.body.as_bytes()).unwrap();
    let read = revocation_feed::verify(&first.body, &keys, &rig.issuer, grantd::env::now()).unwrap();
    assert_eq!(read.tokens.len(), 100_000);

    rig.put((0..20_001).map(|number| ending(&format!("more.{number}"))).collect()).await;
    assert_eq!(ask(Some(&etag)).await.0.status, 503, "all or nothing");
}
