//! A stolen copy of the files lets nobody in.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::token::Form;
use grantd_tokens::{Digest, Secret};

use crate::databases::database;
use crate::records::resource;
use crate::town::Town;

// proves: STORE-01
#[tokio::test]
async fn only_digests_are_on_the_disk() {
    let database = database();
    let town = Town::found(database.open()).await;
    // Its access tokens are opaque.
    assert_eq!(town.store.commit(&town.issuer, vec![Change::PutResource(resource(0, 0))]).await, Ok(Commit::Done));
    let (spent, waiting) = (town.approve().await, town.approve().await);
    let first = town.redeem(&spent.code).await.unwrap().refresh_token.unwrap();
    let refreshed = town.run(&town.refresh(&first)).await.unwrap();
    let Form::Opaque(access_token) = refreshed.form else { panic!("a signed token") };
    let mut secrets = vec![town.client_secret.clone(), town.code_verifier.clone(), access_token.clone()];
    secrets.extend([first.clone(), refreshed.refresh_token.unwrap()]);
    for approved in [spent, waiting] {
        let browser = approved.browser;
        secrets.extend([Some(approved.code), browser.browser, browser.session, browser.handle].into_iter().flatten());
    }
    assert_eq!(secrets.len(), 13);

    let files = database.kept();
    assert!(files.len() >= 2, "the database and its log, or its rows");
    let holds = |needle: &[u8]| files.iter().any(|file| file.windows(needle.len()).any(|window| window == needle));
    for secret in &secrets {
        assert!(!holds(secret.expose().as_bytes()));
        assert!(!holds(&bytes_of(secret)));
    }
    // Nor the part that a family has in common: who knew it could make a token that counts as one of the family's.
    let (family, _) = first.expose().split_at(FAMILY_CHARS);
    assert!(!holds(family.as_bytes()));
    // The search finds what is there.
    assert!(holds(first.hash().to_base64url().as_bytes()));
    assert!(holds(access_token.hash().to_base64url().as_bytes()));
    assert!(holds(Digest::of(family.as_bytes()).to_base64url().as_bytes()));
    assert!(holds(town.client_secret.hash().to_base64url().as_bytes()));
}

const FAMILY_CHARS: usize = 22;

/// The 32 bytes behind the text; of a refresh token, behind the part of it that is its own.
fn bytes_of(secret: &Secret) -> Vec<u8> {
    let text = secret.expose();
    let own = text.get(FAMILY_CHARS..FAMILY_CHARS + 43).unwrap_or(text);
    Digest::parse(own).unwrap().as_bytes().to_vec()
}
