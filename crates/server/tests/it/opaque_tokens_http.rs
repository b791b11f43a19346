//! Opaque access tokens on the wire and on disk (AT-07).

use grantd_protocol::changes::Change;
use grantd_protocol::names::ResourceId;
use grantd_protocol::records::AccessTokenFormat;
use grantd_tokens::{Digest, JwkSet, access_token, access_token::Expected};
use tempfile::TempDir;

use crate::rig::database::on_disk;
use crate::rig::people::MAIL;
use crate::rig::{Answer, Asking, Rig, Setup};

/// The storage wants opaque tokens; the mail room goes on with signed ones.
async fn storage_goes_opaque(rig: &Rig) {
    let issuer = &rig.app.settings.issuer;
    let mut storage = rig.app.store.resource(issuer, &ResourceId::new(rig.shop.id())).await.unwrap().unwrap();
    storage.access_token_format = AccessTokenFormat::Opaque;
    rig.put(vec![Change::PutResource(storage)]).await;
}

fn assert_opaque(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.member("access_token");
    // 32 bytes in base64url, and no dot: nothing that a library of signed tokens would look into.
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    assert!(token.len() == 43 && token.bytes().all(base64url), "{answer:?}");
    assert_eq!((answer.member("token_type"), answer.json()["expires_in"].as_i64()), ("Bearer".to_owned(), Some(300)));
    token
}

pub(crate) fn holds(hay: &[u8], needle: &str) -> bool {
    hay.windows(needle.len()).any(|window| window == needle.as_bytes())
}

// proves: AT-07
#[tokio::test]
async fn an_opaque_token_comes_from_each_grant_and_only_its_digest_is_on_disk() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::development().kept_in(folder.path()).start().await;
    storage_goes_opaque(&rig).await;
    let code = rig.browser().code(&Asking::of_web()).await;
    let redeemed = rig.redeem(&code).await;
    let refresh_token = redeemed.member("refresh_token");
    let again = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str()), ("scope", "letters:read")];
    let refreshed = rig.token_by("web", &again).await;
    assert_eq!(refreshed.member("scope"), "letters:read");
    let own = [("grant_type", "client_credentials"), ("scope", "boxes:list")];
    let robots = rig.token_by("robot", &own).await;
    let tokens = [&redeemed, &refreshed, &robots].map(assert_opaque);
    rig.stop().await;

    let kept = on_disk(folder.path());
    for token in &tokens {
        assert!(!holds(&kept, token), "the token is on disk");
        assert!(
            holds(&kept, &Digest::of(token.as_bytes()).to_base64url()),
            "nothing is kept that it could be found by"
        );
    }
}

// proves: AT-07
#[tokio::test]
async fn a_resource_server_that_checks_signatures_lets_no_opaque_token_in() {
    let rig = Rig::development().await;
    let good = [("grant_type", "client_credentials"), ("scope", "letters:read")];
    let signed = rig.token_by("robot", &good).await.member("access_token");
    assert_eq!(rig.shop.call(&signed).await.0, 200);
    storage_goes_opaque(&rig).await;
    let opaque = assert_opaque(&rig.token_by("robot", &good).await);
    assert_eq!(rig.shop.call(&opaque).await.0, 401);
    let keys = JwkSet::parse(rig.browser().get("/jwks").await.body.as_bytes()).unwrap();
    let expected = Expected { issuer: &rig.issuer, audience: &rig.shop.id() };
    assert!(access_token::verify(&opaque, &keys, expected, grantd::env::now()).is_err());
}

#[tokio::test]
async fn one_grant_gives_each_resource_the_form_it_wants() {
    let rig = Rig::development().await;
    storage_goes_opaque(&rig).await;
    let asking =
        Asking::of_web().with("scope", "boxes:list mail:send").with("resource", &rig.shop.id()).and("resource", MAIL);
    let code = rig.browser().code(&asking).await;
    let redeemed = rig.redeem(&code).await;
    assert_opaque(&redeemed);
    let refresh_token = redeemed.member("refresh_token");
    let asked = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str()), ("resource", MAIL)];
    let mail = rig.token_by("web", &asked).await;
    assert_eq!(crate::flow::claims(&mail.member("access_token"))["aud"], MAIL);
}
