//! Signatures and hashes, by the same functions as the server's, on one thread.

use std::hint::black_box;
use std::time::Duration;

use argon2::PasswordHasher as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use grantd_tokens::{AccessTokenClaims, Algorithm, Digest, PrivateKey, Seconds, Secret, Time};

use crate::fault::Fault;
use crate::process::thread_cpu;
use crate::stock::Counted;
use crate::world::{API, ISSUER, PASSWORD, ROBOT, argon2id as hasher};
use crate::{clock, world};

/// Microseconds each.
#[derive(Clone, Copy, Debug)]
pub struct Signatures {
    /// ES256, the signature alone.
    pub es256_sign: f64,
    /// ES256, its verification alone, with a key that was read before.
    pub es256_verify: f64,
    /// EdDSA, the signature alone.
    pub eddsa_sign: f64,
    /// EdDSA, its verification alone.
    pub eddsa_verify: f64,
}

/// Signs and verifies.
pub fn signatures(each: Duration) -> Result<Signatures, Fault> {
    let (es256_sign, es256_verify) = of(Algorithm::Es256, each)?;
    let (eddsa_sign, eddsa_verify) = of(Algorithm::EdDsa, each)?;
    Ok(Signatures { es256_sign, es256_verify, eddsa_sign, eddsa_verify })
}

fn of(algorithm: Algorithm, each: Duration) -> Result<(f64, f64), Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::Part(format!("{algorithm}: {error}"));
    let key = PrivateKey::generate(algorithm).map_err(|error| broken(&error))?;
    let token = access_token(clock::now()).mint(&key).map_err(|error| broken(&error))?;
    let (signed, signature) = token.rsplit_once('.').unwrap_or((&token, ""));
    let sign = cpu_each(each, || key.sign(black_box(signed.as_bytes())).is_ok())?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|error| broken(&error))?;
    let public = public_key(&key)?;
    let verify = cpu_each(each, || public.verify_sig(black_box(signed.as_bytes()), &signature).is_ok())?;
    Ok((sign, verify))
}

/// The public part for the library itself: what the server does around it is no part of this part.
fn public_key(key: &PrivateKey) -> Result<ParsedPublicKey, Fault> {
    let unreadable = || Fault::Part("a public key cannot be read".to_owned());
    let jwk = serde_json::to_value(key.jwk()).map_err(|_| unreadable())?;
    let number = |name: &str| {
        let text = jwk.get(name).and_then(serde_json::Value::as_str).ok_or_else(unreadable)?;
        BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| unreadable())
    };
    let parsed = match key.algorithm() {
        Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, number("x")?),
        // SEC 1 §2.3.3: an uncompressed point.
        _ => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [vec![4], number("x")?, number("y")?].concat()),
    };
    parsed.map_err(|_| unreadable())
}

/// What a program gets for itself.
pub fn access_token(now: Time) -> AccessTokenClaims {
    AccessTokenClaims {
        iss: ISSUER.to_owned(),
        sub: format!("client:{}", ROBOT.id),
        aud: API.to_owned(),
        client_id: ROBOT.id.to_owned(),
        exp: now + Seconds::hours(1),
        iat: now,
        jti: Secret::random(&mut Counted::series("jti", 0)).expose().to_owned(),
        scope: Some(world::READ.to_owned()),
        authorization_details: Vec::new(),
        auth_time: None,
        acr: None,
    }
}

/// The digest by which an opaque token is found.
pub fn sha256(each: Duration) -> Result<f64, Fault> {
    let token = Secret::random(&mut Counted::series("token", 0));
    cpu_each(each / 4, || Digest::of(black_box(token.expose().as_bytes())).as_bytes().len() == 32)
}

/// A password hash.
pub fn argon2id(each: Duration) -> Result<f64, Fault> {
    let argon2 = hasher()?;
    cpu_each(each.max(AT_LEAST_SOME_HASHES), || {
        argon2.hash_password_with_salt(black_box(PASSWORD.as_bytes()), b"salt for a bench").is_ok()
    })
}

const AT_LEAST_SOME_HASHES: Duration = Duration::from_millis(400);

/// Microseconds of this thread's CPU that one run of `work` takes; `work` says whether it did what it should.
pub fn cpu_each(at_least: Duration, mut work: impl FnMut() -> bool) -> Result<f64, Fault> {
    let (before, began) = (thread_cpu()?, clock::instant());
    let mut runs = 0_u32;
    // The clock is looked at once in a batch: the digest of a token is quicker than that. Batches grow, for a password hash is not.
    let mut batch = 1;
    while began.elapsed() < at_least {
        for _ in 0..batch {
            if !work() {
                return Err(Fault::Part("a part does not work".to_owned()));
            }
        }
        runs += batch;
        if began.elapsed() < at_least / 20 {
            batch *= 2;
        }
    }
    let spent = thread_cpu()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / f64::from(runs.max(1)))
}
