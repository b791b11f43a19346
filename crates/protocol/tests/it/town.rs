//! Who lives in the world of the tests: a town with a lockbox API and a calendar API, six applications and two people.

use grantd_protocol::names::{ClientId, DetailTypeName, RedirectUri, ResourceId, Scope, Scopes, UserId, Username};
use grantd_protocol::records::{
    AccessTokenFormat, ActionDeclaration, Client, ClientAuthentication, ClientKind, ClientSecret,
    DetailTypeDeclaration, FieldDeclaration, FieldKind, PasswordHash, RedirectUriAtToken, Resource, ScopeDeclaration,
    Status, Thing, User,
};
use grantd_protocol::token::grant_type::GrantType;
use grantd_tokens::{Secret, Time};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const LOCKBOXES: &str = "https://boxes.example/api";
pub(crate) const CALENDAR: &str = "https://calendar.example/api";
pub(crate) const THINGS_ENDPOINT: &str = "https://boxes.example/things";

pub(crate) const WEB: &str = "web";
pub(crate) const WEB_POST: &str = "web-post";
pub(crate) const NATIVE: &str = "native";
pub(crate) const SCHEME: &str = "scheme";
pub(crate) const BROWSER: &str = "browser";
pub(crate) const SERVICE: &str = "service";

pub(crate) const WEB_CALLBACK: &str = "https://app.example/callback";
pub(crate) const WEB_POST_CALLBACK: &str = "https://post.example/cb?tenant=7";
pub(crate) const NATIVE_CALLBACK: &str = "http://127.0.0.1/callback";
pub(crate) const SCHEME_CALLBACK: &str = "com.example.post:/callback";
pub(crate) const BROWSER_CALLBACK: &str = "https://spa.example/";

pub(crate) const ALICE: &str = "alice";
pub(crate) const BOB: &str = "bob";

/// What every client of the town whispers, prefixed by its id so that no two have the same.
pub(crate) fn secret_of(client: &str) -> Secret {
    Secret::new(format!("the secret of {client}: fifty%20 and + and ü"))
}

pub(crate) fn password_of(username: &str) -> String {
    format!("correct horse of {username}")
}

/// Stands for the slow hash: a test world compares what it made itself.
pub(crate) fn hash_of(password: &str) -> PasswordHash {
    PasswordHash::new(format!("$test${password}"))
}

pub(crate) fn user_id(username: &str) -> UserId {
    UserId::new(format!("user-{username}"))
}

pub(crate) fn scopes(text: &str) -> Scopes {
    if text.is_empty() { Scopes::default() } else { Scopes::parse(text).unwrap() }
}

pub(crate) fn clients() -> Vec<Client> {
    let secrets = |id: &str| vec![ClientSecret { hash: secret_of(id).hash(), expires_at: None }];
    let basic = ClientAuthentication::ClientSecretBasic { secrets: secrets(WEB) };
    let post = ClientAuthentication::ClientSecretPost { secrets: secrets(WEB_POST) };
    vec![
        client(WEB, ClientKind::Web, basic, &[WEB_CALLBACK]),
        client(WEB_POST, ClientKind::Web, post, &[WEB_POST_CALLBACK]),
        client(NATIVE, ClientKind::Native, ClientAuthentication::None, &[NATIVE_CALLBACK, "http://[::1]/callback"]),
        client(SCHEME, ClientKind::Native, ClientAuthentication::None, &[SCHEME_CALLBACK]),
        client(BROWSER, ClientKind::Browser, ClientAuthentication::None, &[BROWSER_CALLBACK]),
        Client {
            grant_types: vec![GrantType::ClientCredentials],
            scopes: scopes("boxes:list calendar:read history"),
            detail_types: Vec::new(),
            ..client(
                SERVICE,
                ClientKind::Service,
                ClientAuthentication::ClientSecretBasic { secrets: secrets(SERVICE) },
                &[],
            )
        },
    ]
}

fn client(id: &str, kind: ClientKind, authentication: ClientAuthentication, redirect_uris: &[&str]) -> Client {
    Client {
        id: ClientId::new(id),
        name: format!("The {id} application"),
        kind,
        authentication,
        redirect_uris: redirect_uris.iter().map(|uri| RedirectUri::new(*uri)).collect(),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: scopes("boxes:list boxes:read calendar:read history offline_access"),
        default_scopes: scopes("boxes:list"),
        resources: vec![ResourceId::new(LOCKBOXES), ResourceId::new(CALENDAR)],
        introspects: Vec::new(),
        detail_types: vec![DetailTypeName::new("lockbox"), DetailTypeName::new("postcard")],
        access_token_algorithm: None,
        redirect_uri_at_token: RedirectUriAtToken::Optional,
        homepage: None,
        status: Status::Active,
        registered_at: Time(0),
    }
}

/// `history` stands in both; `boxes:burn` and `calendar:write` are registered for no client.
pub(crate) fn resources() -> Vec<Resource> {
    let scope = |name: &str| ScopeDeclaration {
        name: Scope::parse(name).unwrap(),
        description: format!("what {name} lets an application do"),
    };
    vec![
        Resource {
            id: ResourceId::new(LOCKBOXES),
            name: "Lockboxes".to_owned(),
            scopes: ["boxes:list", "boxes:read", "boxes:burn", "history"].map(scope).into(),
            detail_types: vec![lockbox(), postcard()],
            access_token_lifetime: None,
            access_token_format: AccessTokenFormat::Jwt,
            status: Status::Active,
        },
        Resource {
            id: ResourceId::new(CALENDAR),
            name: "Calendar".to_owned(),
            scopes: ["calendar:read", "calendar:write", "history"].map(scope).into(),
            detail_types: vec![DetailTypeDeclaration {
                name: DetailTypeName::new("appointment"),
                title: "Appointments".to_owned(),
                actions: Vec::new(),
                fields: Vec::new(),
                things_endpoint: None,
            }],
            access_token_lifetime: None,
            access_token_format: AccessTokenFormat::Jwt,
            status: Status::Active,
        },
    ]
}

/// A type with things that the resource can name.
fn lockbox() -> DetailTypeDeclaration {
    let action = |name: &str| ActionDeclaration { name: name.to_owned(), description: format!("{name} the letters") };
    DetailTypeDeclaration {
        name: DetailTypeName::new("lockbox"),
        title: "Lockboxes".to_owned(),
        actions: ["list", "collect"].map(action).into(),
        fields: Vec::new(),
        things_endpoint: Some(THINGS_ENDPOINT.to_owned()),
    }
}

/// A type without things, with a field of each kind.
fn postcard() -> DetailTypeDeclaration {
    let field = |name: &str, kind: FieldKind, required: bool| FieldDeclaration {
        name: name.to_owned(),
        title: name.to_owned(),
        kind,
        required,
    };
    DetailTypeDeclaration {
        name: DetailTypeName::new("postcard"),
        title: "Postcards".to_owned(),
        actions: Vec::new(),
        fields: vec![
            field("motif", FieldKind::OneOf(vec!["sea".to_owned(), "hills".to_owned()]), true),
            field("greeting", FieldKind::Text, false),
            field("copies", FieldKind::Number, false),
            field("express", FieldKind::Flag, false),
        ],
        things_endpoint: None,
    }
}

pub(crate) fn users() -> Vec<User> {
    [ALICE, BOB].map(user).into()
}

pub(crate) fn user(username: &str) -> User {
    User {
        id: user_id(username),
        username: Username::parse(username).unwrap(),
        name: None,
        password: Some(hash_of(&password_of(username))),
        status: Status::Active,
        credentials_generation: 0,
        created_at: Time(0),
    }
}

/// Everyone has three boxes: `alice-1`, `alice-2`, `alice-3`.
pub(crate) fn boxes_of(username: &str) -> Vec<Thing> {
    let thing = |number: u8| Thing {
        identifier: format!("{username}-{number}"),
        title: format!("Box {number}"),
        subtitle: None,
    };
    [1, 2, 3].map(thing).into()
}
