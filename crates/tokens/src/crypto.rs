//! The only file that names the cryptographic library. Everything here is a thin, total wrapper with one answer per
//! question; what a key or a signature *means* is said in `jwk.rs`, `key.rs` and `jws.rs`.
//!
//! Key generation, ECDSA signing and sealing draw randomness from the operating system inside the library (KEYS-14). No
//! other randomness is drawn here: identifiers and secrets come from the caller's [`Random`](crate::Random).

use crate::algorithm::Algorithm;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ParsedPublicKey, RsaKeyPair};
use aws_lc_rs::{constant_time, digest, rand};
use zeroize::Zeroizing;

/// The library refused: bad input, or no entropy. There is nothing more to tell, and more would only help an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// The numbers that make a public key, big-endian where they are numbers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum PublicNumbers {
    /// A point on P-256.
    P256 { x: [u8; 32], y: [u8; 32] },
    /// An encoded Edwards point (RFC 8032 §5.1.2).
    Ed25519([u8; 32]),
    /// Modulus and exponent without leading zero octets.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl PublicNumbers {
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            PublicNumbers::P256 { .. } => Algorithm::Es256,
            PublicNumbers::Ed25519(_) => Algorithm::EdDsa,
            PublicNumbers::Rsa { .. } => Algorithm::Rs256,
        }
    }
}

/// A public key, parsed once: on the curve, or of 2048 to 8192 bits.
#[derive(Clone)]
pub(crate) struct VerifyingKey(ParsedPublicKey);

impl VerifyingKey {
    pub(crate) fn new(numbers: &PublicNumbers) -> Result<VerifyingKey, Refused> {
        let parsed = match numbers {
            PublicNumbers::P256 { x, y } => {
                // SEC 1 §2.3.3: the uncompressed form of a point.
                let point = [&[4_u8], x.as_slice(), y.as_slice()].concat();
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
            }
            PublicNumbers::Ed25519(point) => ParsedPublicKey::new(&signature::ED25519, point),
            PublicNumbers::Rsa { n, e } => {
                PublicKeyComponents { n, e }.to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
            }
        };
        parsed.map(VerifyingKey).map_err(|_| Refused)
    }

    /// Exact length; for ECDSA the fixed form `r ‖ s` with both in range (RFC 7518 §3.4).
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        self.0.verify_sig(message, signature).map_err(|_| Refused)
    }
}

/// A private key; the library wipes its memory on drop.
pub(crate) enum SigningKey {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

impl SigningKey {
    pub(crate) fn generate(algorithm: Algorithm) -> Result<SigningKey, Refused> {
        match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).map(SigningKey::Es256)
            }
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(SigningKey::EdDsa),
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa3072).map(SigningKey::Rs256),
        }
        .map_err(|_| Refused)
    }

    pub(crate) fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<SigningKey, Refused> {
        match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(SigningKey::Es256)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(SigningKey::EdDsa),
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(SigningKey::Rs256),
        }
        .map_err(|_| Refused)
    }

    /// PKCS #8 version 1 (RFC 5208), which every tool reads.
    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let bytes = match self {
            SigningKey::Es256(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            SigningKey::EdDsa(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            SigningKey::Rs256(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| der.as_ref().to_vec()),
        };
        bytes.map(Zeroizing::new).map_err(|_| Refused)
    }

    pub(crate) fn public_numbers(&self) -> Result<PublicNumbers, Refused> {
        match self {
            SigningKey::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point.strip_prefix(&[4]).and_then(|xy| xy.split_at_checked(32)).ok_or(Refused)?;
                Ok(PublicNumbers::P256 { x: array(x)?, y: array(y)? })
            }
            SigningKey::EdDsa(pair) => Ok(PublicNumbers::Ed25519(array(pair.public_key().as_ref())?)),
            SigningKey::Rs256(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                Ok(PublicNumbers::Rsa { n, e })
            }
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Refused> {
        // The library ignores this argument and uses its own generator; see the head of this file.
        let random = rand::SystemRandom::new();
        match self {
            SigningKey::Es256(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            SigningKey::EdDsa(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            SigningKey::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
        }
        .map_err(|_| Refused)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    output.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    output
}

pub(crate) fn constant_time_eq(left: &[u8; 32], right: &[u8; 32]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// AES-256-GCM with a random nonce in front: `nonce ‖ ciphertext ‖ tag`.
///
/// 96 random bits allow about 2³² messages under one key (NIST SP 800-38D §8.3); signing keys are sealed by the dozen.
pub(crate) fn seal(key: &[u8; 32], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Refused> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Refused)?;
    let mut in_out = Zeroizing::new(plaintext.to_vec());
    let nonce = key.seal_in_place_append_tag(Aad::from(aad), &mut *in_out).map_err(|_| Refused)?;
    Ok([nonce.as_ref().as_slice(), &in_out].concat())
}

/// Opens what [`seal`] wrote; one answer for every way it can be wrong (KEYS-11).
pub(crate) fn open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(Refused)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Refused)?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Refused)?;
    let mut in_out = Zeroizing::new(ciphertext.to_vec());
    let length = key.open_in_place(nonce, Aad::from(aad), &mut in_out).map_err(|_| Refused)?.len();
    in_out.truncate(length);
    Ok(in_out)
}

fn array(bytes: &[u8]) -> Result<[u8; 32], Refused> {
    bytes.try_into().map_err(|_| Refused)
}
