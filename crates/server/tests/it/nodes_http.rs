//! Two nodes on one database, and a balancer in front that sends each request to the other one than the last.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use grantd::config::{Config, Sources};
use grantd::declare::declare;
use grantd::duties::Duties;
use grantd::env;
use grantd::keys::timeline::Start;
use grantd::pages::Mode;
use grantd_protocol::changes::Change;
use grantd_protocol::names::{GrantId, Username};
use grantd_protocol::records::Revocation;
use grantd_store::Lease;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::account_http::{PAGE, press};
use crate::flow::claims;
use crate::introspect_http::{assert_inactive, introspect, post};
use crate::rig::{Answer, Asking, Rig, Setup};

async fn node(folder: &Path) -> Rig {
    Setup::behind_a_proxy().kept_in(folder).start_empty().await
}

/// Two that know nothing of each other; everybody who moved in did so at the first.
async fn two_nodes(folder: &Path) -> [Rig; 2] {
    let one = Setup::behind_a_proxy().kept_in(folder).start().await;
    [one, node(folder).await]
}

/// Behind a balancer.
async fn balanced(folder: &Path) -> (Rig, Rig) {
    let [mut one, other] = two_nodes(folder).await;
    one.beside = Some(other.address());
    (one, other)
}

async fn refreshed(rig: &Rig, token: &str) -> Answer {
    rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

fn away() -> Asking {
    Asking::of_web().with("scope", "boxes:list letters:read offline_access")
}

#[tokio::test]
async fn a_whole_flow_works_when_each_request_goes_to_another_node() {
    let folder = TempDir::new().unwrap();
    let (rig, other) = balanced(folder.path()).await;
    let mut browser = rig.browser();
    let code = browser.code(&away()).await;
    // Each of these asks once, and one node is as good as the other.
    let mut tokens = rig.redeem(&code).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    for node in [&other, &rig, &other] {
        tokens = refreshed(node, &tokens.member("refresh_token")).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        assert_eq!(introspect(node, &tokens.member("access_token")).await.json()["active"], true);
    }
    let access = browser.get(PAGE).await;
    let ended = press(&mut browser, &access.form("end_0"), "end").await;
    assert_eq!(ended.status, 303, "{ended:?}");
    assert_eq!(refreshed(&other, &tokens.member("refresh_token")).await.error(), "invalid_grant");
    let home = browser.get("/").await;
    let out = browser.submit(&home.form("logout")).await;
    assert_eq!(out.status, 303, "{out:?}");
    let again = browser.get(PAGE).await;
    assert!(again.location().is_some_and(|location| location.contains("/login")), "{again:?}");
}

// proves: STORE-06
#[tokio::test]
async fn what_one_node_ended_another_refuses_at_the_next_request() {
    let folder = TempDir::new().unwrap();
    let [one, other] = two_nodes(folder.path()).await;
    let issuer = &one.app.settings.issuer;
    let grant_of = |tokens: &Answer| {
        let jti = claims(&tokens.member("access_token"))["jti"].as_str().unwrap().to_owned();
        GrantId::new(jti.split('.').next().unwrap())
    };
    for number in 0..5 {
        let code = other.browser().code(&away()).await;
        let tokens = other.redeem(&code).await;
        let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
        let feed = other.browser().get("/revocations").await;
        assert_eq!(introspect(&other, &access).await.json()["active"], true);
        if number % 2 == 0 {
            assert_eq!(post(&one, "/revoke", "web", &[("token", &refresh)]).await.status, 200);
        } else {
            let change =
                Change::RevokeGrant { grant: grant_of(&tokens), at: env::now(), because: Revocation::EndedByOperator };
            one.app.store.commit(issuer, vec![change]).await.unwrap();
        }
        assert_inactive(&introspect(&other, &access).await, "at introspection");
        assert_eq!(refreshed(&other, &refresh).await.error(), "invalid_grant");
        let after = other.browser().get("/revocations").await;
        assert_ne!(feed.header("etag"), after.header("etag"), "in the feed");
    }
}

// proves: KEYS-03, STORE-06
#[tokio::test]
async fn keys_that_one_node_changes_are_followed_by_the_other_without_a_gap() {
    let folder = TempDir::new().unwrap();
    let [one, other] = two_nodes(folder.path()).await;
    let asked = [("grant_type", "client_credentials"), ("scope", "boxes:list")];
    for _ in 0..4 {
        let before = other.token_by("robot", &asked).await.member("access_token");
        one.app.keys.rotate(Start::AtOnce, env::now()).await.unwrap();
        let between = other.token_by("robot", &asked).await.member("access_token");
        assert_eq!(introspect(&other, &before).await.json()["active"], true, "the older key is still published");
        assert_eq!(introspect(&one, &between).await.json()["active"], true);
        let kids = one.app.keys.ring().dates().to_vec();
        let oldest = &kids[0].kid;
        one.app.keys.remove(oldest, env::now()).await.unwrap();
        let jwks = other.browser().get("/jwks").await;
        assert!(!jwks.body.contains(oldest.as_str()), "{jwks:?}");
        let after = other.token_by("robot", &asked).await.member("access_token");
        assert_eq!(introspect(&one, &after).await.json()["active"], true);
    }
}

#[tokio::test]
async fn one_node_at_a_time_has_the_duties_and_leaves_them_when_it_stops() {
    let folder = TempDir::new().unwrap();
    let [one, other] = two_nodes(folder.path()).await;
    let (store, issuer) = (other.app.store.clone(), other.app.settings.issuer.clone());
    let stranger = Duties::default();
    for duty in [Lease::Sweeping, Lease::TendingKeys] {
        // Both have looked by the time that a stranger is refused.
        while stranger.is_ours(&store, &issuer, duty).await.unwrap() {
            stranger.give_back(&store, &issuer).await;
            one.app.duties.is_ours(&store, &issuer, duty).await.unwrap();
        }
    }
    one.stop().await;
    other.stop().await;
    for duty in [Lease::Sweeping, Lease::TendingKeys] {
        assert!(stranger.is_ours(&store, &issuer, duty).await.unwrap(), "nobody waits for those that stopped");
    }
}

const DECLARED: &str = r#"
issuer = "https://id.example"
http.trusted_proxies = ["127.0.0.1"]

[[resource]]
id = "https://lockbox.example/"
name = "Lockboxes"
scopes = [{ name = "mail.read", description = "Read mail" }]

[[client]]
id = "declared"
name = "Declared"
kind = "native"
redirect_uris = ["http://127.0.0.1/cb"]

[[user]]
username = "dora"
password_file = "password"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_on_an_empty_database_agree_on_keys_clients_and_users() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("grantd.toml"), DECLARED).unwrap();
    fs::write(folder.path().join("password"), "letters for a rainy day\n").unwrap();
    fs::set_permissions(folder.path().join("password"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let path: Arc<Path> = folder.path().into();
    // Written down, so that all of them find the same.
    crate::rig::database::of(folder.path());
    let mut starting = JoinSet::new();
    for _ in 0..4 {
        let path = Arc::clone(&path);
        starting.spawn(async move {
            let sources = Sources {
                mode: Mode::Production,
                file: None,
                settings: Vec::new(),
                environment: Vec::new(),
                directory: path.to_path_buf(),
            };
            let declared = Config::load(&sources).unwrap().declared;
            let app = Setup::behind_a_proxy().kept_in(&path).open().await.unwrap_or_else(|fault| panic!("{fault}"));
            declare(&app, declared).await.unwrap();
            app
        });
    }
    let nodes = starting.join_all().await;
    let issuer = &nodes[0].settings.issuer;
    let (mut kids, mut users) = (Vec::new(), Vec::new());
    for node in &nodes {
        let ring = node.keys.fresh().await.unwrap();
        kids.extend(ring.dates().iter().map(|dates| dates.kid.clone()));
        users.push(node.store.user_by_username(issuer, &Username::parse("dora").unwrap()).await.unwrap().unwrap().id);
        assert_eq!(node.store.clients(issuer, None, 10).await.unwrap().len(), 1);
    }
    kids.dedup();
    users.dedup();
    assert_eq!((kids.len(), users.len()), (1, 1), "{kids:?} {users:?}");
}
