//! Signing keys: kept sealed, each once.

use grantd_store::{Location, Store, StoredKey};
use grantd_tokens::{Algorithm, KeyEncryptionKey, PrivateKey, Time};

use crate::records::issuer;

fn sealed(algorithm: Algorithm, created_at: i64) -> StoredKey {
    let key = PrivateKey::generate(algorithm).unwrap();
    let with = KeyEncryptionKey::from_bytes([7; 32]);
    StoredKey { sealed: key.seal(&with, issuer(0).as_str()).unwrap(), created_at: Time(created_at) }
}

#[tokio::test]
async fn keys_come_back_as_they_were_the_oldest_first_and_for_their_issuer_alone() {
    let store = Store::open(&Location::Memory).unwrap();
    let (newer, older) = (sealed(Algorithm::Es256, 20), sealed(Algorithm::EdDsa, 10));
    for key in [&newer, &older] {
        assert_eq!(store.add_signing_key(&issuer(0), key.clone()).await, Ok(true));
    }
    assert_eq!(store.signing_keys(&issuer(0)).await.unwrap(), [older, newer]);
    assert_eq!(store.signing_keys(&issuer(1)).await.unwrap(), []);
}

#[tokio::test]
async fn a_key_is_kept_once_and_the_first_stays() {
    let store = Store::open(&Location::Memory).unwrap();
    let first = sealed(Algorithm::Es256, 10);
    let again = StoredKey { created_at: Time(20), ..first.clone() };
    assert_eq!(store.add_signing_key(&issuer(0), first.clone()).await, Ok(true));
    assert_eq!(store.add_signing_key(&issuer(0), again).await, Ok(false));
    assert_eq!(store.signing_keys(&issuer(0)).await.unwrap(), [first]);
}
