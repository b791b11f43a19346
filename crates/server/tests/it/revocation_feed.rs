//! The revocation feed as resource servers read it: whatever ends before its time is in the next answer, and goes again.

use grantd_protocol::changes::Change;
use grantd_protocol::names::{AccessTokenId, ClientId, GrantId};
use grantd_protocol::records::{IssuedAccessToken, PasswordHash, Revocation, Status};
use grantd_protocol::settings::{CLOCKS_APART, LONGEST_ACCESS_TOKEN};
use grantd_tokens::access_token::{self, Expected};
use grantd_tokens::{AccessToken, Digest, Ended, JwkSet, Mark, RevocationFeed, Seconds, Time, revocation_feed};
use reqwest::Method;

use crate::rig::people::{MAIL, id_of};
use crate::rig::{Answer, Asking, Browser, PASSWORD, Rig, Setup};

const FEED: &str = "/revocations";

fn now() -> Time {
    grantd::env::now()
}

async fn keys(rig: &Rig) -> JwkSet {
    JwkSet::parse(rig.browser().get(&rig.path("/jwks")).await.body.as_bytes()).unwrap()
}

/// The feed as a resource server reads it.
async fn feed(rig: &Rig) -> RevocationFeed {
    let answer = rig.browser().get(&rig.path(FEED)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(revocation_feed::MEDIA_TYPE)), "{answer:?}");
    revocation_feed::verify(&answer.body, &keys(rig).await, &rig.issuer, now()).unwrap()
}

async fn entries(rig: &Rig) -> usize {
    let feed = feed(rig).await;
    feed.grants.len() + feed.tokens.len() + feed.clients.len() + feed.keys.len()
}

/// What a user's client holds.
struct Held {
    access: String,
    refresh: String,
}

impl Held {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        Self { access: answer.member("access_token"), refresh: answer.member("refresh_token") }
    }

    /// As the resource server reads it.
    async fn read(&self, rig: &Rig) -> AccessToken {
        read(rig, &self.access).await
    }
}

async fn read(rig: &Rig, token: &str) -> AccessToken {
    let expected = Expected { issuer: &rig.issuer, audience: &rig.shop.id() };
    access_token::verify(token, &keys(rig).await, expected, now()).unwrap()
}

/// What the feed says of a token.
pub(crate) async fn said(rig: &Rig, token: &str) -> Option<Ended> {
    feed(rig).await.refuses(&read(rig, token).await)
}

async fn refresh(rig: &Rig, token: &str) -> Answer {
    rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

async fn robots_own(rig: &Rig) -> String {
    let asked = [("grant_type", "client_credentials"), ("scope", "boxes:list")];
    rig.token_by("robot", &asked).await.member("access_token")
}

/// Alice lets `web` in, and somebody else does, too.
struct Scene {
    rig: Rig,
    browser: Browser,
    code: String,
    held: Held,
    other: Held,
}

impl Scene {
    async fn set() -> Self {
        let rig = Rig::development().await;
        let mut browser = rig.browser();
        let code = browser.code(&Asking::of_web()).await;
        let held = Held::of(&rig.redeem(&code).await);
        let mut elsewhere = rig.browser();
        let page = elsewhere.open("/authorize", &Asking::of_web()).await;
        let signed_in = elsewhere.sign_in(&page, "bob", PASSWORD).await;
        let page = elsewhere.follow(signed_in).await;
        let other = elsewhere.allow(&page.form("consent")).await.parameter("code").unwrap();
        let other = Held::of(&rig.redeem(&other).await);
        assert_eq!(entries(&rig).await, 0);
        Self { rig, browser, code, held, other }
    }

    async fn grant(&self) -> GrantId {
        GrantId::new(self.held.read(&self.rig).await.grant().unwrap())
    }

    /// Alice's is listed as ended, and Bob's is not.
    async fn only_alices_ended(&self, how: &str) {
        assert_eq!(said(&self.rig, &self.held.access).await, Some(Ended::Grant), "{how}");
        assert_eq!(said(&self.rig, &self.other.access).await, None, "{how}");
    }

    async fn put(&self, change: Change) {
        self.rig.put(vec![change]).await;
    }
}

// proves: AT-11, CODE-04
#[tokio::test]
async fn a_replayed_code_is_in_the_next_feed() {
    let scene = Scene::set().await;
    assert_eq!(scene.rig.redeem(&scene.code).await.error(), "invalid_grant");
    scene.only_alices_ended("code replay").await;
}

// proves: AT-11
#[tokio::test]
async fn a_reused_refresh_token_is_in_the_next_feed() {
    let scene = Scene::set().await;
    let second = Held::of(&refresh(&scene.rig, &scene.held.refresh).await);
    let third = Held::of(&refresh(&scene.rig, &second.refresh).await);
    assert_eq!(entries(&scene.rig).await, 0);
    assert_eq!(refresh(&scene.rig, &scene.held.refresh).await.error(), "invalid_grant");
    scene.only_alices_ended("refresh reuse").await;
    for descendant in [&second, &third] {
        assert_eq!(said(&scene.rig, &descendant.access).await, Some(Ended::Grant));
    }
}

// proves: AT-11
#[tokio::test]
async fn what_a_lost_answer_carried_is_in_the_next_feed_and_its_replacement_is_not() {
    let scene = Scene::set().await;
    let lost = Held::of(&refresh(&scene.rig, &scene.held.refresh).await);
    let again = Held::of(&refresh(&scene.rig, &scene.held.refresh).await);
    assert_eq!(said(&scene.rig, &lost.access).await, Some(Ended::Token));
    for good in [&again, &scene.held, &scene.other] {
        assert_eq!(said(&scene.rig, &good.access).await, None);
    }
}

// proves: AT-11
#[tokio::test]
async fn signing_out_is_in_the_next_feed_and_access_that_outlasts_it_is_not() {
    let mut scene = Scene::set().await;
    let lasting = Asking::of_web().with("scope", "boxes:list offline_access");
    let page = scene.browser.consent_page(&lasting).await;
    let answer = scene.browser.allow(&page.form("consent").tick("away", "yes")).await;
    let lasting = Held::of(&scene.rig.redeem(&answer.parameter("code").unwrap()).await);
    let page = scene.browser.get("/logout").await;
    assert_eq!(scene.browser.submit(&page.form("logout")).await.status, 303);
    scene.only_alices_ended("sign-out").await;
    assert_eq!(said(&scene.rig, &lasting.access).await, None);
}

// proves: AT-11
#[tokio::test]
async fn each_thing_that_an_operator_or_a_user_ends_is_in_the_next_feed() {
    type Ending = fn(&GrantId, Time) -> Change;
    let endings: [(&str, Ending); 6] = [
        ("a user disabled", |_, at| Change::SetUserStatus { user: id_of("alice"), status: Status::Disabled, at }),
        ("a new password", |_, at| Change::SetPassword {
            user: id_of("alice"),
            password: PasswordHash::new("$argon2id$of-something-else"),
            at,
        }),
        ("a user removed", |_, at| Change::RemoveUser { user: id_of("alice"), at }),
        ("an operator ends a grant", |grant, at| Change::RevokeGrant {
            grant: grant.clone(),
            at,
            because: Revocation::EndedByOperator,
        }),
        ("a user ends a client's access", |_, at| Change::EndAccess {
            user: id_of("alice"),
            client: Some(ClientId::new("web")),
            at,
            because: Revocation::EndedByUser,
        }),
        ("a user ends all access", |_, at| Change::EndAccess {
            user: id_of("alice"),
            client: None,
            at,
            because: Revocation::EndedByUser,
        }),
    ];
    for (how, ending) in endings {
        let scene = Scene::set().await;
        let change = ending(&scene.grant().await, now());
        scene.put(change).await;
        scene.only_alices_ended(how).await;
    }
    let scene = Scene::set().await;
    let (user, client) = (id_of("alice"), ClientId::new("page"));
    scene.put(Change::EndAccess { user, client: Some(client), at: now(), because: Revocation::EndedByUser }).await;
    assert_eq!(entries(&scene.rig).await, 0, "another client's access did not end");
}

// proves: AT-11
#[tokio::test]
async fn sessions_signed_out_from_elsewhere_are_in_the_next_feed() {
    let scene = Scene::set().await;
    let keep = Digest::of(b"the session that alice is looking from");
    scene.put(Change::EndOtherSessions { user: id_of("alice"), keep, at: now() }).await;
    scene.only_alices_ended("other sessions").await;
}

// proves: AT-11
#[tokio::test]
async fn one_access_token_ends_alone() {
    let scene = Scene::set().await;
    let second = Held::of(&refresh(&scene.rig, &scene.held.refresh).await);
    let token = scene.held.read(&scene.rig).await;
    let ended = IssuedAccessToken { id: AccessTokenId::new(&token.jti), expires_at: token.exp };
    scene.put(Change::EndAccessToken { token: ended, at: now() }).await;
    assert_eq!(said(&scene.rig, &scene.held.access).await, Some(Ended::Token));
    assert_eq!(said(&scene.rig, &second.access).await, None);
}

// proves: AT-11
#[tokio::test]
async fn a_client_that_is_switched_off_loses_what_users_gave_it_and_what_it_holds_itself() {
    let scene = Scene::set().await;
    let rig = &scene.rig;
    let robots = robots_own(rig).await;
    let off =
        |client: &str| Change::SetClientStatus { client: ClientId::new(client), status: Status::Disabled, at: now() };
    scene.put(off("web")).await;
    assert_eq!(said(rig, &robots).await, None);
    for held in [&scene.held, &scene.other] {
        assert!(said(rig, &held.access).await.is_some());
    }
    scene.put(off("robot")).await;
    assert_eq!(said(rig, &robots).await, Some(Ended::Client));

    // What it gets once it is on again, in a later second, is good.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let on = Change::SetClientStatus { client: ClientId::new("robot"), status: Status::Active, at: now() };
    scene.put(on).await;
    let later = robots_own(rig).await;
    assert_eq!(said(rig, &later).await, None);
    assert_eq!(said(rig, &robots).await, Some(Ended::Client), "what ended stays ended");
    scene.put(Change::RemoveClient { client: ClientId::new("robot"), at: now() }).await;
    assert_eq!(said(rig, &later).await, Some(Ended::Client));
}

/// One entry says as much as one for each of its users would: or else switching off a large client would fill the feed.
// proves: AT-11
#[tokio::test]
async fn a_client_that_is_switched_off_is_one_entry_however_many_users_it_had() {
    let scene = Scene::set().await;
    scene.put(Change::SetClientStatus { client: ClientId::new("web"), status: Status::Disabled, at: now() }).await;
    let feed = feed(&scene.rig).await;
    assert_eq!((feed.grants.len(), feed.clients.len()), (0, 1));
    for held in [&scene.held, &scene.other] {
        assert_eq!(said(&scene.rig, &held.access).await, Some(Ended::Client));
    }
}

/// The operator's clock was read before a token was issued, and the client's end written after it.
// proves: AT-11
#[tokio::test]
async fn a_token_that_is_dated_after_its_clients_end_is_ended_by_its_grant() {
    let scene = Scene::set().await;
    let at = now() - Seconds(10);
    scene.put(Change::SetClientStatus { client: ClientId::new("web"), status: Status::Disabled, at }).await;
    for held in [&scene.held, &scene.other] {
        assert_eq!(said(&scene.rig, &held.access).await, Some(Ended::Grant));
    }
}

// proves: AT-11, KEYS-03
#[tokio::test]
async fn a_removed_key_is_in_the_next_feed_and_does_not_sign_it() {
    let rig = Rig::development().await;
    let before = keys(&rig).await;
    let kid = before.keys()[0].kid().to_owned();
    let token = robots_own(&rig).await;
    let token = read(&rig, &token).await;
    assert_eq!(feed(&rig).await.refuses(&token), None);
    rig.app.keys.remove(&kid, now()).await.unwrap();
    let after = feed(&rig).await;
    assert_eq!(after.refuses(&token), Some(Ended::Key));
    assert!(keys(&rig).await.keys().iter().all(|key| key.kid() != kid));
    let text = rig.browser().get(FEED).await.body;
    assert!(revocation_feed::verify(&text, &before, &rig.issuer, now()).is_err(), "the removed key signed it");
}

// proves: AT-11
#[tokio::test]
async fn entries_go_when_the_last_token_they_are_about_has_expired_everywhere() {
    let scene = Scene::set().await;
    let rig = &scene.rig;
    let token = |name: &str, expires_in: i64| {
        let token = IssuedAccessToken { id: AccessTokenId::new(name), expires_at: now() + Seconds(expires_in) };
        Change::EndAccessToken { token, at: now() - Seconds(600) }
    };
    let late = CLOCKS_APART.0;
    rig.put(vec![token("good", 60), token("expired, not for late clocks", 20 - late), token("expired", -late - 1)])
        .await;
    let listed = async || feed(rig).await.tokens;
    let expected = [Mark::of("good"), Mark::of("expired, not for late clocks")];
    assert_eq!(listed().await, expected.into());
    // What is still listed is not swept away.
    rig.app.store.sweep(&rig.app.settings.issuer, now()).await.unwrap();
    assert_eq!(listed().await, expected.into());

    let longest = Seconds(LONGEST_ACCESS_TOKEN.0 + CLOCKS_APART.0);
    let grant = scene.grant().await;
    let other = GrantId::new(scene.other.read(rig).await.grant().unwrap());
    let ended = |grant: &GrantId, ago: Seconds| {
        let (grant, at) = (grant.clone(), now() - ago);
        Change::RevokeGrant { grant, at, because: Revocation::EndedByOperator }
    };
    rig.put(vec![ended(&grant, Seconds(longest.0 + 1)), ended(&other, Seconds(longest.0 - 30))]).await;
    assert_eq!(feed(rig).await.grants, [Mark::of(other.as_str())].into());
}

// proves: AT-11
#[tokio::test]
async fn an_unchanged_feed_costs_a_304_and_a_changed_one_comes_whole() {
    let scene = Scene::set().await;
    let rig = &scene.rig;
    let ask = async |etag: &str| {
        let mut program = rig.browser();
        let request = program.request(Method::GET, FEED).header("if-none-match", etag);
        program.send(request).await
    };
    let first = rig.browser().get(FEED).await;
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let unchanged = ask(&known).await;
        assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""), "{known}");
        assert_eq!(unchanged.header("etag"), Some(etag.as_str()));
        assert_eq!(unchanged.header("cache-control"), Some("no-cache"));
    }
    // Signed anew in another second, and still the same content.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let later = rig.browser().get(FEED).await;
    assert_eq!(later.header("etag"), Some(etag.as_str()));
    let times = async |answer: &Answer| {
        let feed = revocation_feed::verify(&answer.body, &keys(rig).await, &rig.issuer, now()).unwrap();
        assert_eq!(feed.exp, feed.iat + Seconds::hours(1));
        feed.iat
    };
    assert!(times(&first).await < times(&later).await, "of two feeds the later one counts");

    let grant = scene.grant().await;
    scene.put(Change::RevokeGrant { grant, at: now(), because: Revocation::EndedByOperator }).await;
    let changed = ask(&etag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn it_is_read_by_everyone_and_only_read() {
    let rig = Rig::behind_a_proxy().await;
    let ask = async |method: Method| {
        let mut program = rig.browser();
        let request = program.request(method, FEED).header("origin", "https://anybody.example");
        program.send(request).await
    };
    let read = ask(Method::GET).await;
    assert_eq!((read.status, read.header("access-control-allow-origin")), (200, Some("*")));
    let head = ask(Method::HEAD).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("etag"), read.header("etag"));
    assert_eq!(ask(Method::OPTIONS).await.header("access-control-allow-methods"), Some("GET"));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let refused = ask(method.clone()).await;
        assert_eq!((refused.status, refused.header("allow").is_some()), (405, true), "{method}");
    }
}

#[tokio::test]
async fn it_stands_below_the_issuer_and_names_it() {
    let rig = Setup::behind_a_proxy().at("/t/acme").start().await;
    assert_eq!(rig.browser().get(FEED).await.status, 404);
    assert_eq!(feed(&rig).await.iss, "https://id.example/t/acme");
}

/// Else anybody with an account and an app could leave every resource server without a feed.
// proves: AT-11
#[tokio::test]
async fn an_app_that_gives_back_token_after_token_fills_no_feed_but_loses_what_it_holds() {
    let scene = Scene::set().await;
    let grant = scene.grant().await;
    let ended = |token| Change::EndAccessToken { token, at: now() };
    let of_alice = |number: u32| IssuedAccessToken {
        id: AccessTokenId::new(format!("{grant}.{number}")),
        expires_at: now() + LONGEST_ACCESS_TOKEN,
    };
    let all: Vec<Change> = (0..MORE_THAN_FIT).map(of_alice).map(ended).collect();
    for some in all.chunks(2_000) {
        scene.rig.put(some.to_vec()).await;
    }
    scene.only_alices_ended("more than fit").await;
    // Of another grant, one that ended is one that ended.
    let read = scene.other.read(&scene.rig).await;
    scene.put(ended(IssuedAccessToken { id: AccessTokenId::new(read.jti), expires_at: read.exp })).await;
    assert_eq!(said(&scene.rig, &scene.other.access).await, Some(Ended::Token));
    let feed = feed(&scene.rig).await;
    assert_eq!((feed.grants.len(), feed.tokens.len()), (1, 1));
}

const MORE_THAN_FIT: u32 = 120_001;

#[tokio::test]
async fn it_tells_outsiders_no_name_of_anything() {
    let scene = Scene::set().await;
    let grant = scene.grant().await;
    let at = now();
    scene.put(Change::RevokeGrant { grant: grant.clone(), at, because: Revocation::EndedByOperator }).await;
    scene.put(Change::SetClientStatus { client: ClientId::new("robot"), status: Status::Disabled, at }).await;
    let text = scene.rig.browser().get(FEED).await.body;
    let said = crate::flow::claims(&text);
    assert_eq!(said["grants"].as_array().unwrap().len(), 1);
    let said = said.to_string();
    for name in [grant.as_str(), id_of("alice").as_str(), "robot", MAIL] {
        assert!(!said.contains(name), "{name}: {said}");
    }
}
