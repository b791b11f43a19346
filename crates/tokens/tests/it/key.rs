//! Private keys: kept encrypted, bound to where they belong, never printed.

use crate::forge;
use grantd_tokens::{Algorithm, KeyEncryptionKey, KeyFault, PrivateKey, Random, SealedKey};

const ISSUER: &str = "https://issuer.example";

fn key_encryption_key() -> KeyEncryptionKey {
    KeyEncryptionKey::from_bytes([7; 32])
}

#[test]
fn a_key_is_named_by_its_thumbprint() {
    for algorithm in Algorithm::ALL {
        let key = forge::key(algorithm);
        assert_eq!(key.kid(), key.public().thumbprint().to_base64url());
        assert_eq!(key.algorithm(), algorithm);
    }
}

#[test]
fn a_key_reads_back_from_pkcs8_and_only_as_what_it_is() {
    for algorithm in Algorithm::ALL {
        let pkcs8 = forge::key(algorithm).to_pkcs8().unwrap();
        for other in Algorithm::ALL {
            let read = PrivateKey::from_pkcs8(other, &pkcs8).map(|key| key.kid().to_owned());
            if other == algorithm {
                assert_eq!(read.unwrap(), forge::key(algorithm).kid());
            } else {
                assert_eq!(read, Err(KeyFault::NotThatKey));
            }
        }
    }
}

// proves: KEYS-04
#[test]
fn a_sealed_key_hides_its_key_and_opens_again() {
    for algorithm in Algorithm::ALL {
        let key = forge::key(algorithm);
        let sealed = key.seal(&key_encryption_key(), ISSUER).unwrap();
        let secret_part = &key.to_pkcs8().unwrap()[16..48];
        assert!(!sealed.ciphertext.windows(secret_part.len()).any(|window| window == secret_part));
        let stored = serde_json::to_string(&sealed).unwrap();
        let opened = serde_json::from_str::<SealedKey>(&stored).unwrap().unseal(&key_encryption_key(), ISSUER).unwrap();
        assert_eq!(opened.jwk(), key.jwk());
    }
}

// proves: KEYS-04
#[test]
fn a_sealed_key_opens_only_where_it_belongs() {
    let sealed = forge::ES256.seal(&key_encryption_key(), ISSUER).unwrap();
    assert!(sealed.unseal(&key_encryption_key(), ISSUER).is_ok());
    let refused = |sealed: &SealedKey, with: &KeyEncryptionKey, issuer: &str| {
        assert_eq!(sealed.unseal(with, issuer).unwrap_err(), KeyFault::CannotUnseal);
    };
    refused(&sealed, &KeyEncryptionKey::from_bytes([8; 32]), ISSUER);
    refused(&sealed, &key_encryption_key(), "https://other.example");
    let renamed = SealedKey { kid: forge::EDDSA.kid().into(), ..sealed.clone() };
    refused(&renamed, &key_encryption_key(), ISSUER);
    for length in [0, 11, 12, 27, sealed.ciphertext.len() - 1] {
        let cut = SealedKey { ciphertext: sealed.ciphertext[..length].to_vec(), ..sealed.clone() };
        refused(&cut, &key_encryption_key(), ISSUER);
    }
    for byte in 0..sealed.ciphertext.len() {
        let mut changed = sealed.clone();
        changed.ciphertext[byte] ^= 0x80;
        refused(&changed, &key_encryption_key(), ISSUER);
    }
}

#[test]
fn sealing_twice_gives_two_texts() {
    let seal = || forge::ES256.seal(&key_encryption_key(), ISSUER).unwrap().ciphertext;
    assert_ne!(seal(), seal());
}

#[test]
fn a_key_encryption_key_survives_its_file() {
    struct Counting(u8);
    impl Random for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0;
                self.0 += 1;
            }
        }
    }
    let key = KeyEncryptionKey::generate(&mut Counting(0));
    let text = key.to_base64url();
    assert_eq!(text.as_str(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    let read = KeyEncryptionKey::parse(&format!("{}\n", text.as_str())).unwrap();
    assert_eq!(read.to_base64url(), text);
    for wrong in
        ["", "AAEC", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AAAA"]
    {
        assert!(KeyEncryptionKey::parse(wrong).is_none(), "{wrong}");
    }
}

// proves: KEYS-04, LOG-02
#[test]
fn keys_are_not_printed_by_debug() {
    for algorithm in Algorithm::ALL {
        let key = forge::key(algorithm);
        assert_eq!(format!("{key:?}"), format!("PrivateKey({algorithm}, {}, ..)", key.kid()));
    }
    assert_eq!(format!("{:?}", key_encryption_key()), "KeyEncryptionKey(..)");
}
