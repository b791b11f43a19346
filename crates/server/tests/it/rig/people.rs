//! Who is registered: clients of every kind, two resources, and three users of whom one may not sign in.

use grantd::password::PasswordHasher;
use grantd_protocol::changes::Change;
use grantd_protocol::names::{ClientId, DetailTypeName, RedirectUri, ResourceId, Scope, Scopes, UserId, Username};
use grantd_protocol::records::{
    AccessTokenFormat, ActionDeclaration, Client, ClientAuthentication, ClientKind, ClientSecret,
    DetailTypeDeclaration, PasswordHash, RedirectUriAtToken, Resource, ScopeDeclaration, Status, User,
};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::grant_type::GrantType;
use grantd_tokens::{Digest, Time};
use tokio::sync::OnceCell;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A second resource, on another host.
pub(crate) const MAIL: &str = "https://mail.example/";

/// The secret of a confidential client.
pub(crate) fn secret_of(client: &str) -> &'static str {
    match client {
        "web" => "the secret of web: 100% \u{fc}nusual",
        "posting" => "the secret of posting",
        "robot" => "the secret of robot",
        _ => "",
    }
}

pub(super) async fn everybody(boxes: &str, things_endpoint: &str) -> Vec<Change> {
    let mut changes = vec![Change::PutResource(storage(boxes, things_endpoint)), Change::PutResource(mail())];
    changes.extend(clients(boxes).into_iter().map(Change::PutClient));
    for (username, status) in [("alice", Status::Active), ("bob", Status::Active), ("carol", Status::Disabled)] {
        changes.push(Change::AddUser { user: user(username, status).await, or: Refusal::NameTaken });
    }
    changes
}

async fn user(username: &str, status: Status) -> User {
    static HASH: OnceCell<String> = OnceCell::const_new();
    let hashing = || async {
        let hasher = PasswordHasher::new(1, 1, std::time::Duration::from_secs(5));
        hasher.hash(PASSWORD, *b"salt for a test!").await.unwrap()
    };
    User {
        id: id_of(username),
        username: Username::parse(username).unwrap(),
        name: None,
        password: Some(PasswordHash::new(HASH.get_or_init(hashing).await)),
        status,
        credentials_generation: 0,
        created_at: Time(0),
    }
}

pub(crate) fn id_of(username: &str) -> UserId {
    UserId::new(format!("subject-of-{username}"))
}

fn storage(id: &str, things_endpoint: &str) -> Resource {
    Resource {
        id: ResourceId::new(id),
        name: "The storage".to_owned(),
        scopes: vec![scope("boxes:list", "See the names of your boxes"), scope("letters:read", "Read your letters")],
        detail_types: vec![DetailTypeDeclaration {
            name: DetailTypeName::new("lockbox"),
            title: "Which boxes may it open?".to_owned(),
            actions: vec![ActionDeclaration { name: "read".to_owned(), description: "read the letters".to_owned() }],
            fields: Vec::new(),
            things_endpoint: Some(things_endpoint.to_owned()),
        }],
        access_token_lifetime: None,
        access_token_format: AccessTokenFormat::Jwt,
        status: Status::Active,
    }
}

fn mail() -> Resource {
    Resource {
        id: ResourceId::new(MAIL),
        name: "The mail room".to_owned(),
        scopes: vec![scope("mail:send", "Send letters in your name")],
        detail_types: Vec::new(),
        access_token_lifetime: None,
        access_token_format: AccessTokenFormat::Jwt,
        status: Status::Active,
    }
}

fn scope(name: &str, description: &str) -> ScopeDeclaration {
    ScopeDeclaration { name: Scope::parse(name).unwrap(), description: description.to_owned() }
}

fn clients(boxes: &str) -> Vec<Client> {
    let secrets = |client| vec![ClientSecret { hash: Digest::of(secret_of(client).as_bytes()), expires_at: None }];
    let web = Client {
        id: ClientId::new("web"),
        name: "The reading room".to_owned(),
        kind: ClientKind::Web,
        authentication: ClientAuthentication::ClientSecretBasic { secrets: secrets("web") },
        redirect_uris: vec![
            RedirectUri::new("https://app.example/callback"),
            RedirectUri::new("https://app.example/two"),
        ],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: Scopes::parse("boxes:list letters:read mail:send offline_access").unwrap(),
        default_scopes: Scopes::default(),
        resources: vec![ResourceId::new(boxes), ResourceId::new(MAIL)],
        introspects: Vec::new(),
        detail_types: vec![DetailTypeName::new("lockbox")],
        access_token_algorithm: None,
        redirect_uri_at_token: RedirectUriAtToken::Optional,
        homepage: None,
        status: Status::Active,
        registered_at: Time(0),
    };
    let posting = Client {
        id: ClientId::new("posting"),
        authentication: ClientAuthentication::ClientSecretPost { secrets: secrets("posting") },
        redirect_uris: vec![RedirectUri::new("https://posting.example/callback")],
        ..web.clone()
    };
    let page = Client {
        id: ClientId::new("page"),
        kind: ClientKind::Browser,
        authentication: ClientAuthentication::None,
        redirect_uris: vec![RedirectUri::new("https://page.example/callback")],
        ..web.clone()
    };
    let native = Client {
        id: ClientId::new("native"),
        kind: ClientKind::Native,
        authentication: ClientAuthentication::None,
        redirect_uris: vec![
            RedirectUri::new("http://127.0.0.1/callback"),
            RedirectUri::new("com.example.app:/callback"),
        ],
        ..web.clone()
    };
    // It is also the server of the storage, and asks about its tokens.
    let robot = Client {
        id: ClientId::new("robot"),
        introspects: vec![ResourceId::new(boxes)],
        kind: ClientKind::Service,
        authentication: ClientAuthentication::ClientSecretBasic { secrets: secrets("robot") },
        redirect_uris: Vec::new(),
        grant_types: vec![GrantType::ClientCredentials],
        detail_types: Vec::new(),
        ..web.clone()
    };
    vec![web, posting, page, native, robot]
}
