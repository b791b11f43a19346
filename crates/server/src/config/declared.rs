//! Clients, resources and users that stand in the configuration: `[[client]]`, `[[resource]]`, `[[user]]`.
//!
//! Owns how they are written down. What may be registered is decided by `grantd_protocol::registration`, as for every other way in.

use std::path::Path;

use grantd_protocol::records::{PasswordHash, RedirectUriAtToken, Resource};
use grantd_protocol::redirect_uri::LoopbackHttp;
use grantd_protocol::registration::{
    CheckedClient, CheckedUser, ClientRules, NewAction, NewClient, NewDetailType, NewField, NewPassword, NewResource,
    NewScope, NewSecret, NewUser, PasswordPolicy, RegistrationFault, ResourceRules, check_secret,
};
use grantd_tokens::{Digest, Secret};
use toml::de::{DeTable, DeValue};

use super::fault::{ConfigFault, ConfigFaults, Origin};
use super::file::{File, Places, Table, Value};
use super::secret_file::{SecretFileFault, read_secret};

/// What was declared, and may be registered.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Put in place at every start.
    pub resources: Vec<Resource>,
    /// Put in place at every start.
    pub clients: Vec<CheckedClient>,
    /// Added at the first start that does not find them; their passwords are theirs from then on.
    pub users: Vec<CheckedUser>,
}

/// What was declared, in text.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    resources: Vec<(NewResource, Places)>,
    clients: Vec<(NewClient, Places)>,
    users: Vec<(NewUser, Places)>,
}

impl Declarations {
    /// The names of the lists.
    pub(super) const HEADINGS: [&'static str; 3] = ["client", "resource", "user"];

    pub(super) fn read(&mut self, file: &File, root: &DeTable<'_>, faults: &mut Vec<ConfigFault>) {
        for heading in Self::HEADINGS {
            let Some((_, value)) = root.iter().find(|(key, _)| key.get_ref() == heading) else { continue };
            let items: Vec<_> = match value.get_ref() {
                DeValue::Array(items) => items.iter().map(|item| (item.get_ref(), item.span())).collect(),
                other => vec![(other, value.span())],
            };
            for (item, span) in items {
                let is_list = matches!(value.get_ref(), DeValue::Array(_));
                match item {
                    DeValue::Table(table) if is_list => self.read_one(heading, file, (table, span), faults),
                    other => {
                        let why = format!("{} stands where a list of tables belongs", Value::of(other).in_words());
                        let fix = format!("write [[{heading}]], with two brackets, above each");
                        faults.push(ConfigFault::new(file.at(span.start), heading, why, fix));
                    }
                }
            }
        }
    }

    fn read_one(
        &mut self,
        heading: &'static str,
        file: &File,
        table: (&DeTable<'_>, std::ops::Range<usize>),
        faults: &mut Vec<ConfigFault>,
    ) {
        let directory = file.directory();
        let mut late = Vec::new();
        match heading {
            "client" => self
                .clients
                .push(Table::read(file, "[[client]]", table, faults, |table| client(table, &directory, &mut late))),
            "resource" => self.resources.push(Table::read(file, "[[resource]]", table, faults, resource)),
            _ => self
                .users
                .push(Table::read(file, "[[user]]", table, faults, |table| user(table, &directory, &mut late))),
        }
        // Faults of secret files know their place only now that the table is read.
        let places = match heading {
            "client" => self.clients.last().map(|(_, places)| places),
            _ => self.users.last().map(|(_, places)| places),
        };
        if let Some(places) = places {
            faults.extend(late.into_iter().map(|fault| placed(&format!("[[{heading}]]"), places, fault)));
        }
    }

    /// Whether a variable, without its prefix, is the secret of a declared client or the password of a declared user.
    pub(super) fn takes(&self, rest: &str) -> bool {
        self.clients.iter().any(|(client, _)| of_client(client, rest).is_some())
            || self.users.iter().any(|(user, _)| of_user(user, rest).is_some())
    }

    /// What a variable, without its prefix, would belong to if there were one of its name.
    pub(super) fn heading_of(rest: &str) -> Option<&'static str> {
        let (heading, rest, what) = match (rest.strip_prefix("CLIENT__"), rest.strip_prefix("USER__")) {
            (Some(rest), _) => ("client", rest, "__SECRET"),
            (_, Some(rest)) => ("user", rest, "__PASSWORD"),
            (None, None) => return None,
        };
        rest.strip_suffix("_FILE").unwrap_or(rest).ends_with(what).then_some(heading)
    }

    /// Takes that secret or password.
    pub(super) fn add_secret(
        &mut self,
        rest: &str,
        value: &str,
        origin: &Origin,
        directory: &Path,
        faults: &mut Vec<ConfigFault>,
    ) {
        let mut refuse = |what, why, fix| faults.push(ConfigFault::new(origin.clone(), what, why, fix));
        for (client, _) in &mut self.clients {
            let Some(given) = of_client(client, rest) else { continue };
            match given.read(value, directory) {
                Err(fault) => refuse("this secret", fault.why, fault.fix),
                Ok(secret) => match check_secret(&secret) {
                    Ok(hash) => client.secret = NewSecret::Hashed(hash),
                    Err(fault) => refuse("this secret", fault.problem, fault.fix),
                },
            }
        }
        for (user, _) in &mut self.users {
            let Some(given) = of_user(user, rest) else { continue };
            match given.read(value, directory) {
                Ok(password) => user.password = NewPassword::Typed(password),
                Err(fault) => refuse("this password", fault.why, fault.fix),
            }
        }
    }

    /// Holds everything against the rules of registration: resources first, for clients name them.
    pub(super) fn check(&self, rules: DeclarationRules) -> (Declared, Vec<ConfigFault>) {
        let mut faults = Vec::new();
        let resources = self.check_resources(rules, &mut faults);
        let clients = self.check_clients(rules, &resources, &mut faults);
        let users = self.check_users(rules, &mut faults);
        (Declared { resources, clients, users }, faults)
    }

    fn check_resources(&self, rules: DeclarationRules, faults: &mut Vec<ConfigFault>) -> Vec<Resource> {
        let mut resources: Vec<Resource> = Vec::new();
        for (index, (new, places)) in self.resources.iter().enumerate() {
            let heading = format!("[[resource]] {:?}", new.id);
            if self.resources.iter().take(index).any(|(earlier, _)| earlier.id == new.id) {
                faults.push(twice(&heading, places.of("id")));
            }
            match new.check(ResourceRules { others: &resources, loopback_http: rules.loopback_http }) {
                Ok(resource) => resources.push(resource),
                Err(found) => faults.extend(found.into_iter().map(|fault| placed(&heading, places, fault))),
            }
        }
        resources
    }

    fn check_clients(
        &self,
        rules: DeclarationRules,
        resources: &[Resource],
        faults: &mut Vec<ConfigFault>,
    ) -> Vec<CheckedClient> {
        // A resource with a fault of its own is not known here; to say so again for each of its clients helps nobody.
        let all_are_known = resources.len() == self.resources.len();
        let mut clients: Vec<CheckedClient> = Vec::new();
        for (index, (new, places)) in self.clients.iter().enumerate() {
            let heading = format!("[[client]] {:?}", new.id.as_deref().unwrap_or(&new.name));
            if new.id.is_none() {
                let why = "is missing: without it, every start would make another client";
                let fix = "give it an id, such as id = \"mail-reader\"";
                faults.push(ConfigFault::new(places.whole.clone(), format!("{heading}, id"), why, fix));
            } else if self.clients.iter().take(index).any(|(earlier, _)| earlier.id == new.id) {
                faults.push(twice(&heading, places.of("id")));
            }
            match new.check(ClientRules { resources, loopback_http: rules.loopback_http }) {
                Ok(client) => clients.push(client),
                Err(found) => {
                    let told = found.into_iter().filter(|fault| all_are_known || !names_resources(fault));
                    faults.extend(told.map(|fault| placed(&heading, places, fault)));
                }
            }
        }
        clients
    }

    fn check_users(&self, rules: DeclarationRules, faults: &mut Vec<ConfigFault>) -> Vec<CheckedUser> {
        let mut users: Vec<CheckedUser> = Vec::new();
        for (index, (new, places)) in self.users.iter().enumerate() {
            let heading = format!("[[user]] {:?}", new.username);
            let is_the_same = |earlier: &NewUser| earlier.stored_username() == new.stored_username();
            if self.users.iter().take(index).any(|(earlier, _)| is_the_same(earlier)) {
                faults.push(twice(&heading, places.of("username")));
            }
            match new.check(rules.passwords, &[]) {
                Ok(user) => users.push(user),
                Err(found) => faults.extend(found.into_iter().map(|fault| placed(&heading, places, fault))),
            }
        }
        users
    }
}

/// A resource of a file, not yet held against the rules.
#[derive(Debug)]
pub struct DeclaredResource {
    new: NewResource,
    places: Places,
}

impl DeclaredResource {
    /// As [`NewResource::check`]; the faults have places.
    pub fn check(&self, rules: ResourceRules<'_>) -> Result<Resource, ConfigFaults> {
        let heading = format!("[[resource]] {:?}", self.new.id);
        let placed = |fault| placed(&heading, &self.places, fault);
        self.new.check(rules).map_err(|found| ConfigFaults(found.into_iter().map(placed).collect()))
    }
}

/// The `[[resource]]` tables of a file that holds nothing else.
pub fn read_resources(path: &Path) -> Result<Vec<DeclaredResource>, ConfigFaults> {
    let file = File::read(path).map_err(|fault| ConfigFaults(vec![fault]))?;
    let root = file.parse().map_err(ConfigFaults)?;
    let (mut declarations, mut faults) = (Declarations::default(), Vec::new());
    declarations.read(&file, root.get_ref(), &mut faults);
    for (key, _) in root.get_ref().iter().filter(|(key, _)| key.get_ref() != "resource") {
        let origin = file.at(key.span().start);
        let fix = "leave it out, or put it into the configuration";
        faults.push(ConfigFault::new(
            origin,
            key.get_ref().to_string(),
            "only [[resource]] tables are added from a file",
            fix,
        ));
    }
    if declarations.resources.is_empty() && faults.is_empty() {
        let fix = "write [[resource]], with two brackets, above each";
        faults.push(ConfigFault::new(file.at(0), "this file", "has no [[resource]] table", fix));
    }
    if !faults.is_empty() {
        return Err(ConfigFaults(faults));
    }
    Ok(declarations.resources.into_iter().map(|(new, places)| DeclaredResource { new, places }).collect())
}

/// What depends on the mode.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeclarationRules {
    pub(super) loopback_http: LoopbackHttp,
    pub(super) passwords: PasswordPolicy,
}

/// Whether a variable holds the secret, or the name of its file.
#[derive(Clone, Copy)]
enum Given {
    Itself,
    InFile,
}

impl Given {
    fn read(self, value: &str, directory: &Path) -> Result<Secret, SecretFileFault> {
        match self {
            Self::Itself => Ok(Secret::new(value)),
            Self::InFile => read_secret(&directory.join(value)),
        }
    }
}

fn of_client(client: &NewClient, rest: &str) -> Option<Given> {
    ending(rest.strip_prefix("CLIENT__")?, client.id.as_deref()?, "SECRET")
}

fn of_user(user: &NewUser, rest: &str) -> Option<Given> {
    ending(rest.strip_prefix("USER__")?, &user.username, "PASSWORD")
}

/// `MAIL_READER__SECRET` or `MAIL_READER__SECRET_FILE`, for `mail-reader`.
fn ending(rest: &str, id: &str, what: &str) -> Option<Given> {
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    match rest.strip_prefix(&id)?.strip_prefix("__")?.strip_prefix(what)? {
        "" => Some(Given::Itself),
        "_FILE" => Some(Given::InFile),
        _ => None,
    }
}

/// Whether a client's fault is about which resources there are.
fn names_resources(fault: &RegistrationFault) -> bool {
    fault.field.starts_with("resources") || fault.field.starts_with("introspects[")
}

fn placed(heading: &str, places: &Places, fault: RegistrationFault) -> ConfigFault {
    let what = format!("{heading}, {}", fault.field);
    let why = format!("{} ({})", fault.problem, fault.rule);
    ConfigFault::new(places.of(&fault.field), what, why, fault.fix)
}

fn twice(heading: &str, origin: Origin) -> ConfigFault {
    ConfigFault::new(origin, heading, "is declared twice", "leave one out")
}

// ---- the three kinds of tables ----

fn client(table: &mut Table<'_>, directory: &Path, faults: &mut Vec<RegistrationFault>) -> NewClient {
    table.forbid("secret", "a secret in this file would be read by everybody who may read the file", "use secret_file");
    let secret = match (table.text("secret_file"), table.text("secret_hash")) {
        (Some(path), _) => match read_secret(&directory.join(path)) {
            Ok(secret) => check_secret(&secret).map_or_else(
                |fault| {
                    faults.push(RegistrationFault { field: "secret_file".to_owned(), ..fault });
                    NewSecret::Generated
                },
                NewSecret::Hashed,
            ),
            Err(fault) => {
                faults.push(of_file("secret_file", fault.why, fault.fix));
                NewSecret::Generated
            }
        },
        (None, Some(hash)) => Digest::parse(&hash).map_or_else(
            || {
                let problem = "is not the SHA-256 of a secret in base64url (43 characters)".to_owned();
                faults.push(of_file("secret_hash", problem, HOW_TO_HASH.to_owned()));
                NewSecret::Generated
            },
            NewSecret::Hashed,
        ),
        (None, None) => NewSecret::Missing,
    };
    let redirect_uri_at_token = match table.text("redirect_uri_at_token").as_deref() {
        None | Some("optional") => RedirectUriAtToken::Optional,
        Some("required") => RedirectUriAtToken::Required,
        Some(other) => {
            let problem = format!("{other:?} is no choice");
            faults.push(of_file("redirect_uri_at_token", problem, "write optional or required".to_owned()));
            RedirectUriAtToken::Optional
        }
    };
    NewClient {
        id: table.text("id"),
        name: table.text("name").unwrap_or_default(),
        kind: table.text("kind").unwrap_or_default(),
        token_endpoint_auth_method: table.text("token_endpoint_auth_method"),
        secret,
        redirect_uris: table.texts("redirect_uris").unwrap_or_default(),
        grant_types: table.texts("grant_types"),
        resources: table.texts("resources"),
        introspects: table.texts("introspects").unwrap_or_default(),
        scopes: table.texts("scopes"),
        default_scopes: table.texts("default_scopes").unwrap_or_default(),
        authorization_details_types: table.texts("authorization_details_types"),
        access_token_algorithm: table.text("access_token_algorithm"),
        homepage: table.text("homepage"),
        redirect_uri_at_token,
    }
}

fn user(table: &mut Table<'_>, directory: &Path, faults: &mut Vec<RegistrationFault>) -> NewUser {
    table.forbid(
        "password",
        "a password in this file would be read by everybody who may read the file",
        "use password_file",
    );
    let password = match (table.text("password_file"), table.text("password_hash")) {
        (Some(path), _) => match read_secret(&directory.join(path)) {
            Ok(password) => NewPassword::Typed(password),
            Err(fault) => {
                faults.push(of_file("password_file", fault.why, fault.fix));
                NewPassword::Absent
            }
        },
        (None, Some(hash)) => NewPassword::Hashed(PasswordHash::new(hash)),
        (None, None) => NewPassword::Absent,
    };
    NewUser {
        id: table.text("id"),
        username: table.text("username").unwrap_or_default(),
        name: table.text("name"),
        password,
    }
}

fn resource(table: &mut Table<'_>) -> NewResource {
    NewResource {
        id: table.text("id").unwrap_or_default(),
        name: table.text("name").unwrap_or_default(),
        access_token_lifetime: table.duration("access_token_lifetime"),
        access_token_format: table.text("access_token_format"),
        scopes: table.tables("scopes", |table| NewScope {
            name: table.text("name").unwrap_or_default(),
            description: table.text("description").unwrap_or_default(),
        }),
        detail_types: table.tables("detail_types", |table| NewDetailType {
            name: table.text("name").unwrap_or_default(),
            title: table.text("title").unwrap_or_default(),
            things_endpoint: table.text("things_endpoint"),
            actions: table.tables("actions", |table| NewAction {
                name: table.text("name").unwrap_or_default(),
                description: table.text("description").unwrap_or_default(),
            }),
            fields: table.tables("fields", |table| NewField {
                name: table.text("name").unwrap_or_default(),
                title: table.text("title").unwrap_or_default(),
                kind: table.text("kind"),
                choices: table.texts("choices").unwrap_or_default(),
                required: table.flag("required").unwrap_or_default(),
            }),
        }),
    }
}

fn of_file(field: &str, problem: String, fix: String) -> RegistrationFault {
    RegistrationFault { field: field.to_owned(), problem, fix, rule: "CAUTH-06" }
}

const HOW_TO_HASH: &str = "openssl dgst -sha256 -binary SECRET_FILE | basenc --base64url | tr -d =";
