//! Public keys and sets of them (RFC 7517, RFC 7518 §6, RFC 8037 §2), and their thumbprints (RFC 7638).
//!
//! Only what can be published has a type here; a private member in the input is refused, never dropped in silence.
//! Private keys are [`key`](crate::key)'s.

use crate::algorithm::Algorithm;
use crate::crypto::{PublicNumbers, Refused, VerifyingKey};
use crate::json::{self, JsonFault, Limits};
use crate::secret::Digest;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Keys by `kid`, all for checking signatures, no `kid` twice (RFC 7517 §5, META-07).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// A set of these keys; refuses a `kid` that occurs twice.
    pub fn new(keys: Vec<Jwk>) -> Result<JwkSet, JwkFault> {
        if keys.len() > MAX_KEYS {
            return Err(JwkFault::TooManyKeys);
        }
        let mut kids = HashSet::new();
        match keys.iter().find(|key| !kids.insert(key.kid())) {
            Some(twin) => Err(JwkFault::DuplicateKid { kid: twin.kid.clone() }),
            None => Ok(JwkSet { keys }),
        }
    }

    /// Reads a set that somebody else publishes.
    ///
    /// Keys this project has no use for (other types, curves, algorithms, uses; no `kid`; RSA below 2048 bits) are left
    /// out, as RFC 7517 §5 asks; a signature by such a key will be one by an unknown key. A secret in a public place (a
    /// private member, an `oct` key) refuses the whole set, as does a `kid` that occurs twice (KEYS-05).
    pub fn parse(bytes: &[u8]) -> Result<JwkSet, JwkFault> {
        JwkSet::from_object(json::parse_object(bytes, Limits::DOCUMENT)?)
    }

    /// The key of that name. The name is compared and used for nothing else (KEYS-09).
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The set without the keys whose `kid` is one of these.
    #[must_use]
    pub fn without(&self, is_removed: impl Fn(&str) -> bool) -> JwkSet {
        JwkSet { keys: self.keys.iter().filter(|key| !is_removed(key.kid())).cloned().collect() }
    }

    /// The keys, in the order they were given.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    fn from_object(mut object: Map<String, Value>) -> Result<JwkSet, JwkFault> {
        let Some(Value::Array(entries)) = object.remove("keys") else {
            return Err(JwkFault::NotASet);
        };
        if entries.len() > MAX_KEYS {
            return Err(JwkFault::TooManyKeys);
        }
        let mut keys = Vec::new();
        for entry in entries {
            let Value::Object(entry) = entry else {
                return Err(JwkFault::NotASet);
            };
            match Jwk::from_object(&entry) {
                Ok(key) => keys.push(key),
                Err(fault @ (JwkFault::PrivateMember | JwkFault::SymmetricKey)) => return Err(fault),
                Err(_of_no_use_here) => {}
            }
        }
        JwkSet::new(keys)
    }
}

impl Serialize for JwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            keys: &'a [Jwk],
        }
        Document { keys: &self.keys }.serialize(serializer)
    }
}

/// As [`JwkSet::parse`], for text whose duplicate members were ruled out before.
impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JwkSet, D::Error> {
        JwkSet::from_object(Map::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A public key and its name (RFC 7517 §4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Jwk {
    kid: String,
    key: PublicKey,
}

impl Jwk {
    /// Names a key; a name has 1 to 256 characters (KEYS-09).
    pub fn new(kid: impl Into<String>, key: PublicKey) -> Result<Jwk, JwkFault> {
        let kid = kid.into();
        if !is_kid(&kid) {
            return Err(JwkFault::Invalid("kid"));
        }
        Ok(Jwk { kid, key })
    }

    /// Reads one public key.
    pub fn from_object(object: &Map<String, Value>) -> Result<Jwk, JwkFault> {
        if string(object, "kty") == Ok("oct") {
            return Err(JwkFault::SymmetricKey);
        }
        if PRIVATE_MEMBERS.iter().any(|member| object.contains_key(*member)) {
            return Err(JwkFault::PrivateMember);
        }
        let key = PublicKey::from_object(object)?;
        // RFC 7517 §4.4: a key that names an algorithm is for that one only (KEYS-01).
        if object.contains_key("alg") && string(object, "alg")? != key.algorithm().name() {
            return Err(JwkFault::Unsupported("alg"));
        }
        if object.contains_key("use") && string(object, "use")? != "sig" {
            return Err(JwkFault::Unsupported("use"));
        }
        if let Some(operations) = object.get("key_ops")
            && !operations.as_array().is_some_and(|all| all.iter().any(|operation| operation == "verify"))
        {
            return Err(JwkFault::Unsupported("key_ops"));
        }
        Jwk::new(string(object, "kid")?, key)
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The only algorithm this key is used with (KEYS-01).
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }
}

/// `kty` and the public numbers, `kid`, `use` and `alg`: several client libraries fail without the last three.
impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = self.key.members();
        object.insert("kid", self.kid.clone());
        object.insert("use", "sig".to_owned());
        object.insert("alg", self.algorithm().name().to_owned());
        object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Jwk, D::Error> {
        Jwk::from_object(&Map::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A key that checks signatures of exactly one algorithm (KEYS-01): a point on P-256, an Edwards point that is not of
/// small order, or an RSA modulus of 2048 to 8192 bits with exponent 65537 (KEYS-05, KEYS-10).
#[derive(Clone)]
pub struct PublicKey {
    numbers: PublicNumbers,
    parsed: VerifyingKey,
}

impl PublicKey {
    /// The algorithm, which follows from the kind of key.
    pub fn algorithm(&self) -> Algorithm {
        self.numbers.algorithm()
    }

    /// The thumbprint over the required members in lexicographic order (RFC 7638 §3, RFC 8037 §2).
    pub fn thumbprint(&self) -> Digest {
        let members: Vec<String> =
            self.members().iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        Digest::of(format!("{{{}}}", members.join(",")).as_bytes())
    }

    pub(crate) fn from_numbers(numbers: PublicNumbers) -> Result<PublicKey, JwkFault> {
        match &numbers {
            PublicNumbers::P256 { .. } => {}
            PublicNumbers::Ed25519(point) => ensure_large_order(*point)?,
            PublicNumbers::Rsa { n, e } => ensure_strong_rsa(n, e)?,
        }
        let parsed = VerifyingKey::new(&numbers).map_err(|Refused| JwkFault::NotAKey)?;
        Ok(PublicKey { numbers, parsed })
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        self.parsed.verify(message, signature)
    }

    fn from_object(object: &Map<String, Value>) -> Result<PublicKey, JwkFault> {
        let numbers = match string(object, "kty")? {
            "EC" if string(object, "crv")? == "P-256" => {
                PublicNumbers::P256 { x: octets_32(object, "x")?, y: octets_32(object, "y")? }
            }
            "OKP" if string(object, "crv")? == "Ed25519" => PublicNumbers::Ed25519(octets_32(object, "x")?),
            "RSA" => PublicNumbers::Rsa { n: octets(object, "n")?, e: octets(object, "e")? },
            "EC" | "OKP" => return Err(JwkFault::Unsupported("crv")),
            _ => return Err(JwkFault::Unsupported("kty")),
        };
        PublicKey::from_numbers(numbers)
    }

    /// The members that RFC 7638 §3.2 requires; the map keeps them in its order. No value needs JSON escapes.
    fn members(&self) -> std::collections::BTreeMap<&'static str, String> {
        let base64url = |octets: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(octets);
        match &self.numbers {
            PublicNumbers::P256 { x, y } => {
                [("kty", "EC".into()), ("crv", "P-256".into()), ("x", base64url(x)), ("y", base64url(y))].into()
            }
            PublicNumbers::Ed25519(point) => {
                [("kty", "OKP".into()), ("crv", "Ed25519".into()), ("x", base64url(point))].into()
            }
            PublicNumbers::Rsa { n, e } => [("kty", "RSA".into()), ("n", base64url(n)), ("e", base64url(e))].into(),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.numbers == other.numbers
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.numbers.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm(), self.thumbprint().to_base64url())
    }
}

/// Why a key or a set of keys was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JwkFault {
    /// Not a JSON object that a strict reader accepts.
    #[error("the key set is not acceptable JSON: {0}")]
    Json(#[from] JsonFault),
    /// `keys` is not an array of objects.
    #[error("a key set is an object whose `keys` is an array of objects")]
    NotASet,
    /// More keys than anybody needs.
    #[error("the key set has more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// Two usable keys have one name.
    #[error("two keys have the same `kid`")]
    DuplicateKid {
        /// The name.
        kid: String,
    },
    /// A private key stands where a public one belongs.
    #[error("the key has a private member: whoever published it must replace the key")]
    PrivateMember,
    /// `kty` is `oct`.
    #[error("a symmetric key (`oct`) has no place among public keys")]
    SymmetricKey,
    /// A type, curve, algorithm or use that is not offered here.
    #[error("the key's `{0}` is not supported")]
    Unsupported(&'static str),
    /// A required member is absent.
    #[error("the key has no `{0}`")]
    Missing(&'static str),
    /// A member is not what it must be.
    #[error("the key's `{0}` is not valid")]
    Invalid(&'static str),
    /// An RSA modulus of the wrong size.
    #[error("the RSA key has {bits} bits; 2048 to 8192 are accepted")]
    RsaSize {
        /// The length of the modulus in bits.
        bits: usize,
    },
    /// The numbers do not make a key: a point off the curve, for example.
    #[error("the key's numbers do not make a valid key")]
    NotAKey,
}

/// Far above any real set (an issuer in rotation has two or three), far below what would cost anything.
const MAX_KEYS: usize = 100;

/// Members of private and symmetric keys (RFC 7518 §6, RFC 8037 §2).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Whether this may name a key: 1 to 256 characters, none of them a control character (KEYS-09).
pub(crate) fn is_kid(kid: &str) -> bool {
    (1..=256).contains(&kid.chars().count()) && !kid.chars().any(char::is_control)
}

fn string<'a>(object: &'a Map<String, Value>, member: &'static str) -> Result<&'a str, JwkFault> {
    object.get(member).ok_or(JwkFault::Missing(member))?.as_str().ok_or(JwkFault::Invalid(member))
}

fn octets(object: &Map<String, Value>, member: &'static str) -> Result<Vec<u8>, JwkFault> {
    BASE64_URL_SAFE_NO_PAD.decode(string(object, member)?).map_err(|_| JwkFault::Invalid(member))
}

fn octets_32(object: &Map<String, Value>, member: &'static str) -> Result<[u8; 32], JwkFault> {
    octets(object, member)?.try_into().map_err(|_| JwkFault::Invalid(member))
}

fn ensure_strong_rsa(n: &[u8], e: &[u8]) -> Result<(), JwkFault> {
    // RFC 7518 §6.3.1.1: no leading zero octets. Two spellings of one key would have two thumbprints.
    let leading = n.first().copied().unwrap_or(0);
    if leading == 0 {
        return Err(JwkFault::Invalid("n"));
    }
    let bits = n.len() * 8 - leading.leading_zeros() as usize;
    if !(2048..=8192).contains(&bits) {
        return Err(JwkFault::RsaSize { bits });
    }
    // KEYS-05: 65537 and no other.
    if e != [1, 0, 1] {
        return Err(JwkFault::Invalid("e"));
    }
    Ok(())
}

/// Refuses the points with which one signature fits every message, and the non-canonical spellings (RFC 8032 §5.1.3):
/// with those, who holds the key could make a signature that others judge differently (KEYS-10).
fn ensure_large_order(mut point: [u8; 32]) -> Result<(), JwkFault> {
    // The sign of x. A point and its negative have the same order.
    point[31] &= 0x7f;
    let is_canonical = {
        let [low, middle @ .., high] = &point;
        *low < 0xed || *high != 0x7f || middle.iter().any(|byte| *byte != 0xff)
    };
    if !is_canonical || SMALL_ORDER.contains(&point) {
        return Err(JwkFault::NotAKey);
    }
    Ok(())
}

/// The y coordinates, little-endian, of the points whose order divides 8: of order 4, 1, 2 and (two of them) 8.
const SMALL_ORDER: [[u8; 32]; 5] = {
    let zero = [0; 32];
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    [
        zero,
        one,
        minus_one,
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ]
};
