//! What a refresh token looks like: random, opaque, and recognisable as one of its family when its own row is gone.
//!
//! `family` (128 bits) `own` (256 bits) `seal` (64 bits of a digest over both), in base64url, without a separator. Only the
//! digest of the whole opens anything (REFRESH-02). The family part is the same in every token of a grant: a token that was
//! spent long ago is still known for what it is, and is reuse (REFRESH-09), although the store keeps no row for it. The seal
//! tells such a token from one that was mangled on its way, which is nothing at all (REFRESH-20). Whoever can make a seal
//! holds a token of that family, and could show that one instead.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use grantd_tokens::{Digest, Random, Secret};

const FAMILY_BYTES: usize = 16;
const SEAL_BYTES: usize = 8;
const FAMILY_CHARS: usize = 22;
const OWN_CHARS: usize = 43;
const SEAL_CHARS: usize = 11;

/// A refresh token as it is handed out, and the digest of its family.
#[derive(Clone, Debug)]
pub struct RefreshSecret {
    /// All of it.
    pub token: Secret,
    /// What the store knows the family by. None for a token made before families had a part of their own.
    pub family: Option<Digest>,
}

impl RefreshSecret {
    /// The first of a new family.
    pub fn first(random: &mut dyn Random) -> Self {
        let mut family = [0_u8; FAMILY_BYTES];
        random.fill(&mut family);
        Self::in_family(&BASE64_URL_SAFE_NO_PAD.encode(family), random)
    }

    /// The next one after `predecessor`, as it was shown: of the same family.
    pub fn next(predecessor: &Secret, random: &mut dyn Random) -> Self {
        match family_part(predecessor) {
            Some(family) => Self::in_family(family, random),
            None => Self::first(random),
        }
    }

    fn in_family(family: &str, random: &mut dyn Random) -> Self {
        let own = Secret::random(random);
        let unsealed = format!("{family}{}", own.expose());
        let token = Secret::new(format!("{unsealed}{}", seal(&unsealed)));
        Self { token, family: Some(Digest::of(family.as_bytes())) }
    }
}

/// What the store knows the family of this token by, if it is whole.
pub fn family_of(token: &Secret) -> Option<Digest> {
    family_part(token).map(|family| Digest::of(family.as_bytes()))
}

fn family_part(token: &Secret) -> Option<&str> {
    let text = token.expose();
    let (unsealed, sealed) = text.split_at_checked(FAMILY_CHARS + OWN_CHARS)?;
    let whole = sealed.len() == SEAL_CHARS && seal(unsealed) == sealed;
    if whole { unsealed.get(..FAMILY_CHARS) } else { None }
}

fn seal(unsealed: &str) -> String {
    let digest = Digest::of(format!("grantd refresh token\n{unsealed}").as_bytes());
    let (seal, _) = digest.as_bytes().split_at(SEAL_BYTES);
    BASE64_URL_SAFE_NO_PAD.encode(seal)
}
