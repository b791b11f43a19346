//! Secrets: long, hashed for keeping, and never printed.

use grantd_tokens::{Digest, Random, Secret};
use std::collections::BTreeSet;

struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
    }
}

// proves: CAUTH-06
#[test]
fn a_random_secret_carries_all_256_bits_that_were_drawn() {
    let secret = Secret::random(&mut Counting(0));
    assert_eq!(secret.expose(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    let mut random = Counting(0);
    let secrets: BTreeSet<Digest> = (0..8).map(|_| Secret::random(&mut random).hash()).collect();
    assert_eq!(secrets.len(), 8);
}

// proves: LOG-02
#[test]
fn a_secret_is_not_printed_by_debug() {
    let secret = Secret::new("canary-secret");
    assert_eq!(format!("{secret:?}"), "Secret(..)");
    assert_eq!(format!("{:?}", Some(&secret)), "Some(Secret(..))");
}

#[test]
fn secrets_are_equal_when_their_text_is() {
    assert_eq!(Secret::new("same"), Secret::new("same"));
    assert_ne!(Secret::new("same"), Secret::new("samf"));
    assert_ne!(Secret::new("same"), Secret::new("same "));
}

#[test]
fn a_digest_reads_back_as_it_was_written_and_nothing_else_reads() {
    let digest = Secret::new("code").hash();
    assert_eq!(digest, Digest::of(b"code"));
    assert_eq!(Digest::parse(&digest.to_base64url()), Some(digest));
    let json = serde_json::to_string(&digest).unwrap();
    assert_eq!(json, format!("\"{}\"", digest.to_base64url()));
    assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    assert!(serde_json::from_str::<Digest>("\"short\"").is_err());
    let text = digest.to_base64url();
    for wrong in ["c29tZXRoaW5n", &format!("{text}="), &format!("{text}A"), &format!("*{text}"), ""] {
        assert_eq!(Digest::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_digest_matches_itself_alone() {
    let digest = Digest::of(b"a");
    for byte in 0..32 {
        let mut other = *digest.as_bytes();
        other[byte] ^= 1;
        assert!(!digest.matches(&Digest::from_bytes(other)));
    }
    assert!(digest.matches(&Digest::of(b"a")));
}

#[test]
fn the_debug_form_of_a_digest_is_a_short_fingerprint() {
    let digest = Digest::of(b"abc");
    assert_eq!(format!("{digest:?}"), "Digest(ungW..)");
}
