//! What is asked for: resources, what they understand, and what of it was asked (RFC 8707, RFC 9396).

use std::collections::BTreeMap;

use grantd_tokens::Seconds;
use serde::{Deserialize, Serialize};

use super::Status;
use crate::names::{DetailTypeName, ResourceId, Scope};

/// A protected resource (RFC 9728) and what can be asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// What stands in `resource` and in `aud`.
    pub id: ResourceId,
    /// What the user is shown.
    pub name: String,
    /// The scopes it understands.
    pub scopes: Vec<ScopeDeclaration>,
    /// The types of authorization details it understands.
    pub detail_types: Vec<DetailTypeDeclaration>,
    /// How long its access tokens live, if not as long as the server's setting says.
    pub access_token_lifetime: Option<Seconds>,
    /// What its access tokens look like.
    #[serde(default)]
    pub access_token_format: AccessTokenFormat,
    /// Whether tokens are issued for it.
    pub status: Status,
}

/// What an access token looks like to whoever holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// RFC 9068: signed, and read by the resource server itself.
    #[default]
    Jwt,
    /// 256 random bits that only introspection can resolve (AT-07).
    Opaque,
}

impl Resource {
    /// Whether the resource defines this scope.
    pub fn defines(&self, scope: &Scope) -> bool {
        self.scopes.iter().any(|declared| declared.name == *scope)
    }

    /// The declaration of a type of authorization details, if it is this resource's.
    pub fn detail_type(&self, name: &DetailTypeName) -> Option<&DetailTypeDeclaration> {
        self.detail_types.iter().find(|declared| declared.name == *name)
    }
}

/// A scope, and what it lets a client do, in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScopeDeclaration {
    /// The scope token.
    pub name: Scope,
    /// For the consent page: "See which letters have arrived".
    pub description: String,
}

/// A type of authorization details (RFC 9396 §2), declared by the resource that understands it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DetailTypeDeclaration {
    /// The value of `type`.
    pub name: DetailTypeName,
    /// For the consent page: "Lockboxes".
    pub title: String,
    /// What may be done with such a thing. An object names at least one of them, if there are any.
    pub actions: Vec<ActionDeclaration>,
    /// Further members an object of this type may have.
    pub fields: Vec<FieldDeclaration>,
    /// Where to ask which of these things a person has. Without it the client must name them itself.
    pub things_endpoint: Option<String>,
}

/// One of the `actions` of a type (RFC 9396 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ActionDeclaration {
    /// The value on the wire.
    pub name: String,
    /// For the consent page: "collect the letters".
    pub description: String,
}

/// A member of an authorization details object beyond the common ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FieldDeclaration {
    /// The member's name.
    pub name: String,
    /// For the consent page.
    pub title: String,
    /// What values it takes.
    pub kind: FieldKind,
    /// Whether an object must have it.
    #[serde(default)]
    pub required: bool,
}

/// What values a field takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Up to 256 characters.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// One of these.
    OneOf(Vec<String>),
}

/// An authorization details object that passed its type's schema (RAR-02).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Detail {
    /// The resource that declares the type.
    pub resource: ResourceId,
    /// `type`.
    pub type_name: DetailTypeName,
    /// `actions`, in the order asked.
    pub actions: Vec<String>,
    /// `identifier`: which thing. In a request, `None` leaves the choice to the user; in a grant it is always there
    /// when the type has things.
    pub identifier: Option<String>,
    /// The declared fields that were sent.
    pub fields: BTreeMap<String, serde_json::Value>,
}
