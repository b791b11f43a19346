//! A stolen copy of the files lets nobody in.

use grantd_store::{Location, Store};
use grantd_tokens::Secret;

use crate::town::Town;

// proves: STORE-01
#[tokio::test]
async fn only_digests_are_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::File(directory.path().join("grantd.db"))).unwrap();
    let town = Town::found(store).await;
    let (spent, waiting) = (town.approve().await, town.approve().await);
    let first = town.redeem(&spent.code).await.unwrap().refresh_token.unwrap();
    let second = town.run(&town.refresh(&first)).await.unwrap().refresh_token.unwrap();
    let mut secrets = vec![town.client_secret.clone(), town.code_verifier.clone(), first.clone(), second];
    for approved in [spent, waiting] {
        let browser = approved.browser;
        secrets.extend([Some(approved.code), browser.browser, browser.session, browser.handle].into_iter().flatten());
    }
    assert_eq!(secrets.len(), 12);

    let files: Vec<Vec<u8>> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(files.len() >= 2, "the database and its log");
    let holds = |needle: &[u8]| files.iter().any(|file| file.windows(needle.len()).any(|window| window == needle));
    for secret in &secrets {
        assert!(!holds(secret.expose().as_bytes()));
        assert!(!holds(&bytes_of(secret)));
    }
    // The search finds what is there.
    assert!(holds(first.hash().to_base64url().as_bytes()));
    assert!(holds(town.client_secret.hash().to_base64url().as_bytes()));
}

/// The 32 bytes behind the text.
fn bytes_of(secret: &Secret) -> Vec<u8> {
    grantd_tokens::Digest::parse(secret.expose()).unwrap().as_bytes().to_vec()
}
