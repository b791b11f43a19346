//! Who asks: clients, and how they show who they are (RFC 6749 §2).

use grantd_tokens::{Algorithm, Digest, Time};
use serde::{Deserialize, Serialize};

use super::Status;
use crate::names::{ClientId, DetailTypeName, RedirectUri, ResourceId, Scope, Scopes};
use crate::token::grant_type::GrantType;

/// A registered client (RFC 6749 §2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Client {
    /// How it names itself.
    pub id: ClientId,
    /// What the user is shown. The client's own word: text only, never markup.
    pub name: String,
    /// Where it runs, which decides what redirect URIs it may have.
    pub kind: ClientKind,
    /// The one method it authenticates by (CAUTH-01).
    pub authentication: ClientAuthentication,
    /// Compared byte for byte (REDIR-01), but for the port of a loopback literal (REDIR-02).
    pub redirect_uris: Vec<RedirectUri>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// All it may ask for.
    pub scopes: Scopes,
    /// What it gets when it asks for nothing; never all of `scopes` by itself (AUTHZ-15).
    pub default_scopes: Scopes,
    /// The resources it may ask for; the first is the default.
    pub resources: Vec<ResourceId>,
    /// The resources it may ask about: it is their server (INTRO-02). Most clients have none.
    #[serde(default)]
    pub introspects: Vec<ResourceId>,
    /// The types of authorization details it may ask for (RAR-03).
    pub detail_types: Vec<DetailTypeName>,
    /// The algorithm its access tokens are signed with, if it asked for another than the server's.
    pub access_token_algorithm: Option<Algorithm>,
    /// Whether the token request must repeat the redirect URI (CODE-07).
    pub redirect_uri_at_token: RedirectUriAtToken,
    /// Where a person finds the application, to start again.
    pub homepage: Option<String>,
    /// Whether it may be used.
    pub status: Status,
    /// When it was registered.
    pub registered_at: Time,
}

impl Client {
    /// Whether access can outlast its user's session: only with refresh tokens, and never in a browser, where they end with
    /// the session (SPA-01).
    pub fn may_act_alone(&self) -> bool {
        self.grant_types.contains(&GrantType::RefreshToken)
            && self.kind != ClientKind::Browser
            && self.scopes.contains(&Scope::offline_access())
    }
}

/// Where a client runs (RFC 8252, and OAuth 2.0 for Browser-Based Applications).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// On a server.
    Web,
    /// In a browser, without a server of its own: always public (SPA-02).
    Browser,
    /// On a person's device: always public (NATIVE-01).
    Native,
    /// On a server, and never with a user.
    Service,
}

/// How a client shows that it is itself (RFC 6749 §2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// A public client.
    None,
    /// RFC 6749 §2.3.1, in the `Authorization` header.
    ClientSecretBasic {
        /// One, or two while one replaces the other (CAUTH-07).
        secrets: Vec<ClientSecret>,
    },
    /// RFC 6749 §2.3.1, in the body.
    ClientSecretPost {
        /// One, or two while one replaces the other (CAUTH-07).
        secrets: Vec<ClientSecret>,
    },
}

impl ClientAuthentication {
    /// The registered name of the method (RFC 7591 §2).
    pub fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic { .. } => "client_secret_basic",
            Self::ClientSecretPost { .. } => "client_secret_post",
        }
    }

    /// Whether the client proves anything at all.
    pub fn is_confidential(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// A client secret as it is kept: 256 random bits need no slow hash (CAUTH-06).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientSecret {
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// Until when it is accepted; `None` while it is the newest.
    pub expires_at: Option<Time>,
}

/// Whether a token request must repeat `redirect_uri`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectUriAtToken {
    /// OAuth 2.1 §10.2: PKCE does what it was for.
    #[default]
    Optional,
    /// RFC 6749 §4.1.3.
    Required,
}
