//! A client that wants to be registered (RFC 7591 §2 has the same fields).

use grantd_tokens::{Algorithm, Digest, Random, Secret, Time};

use super::{Faults, MAX_NAME_CHARS, RegistrationFault, is_unreserved, named_resources, one_of, redirect_uris};
use crate::names::{ClientId, DetailTypeName, Scope, Scopes};
use crate::records::{Client, ClientAuthentication, ClientKind, ClientSecret, RedirectUriAtToken, Resource, Status};
use crate::redirect_uri::LoopbackHttp;
use crate::token::grant_type::GrantType;

/// A client as somebody described it, in text. What is left out has a default; several follow from `kind`.
#[derive(Clone, Debug, Default)]
pub struct NewClient {
    /// 1 to 128 unreserved characters. Default: random.
    pub id: Option<String>,
    /// What users read on the consent page. Required.
    pub name: String,
    /// `web`, `browser`, `native` or `service`. Required.
    pub kind: String,
    /// `client_secret_basic`, `client_secret_post` or `none`. Default: `client_secret_basic` for `web` and `service`, `none` for
    /// `browser` and `native`, which cannot keep a secret.
    pub token_endpoint_auth_method: Option<String>,
    /// Its secret, if it has one. Default: a new one is made.
    pub secret: NewSecret,
    /// Where answers may go. Required but for `service`, which gets none.
    pub redirect_uris: Vec<String>,
    /// Default: `authorization_code` and `refresh_token`; for `service`, `client_credentials`, or none if it introspects and names no
    /// scopes.
    pub grant_types: Option<Vec<String>>,
    /// The resources it may ask for, the first by default. Default: the only one there is; without grant types, none.
    pub resources: Option<Vec<String>>,
    /// The resources whose server it is: it may ask about their tokens (INTRO-02). Default: none.
    pub introspects: Vec<String>,
    /// All it may ask for. Default: what its resources define; for `service`, nothing.
    pub scopes: Option<Vec<String>>,
    /// What it gets when it asks for nothing. Default: nothing.
    pub default_scopes: Vec<String>,
    /// The types of authorization details it may ask for. Default: those of its resources; for `service`, none.
    pub authorization_details_types: Option<Vec<String>>,
    /// The algorithm of its access tokens. Default: the server's.
    pub access_token_algorithm: Option<String>,
    /// Where a person finds the application. Default: unknown.
    pub homepage: Option<String>,
    /// Whether its token requests must repeat the redirect URI. Default: no.
    pub redirect_uri_at_token: RedirectUriAtToken,
}

/// Where a confidential client's secret comes from.
#[derive(Clone, Debug, Default)]
pub enum NewSecret {
    /// Made here, and shown once (CAUTH-06, ADMIN-04).
    #[default]
    Generated,
    /// Made elsewhere: only its SHA-256 is known here.
    Hashed(Digest),
    /// Nobody gave one, and none may be made: declared clients say theirs.
    Missing,
}

/// What a client is held against.
#[derive(Clone, Copy, Debug)]
pub struct ClientRules<'a> {
    /// The resources there are.
    pub resources: &'a [Resource],
    /// Who may use plain http on loopback.
    pub loopback_http: LoopbackHttp,
}

/// A client that may be registered.
#[derive(Clone, Debug)]
pub struct CheckedClient {
    client: Client,
    generated_id: GeneratedId,
    secret: NewSecret,
    notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GeneratedId {
    No,
    Yes,
}

/// A registered client, and what must be told once.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// The record.
    pub client: Client,
    /// Its secret, if one was made: shown now and never again (ADMIN-04).
    pub secret: Option<Secret>,
    /// What could be better.
    pub notes: Vec<String>,
}

impl NewClient {
    /// Holds the client against every rule, and lists all it breaks.
    pub fn check(&self, rules: ClientRules<'_>) -> Result<CheckedClient, Vec<RegistrationFault>> {
        let mut faults = Faults::default();
        self.check_id(&mut faults);
        faults.text("name", &self.name, MAX_NAME_CHARS);
        let Some(kind) = ClientKind::parse(&self.kind) else {
            let kinds = one_of(ClientKind::ALL.map(ClientKind::as_str));
            faults.add(
                "kind",
                "NATIVE-01",
                format!("{:?} is not a kind of client", self.kind),
                format!("write {kinds}"),
            );
            return Err(faults.0);
        };
        let authentication = self.check_authentication(kind, &mut faults);
        let grant_types = self.check_grant_types(kind, &authentication, &mut faults);
        let (redirect_uris, mut notes) =
            redirect_uris::check(&self.redirect_uris, kind, rules.loopback_http, &mut faults);
        self.check_redirect_uris_fit(kind, &grant_types, &mut faults);
        let resources =
            named_resources::to_ask_for(self.resources.as_deref(), &grant_types, rules.resources, &mut faults);
        let introspects = named_resources::to_ask_about(&self.introspects, rules.resources, &mut faults);
        self.check_introspection_fits(&authentication, &mut faults);
        let scopes = self.check_scopes(kind, &resources, &mut faults);
        let default_scopes = self.check_default_scopes(&scopes, &mut faults);
        let detail_types = self.check_detail_types(kind, &resources, &mut faults);
        let access_token_algorithm = self.check_algorithm(&mut faults);
        if let Some(homepage) = &self.homepage {
            faults.web_address("homepage", homepage, rules.loopback_http);
        }
        if !faults.0.is_empty() {
            return Err(faults.0);
        }
        if kind == ClientKind::Web && !authentication.is_confidential() {
            notes.push(
                "a client on a server can keep a secret; without one it is as open to impersonation as an app"
                    .to_owned(),
            );
        }
        if !grant_types.is_empty() && scopes.is_empty() && detail_types.is_empty() {
            notes.push("it may ask for nothing yet: no scope, no authorization details".to_owned());
        }
        let client = Client {
            id: ClientId::new(self.id.clone().unwrap_or_default()),
            name: self.name.clone(),
            kind,
            authentication,
            redirect_uris,
            grant_types,
            scopes,
            default_scopes,
            resources: resources.iter().map(|resource| resource.id.clone()).collect(),
            introspects: introspects.iter().map(|resource| resource.id.clone()).collect(),
            detail_types,
            access_token_algorithm,
            redirect_uri_at_token: self.redirect_uri_at_token,
            homepage: self.homepage.clone(),
            status: Status::Active,
            registered_at: Time::default(),
        };
        let generated_id = if self.id.is_some() { GeneratedId::No } else { GeneratedId::Yes };
        Ok(CheckedClient { client, generated_id, secret: self.secret.clone(), notes })
    }

    fn check_id(&self, faults: &mut Faults) {
        let Some(id) = &self.id else { return };
        let fix = "write 1 to 128 letters, digits, '-', '.', '_' or '~', or leave it out and get a random one";
        if id.starts_with("https://") {
            let problem = format!("{id:?} is the form of a client that describes itself at that address");
            faults.add("id", "DCR-04", problem, fix);
        } else if id.is_empty() || id.len() > MAX_ID_BYTES || !is_unreserved(id) {
            faults.add("id", "CAUTH-04", format!("{id:?} is not an id that needs no encoding anywhere"), fix);
        }
    }

    /// CAUTH-01: one method. NATIVE-01, SPA-02: a secret that is shipped to everybody is none.
    fn check_authentication(&self, kind: ClientKind, faults: &mut Faults) -> ClientAuthentication {
        let keeps_secrets = matches!(kind, ClientKind::Web | ClientKind::Service);
        let by_default = if keeps_secrets { "client_secret_basic" } else { "none" };
        let method = self.token_endpoint_auth_method.as_deref().unwrap_or(by_default);
        let secrets = match &self.secret {
            NewSecret::Hashed(hash) => vec![ClientSecret { hash: *hash, expires_at: None }],
            NewSecret::Generated | NewSecret::Missing => Vec::new(),
        };
        let authentication = match method {
            "none" => ClientAuthentication::None,
            "client_secret_basic" => ClientAuthentication::ClientSecretBasic { secrets },
            "client_secret_post" => ClientAuthentication::ClientSecretPost { secrets },
            other => {
                let methods = one_of(["client_secret_basic", "client_secret_post", "none"]);
                let problem = format!("{other:?} is not a method that is offered");
                faults.add(METHOD, "CAUTH-01", problem, format!("write {methods}"));
                return ClientAuthentication::None;
            }
        };
        let confidential = authentication.is_confidential();
        if confidential && !keeps_secrets {
            let rule = if kind == ClientKind::Native { "NATIVE-01" } else { "SPA-02" };
            let problem = format!("{method:?} needs a secret, which a client of kind {} cannot keep", kind.as_str());
            faults.add(METHOD, rule, problem, "write none: PKCE protects it; or use kind web if it has a server");
        } else if confidential && matches!(self.secret, NewSecret::Missing) {
            faults.add(
                "secret",
                "CAUTH-06",
                format!("{method} needs a secret, and none is given"),
                HOW_TO_GIVE_A_SECRET,
            );
        } else if !confidential && matches!(self.secret, NewSecret::Hashed(_)) {
            let fix = format!("leave the secret out, or set {METHOD} to client_secret_basic");
            faults.add("secret", "CAUTH-01", format!("a client with {METHOD} none has no secret"), fix);
        }
        if kind == ClientKind::Service && !confidential {
            let problem = "\"none\" would let anybody be this service";
            faults.add(METHOD, "TOKEN-11", problem, "write client_secret_basic or client_secret_post");
        }
        authentication
    }

    fn check_grant_types(
        &self,
        kind: ClientKind,
        authentication: &ClientAuthentication,
        faults: &mut Faults,
    ) -> Vec<GrantType> {
        let Some(sent) = &self.grant_types else {
            return match kind {
                ClientKind::Service if self.only_introspects() => Vec::new(),
                ClientKind::Service => vec![GrantType::ClientCredentials],
                ClientKind::Web | ClientKind::Browser | ClientKind::Native => {
                    vec![GrantType::AuthorizationCode, GrantType::RefreshToken]
                }
            };
        };
        let mut grant_types = Vec::new();
        for (position, text) in sent.iter().enumerate() {
            let field = format!("grant_types[{position}]");
            match (GrantType::parse(text), kind) {
                (None, _) => {
                    let offered = one_of(GrantType::ALL.iter().map(|grant_type| grant_type.as_str()));
                    faults.add(field, "TOKEN-06", format!("{text:?} is not offered"), format!("write {offered}"));
                }
                (Some(GrantType::ClientCredentials), _) if !authentication.is_confidential() => {
                    let problem = "client_credentials is for clients that prove who they are";
                    faults.add(field, "TOKEN-11", problem, "leave it out, or give the client a secret");
                }
                (Some(GrantType::AuthorizationCode | GrantType::RefreshToken), ClientKind::Service) => {
                    let problem = format!("{text:?} needs a user, whom a client of kind service never meets");
                    faults.add(field, "TOKEN-06", problem, "leave it out, or use kind web");
                }
                (Some(grant_type), _) if grant_types.contains(&grant_type) => {}
                (Some(grant_type), _) => grant_types.push(grant_type),
            }
        }
        let has = |grant_type| grant_types.contains(&grant_type);
        if has(GrantType::RefreshToken) && !has(GrantType::AuthorizationCode) {
            let problem = "refresh_token alone: there is no grant that would give the first refresh token";
            faults.add("grant_types", "TOKEN-06", problem, "add authorization_code");
        } else if sent.is_empty() && (kind != ClientKind::Service || self.introspects.is_empty()) {
            faults.add("grant_types", "TOKEN-06", "is empty", "name one, or leave the field out");
        }
        grant_types
    }

    /// A resource server that asks about the tokens it is shown, and needs none of its own.
    fn only_introspects(&self) -> bool {
        !self.introspects.is_empty() && self.scopes.as_ref().is_none_or(Vec::is_empty)
    }

    /// INTRO-01: whoever may ask what a token opens proves who they are.
    fn check_introspection_fits(&self, authentication: &ClientAuthentication, faults: &mut Faults) {
        if !self.introspects.is_empty() && !authentication.is_confidential() {
            let problem = "is not empty, but the client cannot prove who it is";
            let fix = "register the resource server as a client of its own, of kind service";
            faults.add("introspects", "INTRO-01", problem, fix);
        }
    }

    fn check_redirect_uris_fit(&self, kind: ClientKind, grant_types: &[GrantType], faults: &mut Faults) {
        let redirected = grant_types.contains(&GrantType::AuthorizationCode);
        if redirected && self.redirect_uris.is_empty() {
            let fix = match kind {
                ClientKind::Native => "add one, such as http://127.0.0.1/callback (any port matches)",
                ClientKind::Web | ClientKind::Browser | ClientKind::Service => {
                    "add one, such as https://app.example/callback"
                }
            };
            faults.add("redirect_uris", "REDIR-01", "is empty, and authorization_code needs one", fix);
        } else if !redirected && !self.redirect_uris.is_empty() {
            let problem = "is not empty, but without authorization_code nothing is ever redirected";
            faults.add("redirect_uris", "REDIR-01", problem, "leave it out, or use kind web");
        }
    }

    fn check_scopes(&self, kind: ClientKind, resources: &[&Resource], faults: &mut Faults) -> Scopes {
        let defined = || resources.iter().flat_map(|resource| resource.scopes.iter().map(|scope| scope.name.clone()));
        let Some(sent) = &self.scopes else {
            return if kind == ClientKind::Service { Scopes::default() } else { defined().collect() };
        };
        let mut scopes = Vec::new();
        for (position, text) in sent.iter().enumerate() {
            let field = format!("scopes[{position}]");
            match Scope::parse(text) {
                None => {
                    let fix = "write one word of printable ASCII without space, quote or backslash for each";
                    faults.add(field, "AUTHZ-12", format!("{text:?} is not a scope"), fix);
                }
                Some(scope) if scope.is_reserved() => {
                    faults.add(field, "AUTHZ-13", format!("{text:?} is for the server itself"), "leave it out");
                }
                Some(scope) if scope != Scope::offline_access() && !defined().any(|known| known == scope) => {
                    // After a fault in `resources` nothing is defined, and saying so again for each scope helps nobody.
                    if !resources.is_empty() {
                        let problem = format!("{text:?} is defined by none of its resources");
                        let fix = format!("define it in a resource, or choose {}", one_of(defined()));
                        faults.add(field, "AUTHZ-13", problem, fix);
                    }
                }
                Some(scope) => scopes.push(scope),
            }
        }
        scopes.into_iter().collect()
    }

    fn check_default_scopes(&self, scopes: &Scopes, faults: &mut Faults) -> Scopes {
        for (position, text) in self.default_scopes.iter().enumerate() {
            if !scopes.iter().any(|scope| scope.as_str() == text) {
                let problem = format!("{text:?} is not one of its scopes ({})", one_of(scopes));
                let fix = "add it to scopes as well, or leave it out";
                faults.add(format!("default_scopes[{position}]"), "AUTHZ-15", problem, fix);
            }
        }
        scopes.filtered(|scope| self.default_scopes.iter().any(|text| text == scope.as_str()))
    }

    fn check_detail_types(
        &self,
        kind: ClientKind,
        resources: &[&Resource],
        faults: &mut Faults,
    ) -> Vec<DetailTypeName> {
        let declared: Vec<DetailTypeName> =
            resources.iter().flat_map(|resource| resource.detail_types.iter().map(|kind| kind.name.clone())).collect();
        let Some(sent) = &self.authorization_details_types else {
            return if kind == ClientKind::Service { Vec::new() } else { declared };
        };
        for (position, text) in sent.iter().enumerate() {
            if !declared.iter().any(|name| name.as_str() == text) && !resources.is_empty() {
                let problem = format!("{text:?} is declared by none of its resources");
                let fix = format!("declare it in a resource, or choose {}", one_of(&declared));
                faults.add(format!("authorization_details_types[{position}]"), "RAR-03", problem, fix);
            }
        }
        declared.into_iter().filter(|name| sent.iter().any(|text| text == name.as_str())).collect()
    }

    fn check_algorithm(&self, faults: &mut Faults) -> Option<Algorithm> {
        let text = self.access_token_algorithm.as_deref()?;
        let algorithm = Algorithm::parse(text);
        if algorithm.is_none() {
            let fix = format!("write {}", one_of(Algorithm::ALL));
            faults.add("access_token_algorithm", "KEYS-01", format!("{text:?} is not offered"), fix);
        }
        algorithm
    }
}

impl CheckedClient {
    /// Whether its id will be drawn at random; otherwise [`CheckedClient::id`] names it.
    pub fn id(&self) -> Option<&ClientId> {
        (self.generated_id == GeneratedId::No).then_some(&self.client.id)
    }

    /// The record, with the id and the secret drawn if they were not given.
    pub fn register(self, now: Time, random: &mut dyn Random) -> RegisteredClient {
        let Self { mut client, generated_id, secret, notes } = self;
        client.registered_at = now;
        if generated_id == GeneratedId::Yes {
            client.id = ClientId::new(random_id(random));
        }
        let drawn = match (&mut client.authentication, secret) {
            (
                ClientAuthentication::ClientSecretBasic { secrets }
                | ClientAuthentication::ClientSecretPost { secrets },
                NewSecret::Generated,
            ) => {
                let drawn = Secret::random(random);
                secrets.push(ClientSecret { hash: drawn.hash(), expires_at: None });
                Some(drawn)
            }
            _ => None,
        };
        RegisteredClient { client, secret: drawn, notes }
    }
}

/// The digest of a secret that was made elsewhere, if it can have 256 random bits (CAUTH-06): only its length and characters
/// can be seen. A short one would be guessed from the fast hash.
pub fn check_secret(secret: &Secret) -> Result<Digest, RegistrationFault> {
    let text = secret.expose();
    if text.len() >= MIN_SECRET_BYTES
        && text.len() <= MAX_SECRET_BYTES
        && text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Ok(secret.hash());
    }
    Err(RegistrationFault {
        field: "secret".to_owned(),
        problem: format!(
            "a client secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} printable ASCII characters without spaces; this has {}",
            text.chars().count()
        ),
        fix: "make one with: openssl rand -base64 33".to_owned(),
        rule: "CAUTH-06",
    })
}

/// 128 random bits: never reassigned, never guessed, short enough to type.
pub(super) fn random_id(random: &mut dyn Random) -> String {
    Secret::random(random).expose().chars().filter(char::is_ascii_alphanumeric).take(22).collect()
}

const METHOD: &str = "token_endpoint_auth_method";
const HOW_TO_GIVE_A_SECRET: &str = "make one with `openssl rand -base64 33`, and name its file in secret_file";
const MAX_ID_BYTES: usize = 128;
/// 256 bits in base64.
const MIN_SECRET_BYTES: usize = 43;
const MAX_SECRET_BYTES: usize = 256;
