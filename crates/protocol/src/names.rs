//! Identifiers as types, so that a client is never taken for a user.
//!
//! Owns the syntax of each name. Does not know whether the named thing exists. Start at [`Scope`] or [`Username`].

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use grantd_tokens::{Random, access_token};
use precis_core::profile::Profile;
use serde::{Deserialize, Serialize};
use unicode_security::MixedScript;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text as it is. Syntax is the business of whoever registers the thing, not of whoever names it.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text, as it goes over the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// A `client_id` (RFC 6749 §2.2).
    ClientId;
    /// A subject: what stands in `sub`. Random, never reassigned, never shared with a client (RFC 9068 §2.2).
    UserId;
    /// One approval, and everything that hangs from it.
    GrantId;
    /// The `jti` of an access token: its name, good for logs. See [`AccessTokenId::of`].
    AccessTokenId;
    /// A redirect URI, compared byte for byte (RFC 9700 §2.1).
    RedirectUri;
    /// The issuer identifier (RFC 8414 §2), byte-identical wherever it appears.
    Issuer;
    /// A protected resource's identifier (RFC 8707 §2): what stands in `aud`.
    ResourceId;
    /// A `type` of authorization details (RFC 9396 §2).
    DetailTypeName;
    /// Where a request came from, coarse enough to be one household: a /24 or a /56. Used for throttling only.
    Network;
}

impl AccessTokenId {
    /// A new name. Under a grant it begins with the grant's id and a dot, so that whoever sees the token knows what ends it
    /// without a record of each token.
    pub fn of(grant: Option<&GrantId>, random: &mut dyn Random) -> Self {
        let mut bytes = [0_u8; 16];
        random.fill(&mut bytes);
        let own = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Self(grant.map_or_else(|| own.clone(), |grant| format!("{grant}.{own}")))
    }

    /// The grant that the token was issued under, as [`access_token::grant_of`] reads it for every resource server; none for
    /// a client's own.
    pub fn grant(&self) -> Option<GrantId> {
        access_token::grant_of(&self.0).map(GrantId::new)
    }
}

/// One scope token (RFC 6749 §3.3: `NQCHAR`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    /// `None` unless the text is one or more of the characters RFC 6749 §3.3 allows.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        (!text.is_empty() && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// Access that lasts when the user is away (the name is OpenID Connect Core §11's).
    pub fn offline_access() -> Self {
        Self("offline_access".to_owned())
    }

    /// Carried only by the token with which this server asks a resource which things a person has.
    /// Names under `grantd:` cannot be registered, so no client can ever be given it.
    pub fn things() -> Self {
        Self(format!("{RESERVED_SCOPE_PREFIX}things"))
    }

    /// Whether the name is kept for the server's own use.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(RESERVED_SCOPE_PREFIX)
    }

    /// The scope token as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const RESERVED_SCOPE_PREFIX: &str = "grantd:";

impl std::fmt::Display for Scope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Scopes in the order they were asked for, each once.
///
/// Equality ignores nothing: two lists in different order differ. Use [`Scopes::is_within`] to compare as sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads a `scope` parameter: tokens separated by exactly one space, duplicates collapsed (RFC 6749 §3.3).
    pub fn parse(text: &str) -> Option<Self> {
        text.split(' ').map(Scope::parse).collect::<Option<Vec<_>>>().map(|scopes| scopes.into_iter().collect())
    }

    /// Those for which `keep` holds, in the same order.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&Scope) -> bool) -> Self {
        Self(self.0.iter().filter(|scope| keep(scope)).cloned().collect())
    }

    /// Whether each of these is among `others`.
    pub fn is_within(&self, others: &Self) -> bool {
        self.0.iter().all(|scope| others.contains(scope))
    }

    /// Whether `scope` is among these.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// In the order they were asked for.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut list: Vec<Scope> = Vec::new();
        for scope in scopes {
            if !list.contains(&scope) {
                list.push(scope);
            }
        }
        Self(list)
    }
}

impl<'a> IntoIterator for &'a Scopes {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, scope) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

/// A username in its stored form (RFC 8265 §3.3, `UsernameCaseMapped`): what is unique, and what is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// The stored form of what was typed. `None` if no username can look like this.
    ///
    /// Applied once, at the edge, to every name that comes in; never depends on a locale.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > MAX_USERNAME_BYTES {
            return None;
        }
        let profile = precis_profiles::UsernameCaseMapped::new();
        profile.enforce(typed).ok().map(|name| Self(name.into_owned()))
    }

    /// Whether the name mixes scripts, as look-alikes of another name do. Refused at creation (LOGIN-05).
    pub fn mixes_scripts(&self) -> bool {
        !self.0.as_str().is_single_script()
    }

    /// The stored form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Username {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The stored form of a password as typed (RFC 8265 §4.2, `OpaqueString`: NFC and nothing else).
/// `None` if no password can look like this.
pub fn opaque_password(typed: &str) -> Option<String> {
    precis_profiles::OpaqueString::new().enforce(typed).ok().map(std::borrow::Cow::into_owned)
}

const MAX_USERNAME_BYTES: usize = 256;
