//! Records by number: the same number gives the same record, and small numbers meet often.

use std::collections::BTreeMap;

use grantd_protocol::names::{
    AccessTokenId, ClientId, DetailTypeName, GrantId, Issuer, Network, RedirectUri, ResourceId, Scope, Scopes, UserId,
    Username,
};
use grantd_protocol::records::{
    AccessTokenFormat, AttemptKey, Client, ClientAuthentication, ClientKind, ClientSecret, Code, Consent, Detail,
    Given, Grant, GrantState, IssuedAccessToken, NamedThing, Offer, OfferedThings, OpaqueAccessToken, PasswordHash,
    PendingRequest, Presence, Redemption, RedirectUriAtToken, RefreshToken, Resource, ScopeDeclaration, Session,
    SessionState, Spending, Status, Thing, Things, User,
};
use grantd_protocol::token::grant_type::GrantType;
use grantd_protocol::token::pkce::CodeChallenge;
use grantd_tokens::{AccessTokenClaims, Algorithm, Digest, Seconds, Time};

pub(crate) fn issuer(number: u64) -> Issuer {
    Issuer::new(format!("https://{number}.example"))
}

pub(crate) fn digest(kind: &str, number: u64) -> Digest {
    Digest::of(format!("{kind} {number}").as_bytes())
}

pub(crate) fn client_id(number: u64) -> ClientId {
    ClientId::new(format!("client-{number}"))
}

pub(crate) fn resource_id(number: u64) -> ResourceId {
    ResourceId::new(format!("https://api-{number}.example/"))
}

pub(crate) fn user_id(number: u64) -> UserId {
    UserId::new(format!("user-{number}"))
}

pub(crate) fn username(number: u64) -> Username {
    Username::parse(&format!("namé{number}")).unwrap()
}

pub(crate) fn grant_id(number: u64) -> GrantId {
    GrantId::new(format!("grant-{number}"))
}

pub(crate) fn network(number: u64) -> Network {
    Network::new(format!("192.0.{number}.0/24"))
}

pub(crate) fn password(number: u64) -> PasswordHash {
    PasswordHash::new(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${number}"))
}

pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

pub(crate) fn client(number: u64, variant: u64) -> Client {
    Client {
        id: client_id(number),
        name: format!("Client {number} \"{variant}\" <&> ' ☂ \u{0}"),
        kind: match variant % 4 {
            0 => ClientKind::Web,
            1 => ClientKind::Browser,
            2 => ClientKind::Native,
            _ => ClientKind::Service,
        },
        authentication: match variant % 3 {
            0 => ClientAuthentication::None,
            1 => ClientAuthentication::ClientSecretBasic {
                secrets: vec![ClientSecret { hash: digest("secret", variant), expires_at: Some(Time(7)) }],
            },
            _ => ClientAuthentication::ClientSecretPost {
                secrets: vec![ClientSecret { hash: digest("secret", variant), expires_at: None }],
            },
        },
        redirect_uris: vec![RedirectUri::new("https://app.example/callback")],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: scopes("read write"),
        default_scopes: scopes("read"),
        resources: (0..variant % 4).rev().map(resource_id).collect(),
        introspects: (0..variant % 2).map(resource_id).collect(),
        detail_types: vec![DetailTypeName::new("lockbox")],
        access_token_algorithm: variant.is_multiple_of(2).then_some(Algorithm::EdDsa),
        redirect_uri_at_token: RedirectUriAtToken::Required,
        homepage: None,
        status: status(variant),
        registered_at: Time(5),
    }
}

pub(crate) fn status(variant: u64) -> Status {
    if variant % 3 == 2 { Status::Disabled } else { Status::Active }
}

pub(crate) fn resource(number: u64, variant: u64) -> Resource {
    Resource {
        id: resource_id(number),
        name: format!("Resource {variant}"),
        scopes: ["read".to_owned(), format!("only-{number}")]
            .map(|name| ScopeDeclaration { name: Scope::parse(&name).unwrap(), description: "See it".to_owned() })
            .to_vec(),
        detail_types: Vec::new(),
        access_token_lifetime: Some(Seconds(60)),
        access_token_format: if variant.is_multiple_of(2) { AccessTokenFormat::Opaque } else { AccessTokenFormat::Jwt },
        status: status(variant),
    }
}

/// What every resource defines, what one does, and what none does.
pub(crate) fn every_scope() -> Scopes {
    scopes("read only-0 only-1 only-2 nowhere")
}

pub(crate) fn user(number: u64, name: u64, variant: u64) -> User {
    User {
        id: user_id(number),
        username: username(name),
        name: Some(format!("Person {number}")),
        password: (variant % 4 != 3).then(|| password(variant % 2)),
        status: status(variant),
        credentials_generation: match variant % 4 {
            0 => 0,
            1 => 1,
            2 => 2,
            _ => u32::MAX,
        },
        created_at: Time(1),
    }
}

pub(crate) fn session(number: u64, of: u64, expires_at: i64) -> Session {
    Session {
        id: digest("session", number),
        user: user_id(of),
        authenticated_at: Time(1),
        last_used_at: Time(2),
        expires_at: Time(expires_at),
        state: if expires_at % 7 == 6 { SessionState::Ended { at: Time(3) } } else { SessionState::Live },
    }
}

pub(crate) fn pending(number: u64, variant: u64, expires_at: i64) -> PendingRequest {
    PendingRequest {
        handle: digest("pending", number),
        browser: digest("browser", variant),
        network: network(variant % 2),
        client: client_id(variant % 3),
        redirect_uri: RedirectUri::new("https://app.example/callback"),
        state: Some("sta\"te".to_owned()),
        scopes: scopes("read write"),
        resources: vec![resource_id(0)],
        details: vec![detail(None)],
        code_challenge: challenge(),
        offer: offer(variant),
        created_at: Time(0),
        expires_at: Time(expires_at),
    }
}

pub(crate) fn offer(variant: u64) -> Offer {
    let thing = Thing { identifier: "box-1".to_owned(), title: "My box".to_owned(), subtitle: None };
    let things = if variant.is_multiple_of(2) { Things::Known(vec![thing]) } else { Things::Unavailable };
    match variant % 3 {
        0 => Offer::NotAsked,
        _ => Offer::Asked {
            user: user_id(variant),
            at: Time(4),
            answers: vec![OfferedThings {
                resource: resource_id(0),
                type_name: DetailTypeName::new("lockbox"),
                things,
            }],
        },
    }
}

pub(crate) fn grant(number: u64, in_session: u64, variant: u64, expires_at: i64) -> Grant {
    Grant {
        id: grant_id(number),
        user: user_id(variant % 3),
        client: client_id(variant % 2),
        session: digest("session", in_session),
        scopes: scopes("write read"),
        resources: vec![resource_id(1), resource_id(0)],
        default_resource: Some(resource_id(1)),
        details: vec![detail(Some("box-1"))],
        given: Given { scopes: scopes("write read"), details: vec![detail(Some("box-1"))] },
        names: vec![named("box-1")],
        presence: if variant.is_multiple_of(2) { Presence::WhileSignedIn } else { Presence::Offline },
        authenticated_at: Time(1),
        created_at: Time(expires_at % 3),
        expires_at: Time(expires_at),
        last_used_at: Time(2),
        narrowings: match expires_at % 5 {
            0 => u32::MAX,
            1 => u32::MAX - 1,
            _ => 0,
        },
        state: GrantState::Standing,
    }
}

fn named(identifier: &str) -> NamedThing {
    let Detail { resource, type_name, .. } = detail(Some(identifier));
    let thing = Thing { identifier: identifier.to_owned(), title: "Box \u{1F4EE}".to_owned(), subtitle: None };
    NamedThing { resource, type_name, thing }
}

pub(crate) fn detail(identifier: Option<&str>) -> Detail {
    let fields = [
        ("copies", serde_json::json!(3)),
        ("note", serde_json::json!("a \"b\"")),
        ("odd", serde_json::json!([null, true])),
    ];
    Detail {
        resource: resource_id(0),
        type_name: DetailTypeName::new("lockbox"),
        actions: vec!["collect".to_owned()],
        identifier: identifier.map(str::to_owned),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
    }
}

fn challenge() -> CodeChallenge {
    CodeChallenge::parse(&digest("verifier", 0).to_base64url()).unwrap()
}

pub(crate) fn code(number: u64, of: u64, expires_at: i64) -> Code {
    Code {
        hash: digest("code", number),
        grant: grant_id(of),
        client: client_id(0),
        redirect_uri: RedirectUri::new("https://app.example/callback"),
        code_challenge: challenge(),
        issued_at: Time(0),
        expires_at: Time(expires_at),
        wrong_verifiers: match expires_at % 3 {
            0 => 0,
            1 => 254,
            _ => 255,
        },
        redemption: Redemption::Pending,
    }
}

pub(crate) fn refresh_token(number: u64, of: u64) -> RefreshToken {
    RefreshToken {
        hash: digest("refresh", number),
        grant: grant_id(of),
        // Of one grant, one family; one grant is from before there were any.
        family: (of != 1).then(|| digest("family", of)),
        generation: 3,
        issued_at: Time(0),
        expires_at: Time(50),
        beside: number.is_multiple_of(2).then(|| issued(number)),
        sent_to: number.is_multiple_of(2).then(|| network(number)),
        spending: Spending::Unspent,
    }
}

pub(crate) fn access_token_id(number: u64) -> AccessTokenId {
    if number.is_multiple_of(2) {
        AccessTokenId::new(format!("{}.own-{number}", grant_id(number)))
    } else {
        AccessTokenId::new(format!("own-{number}"))
    }
}

pub(crate) fn issued(number: u64) -> IssuedAccessToken {
    IssuedAccessToken { id: access_token_id(number), expires_at: Time(45) }
}

pub(crate) fn access_token(number: u64, of: Option<u64>, expires_at: i64) -> OpaqueAccessToken {
    OpaqueAccessToken {
        hash: digest("access", number),
        grant: of.map(grant_id),
        claims: AccessTokenClaims {
            iss: issuer(0).as_str().to_owned(),
            sub: user_id(number).as_str().to_owned(),
            aud: resource_id(0).as_str().to_owned(),
            client_id: client_id(number).as_str().to_owned(),
            exp: Time(expires_at),
            iat: Time(1),
            jti: access_token_id(number).as_str().to_owned(),
            scope: Some("read \u{22}write".to_owned()),
            authorization_details: vec![serde_json::json!({ "type": "lockbox", "odd": [null, true] })],
            auth_time: of.map(|_| Time(1)),
            acr: None,
        },
    }
}

pub(crate) fn consent(of: u64, to: u64, variant: u64) -> Consent {
    Consent {
        user: user_id(of),
        client: client_id(to),
        fingerprint: digest("fingerprint", variant),
        scopes: scopes("read"),
        resources: vec![resource_id(0)],
        asked_details: vec![detail(None)],
        given_details: vec![detail(Some("box-2"))],
        names: vec![named("box-2")],
        given_at: Time(9 + i64::try_from(variant / 2).unwrap()),
    }
}

pub(crate) fn attempt_key(number: u64) -> AttemptKey {
    match number % 5 {
        0 => AttemptKey::Account(username(0)),
        1 => AttemptKey::AccountFrom(username(0), network(0)),
        2 => AttemptKey::Network(network(0)),
        3 => AttemptKey::Everyone(issuer(0)),
        _ => AttemptKey::ClientFrom(client_id(0), network(1)),
    }
}
