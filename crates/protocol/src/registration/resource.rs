//! A resource that wants to be known, with the scopes and the types of authorization details it understands.

use grantd_tokens::Seconds;

use super::{Faults, MAX_NAME_CHARS, RegistrationFault, one_of};
use crate::names::{DetailTypeName, ResourceId, Scope};
use crate::records::{
    AccessTokenFormat, ActionDeclaration, DetailTypeDeclaration, FieldDeclaration, FieldKind, Resource,
    ScopeDeclaration, Status,
};
use crate::redirect_uri::LoopbackHttp;
use crate::uri::Uri;

/// A resource as somebody described it, in text.
#[derive(Clone, Debug, Default)]
pub struct NewResource {
    /// What stands in `resource` and in `aud`: an absolute https URI without a fragment, compared byte for byte. Required.
    pub id: String,
    /// What users read on the consent page. Required.
    pub name: String,
    /// The scopes it understands. Default: none.
    pub scopes: Vec<NewScope>,
    /// The types of authorization details it understands. Default: none.
    pub detail_types: Vec<NewDetailType>,
    /// How long its access tokens live, 1 to 3600 seconds. Default: as long as the server's setting says.
    pub access_token_lifetime: Option<Seconds>,
    /// `jwt` or `opaque`. Default: `jwt`.
    pub access_token_format: Option<String>,
}

/// A scope of a new resource.
#[derive(Clone, Debug, Default)]
pub struct NewScope {
    /// The scope token.
    pub name: String,
    /// What it lets a client do, for the consent page.
    pub description: String,
}

/// A type of authorization details of a new resource.
#[derive(Clone, Debug, Default)]
pub struct NewDetailType {
    /// The value of `type`: no other resource may declare it.
    pub name: String,
    /// For the consent page.
    pub title: String,
    /// What may be done. Default: nothing to choose from.
    pub actions: Vec<NewAction>,
    /// Further members. Default: none.
    pub fields: Vec<NewField>,
    /// Where to ask which things a person has, at the resource's own origin. Default: the client names them.
    pub things_endpoint: Option<String>,
}

/// An action of a new type.
#[derive(Clone, Debug, Default)]
pub struct NewAction {
    /// The value on the wire.
    pub name: String,
    /// For the consent page.
    pub description: String,
}

/// A field of a new type.
#[derive(Clone, Debug, Default)]
pub struct NewField {
    /// The member's name.
    pub name: String,
    /// For the consent page.
    pub title: String,
    /// `text`, `number`, `flag` or `one_of`. Default: `text`.
    pub kind: Option<String>,
    /// The values of `one_of`.
    pub choices: Vec<String>,
    /// Whether an object must have it. Default: no.
    pub required: bool,
}

/// What a resource is held against.
#[derive(Clone, Copy, Debug)]
pub struct ResourceRules<'a> {
    /// The other resources of this issuer; one of the same id is being replaced, and does not count.
    pub others: &'a [Resource],
    /// [`LoopbackHttp::ForEveryClient`] in development, where resources are on this computer, too.
    pub loopback_http: LoopbackHttp,
}

impl NewResource {
    /// Holds the resource against every rule, and lists all it breaks.
    pub fn check(&self, rules: ResourceRules<'_>) -> Result<Resource, Vec<RegistrationFault>> {
        let mut faults = Faults::default();
        faults.web_address("id", &self.id, rules.loopback_http);
        faults.text("name", &self.name, MAX_NAME_CHARS);
        if let Some(lifetime) = self.access_token_lifetime.filter(|seconds| !(1..=MAX_LIFETIME).contains(&seconds.0)) {
            let problem = format!("{lifetime} is not between 1 and {MAX_LIFETIME} seconds");
            faults.add("access_token_lifetime", "AT-06", problem, format!("write 1 to {MAX_LIFETIME} seconds"));
        }
        let access_token_format = self.check_format(&mut faults);
        let scopes = self.check_scopes(&mut faults);
        let mut detail_types: Vec<DetailTypeDeclaration> = Vec::new();
        for (position, new) in self.detail_types.iter().enumerate() {
            let at = format!("detail_types[{position}]");
            let twice = detail_types.iter().any(|known| known.name.as_str() == new.name);
            let elsewhere = rules.others.iter().find(|other| {
                other.id.as_str() != self.id && other.detail_type(&DetailTypeName::new(&new.name)).is_some()
            });
            if let Some(other) = elsewhere {
                let problem = format!("{:?} is already declared by {}", new.name, other.id);
                faults.add(
                    format!("{at}.name"),
                    "RAR-02",
                    problem,
                    "give it a name of its own, such as a URI of this resource",
                );
            } else if twice {
                faults.add(
                    format!("{at}.name"),
                    "RAR-02",
                    format!("{:?} is declared twice", new.name),
                    "leave one out",
                );
            }
            detail_types.push(new.check(&at, &self.id, rules.loopback_http, &mut faults));
        }
        if !faults.0.is_empty() {
            return Err(faults.0);
        }
        Ok(Resource {
            id: ResourceId::new(&self.id),
            name: self.name.clone(),
            scopes,
            detail_types,
            access_token_lifetime: self.access_token_lifetime,
            access_token_format,
            status: Status::Active,
        })
    }

    fn check_format(&self, faults: &mut Faults) -> AccessTokenFormat {
        let Some(text) = &self.access_token_format else { return AccessTokenFormat::default() };
        AccessTokenFormat::parse(text).unwrap_or_else(|| {
            let fix = format!("write {}", one_of(AccessTokenFormat::ALL.map(AccessTokenFormat::as_str)));
            faults.add("access_token_format", "AT-07", format!("{text:?} is not a form of access tokens"), fix);
            AccessTokenFormat::default()
        })
    }

    fn check_scopes(&self, faults: &mut Faults) -> Vec<ScopeDeclaration> {
        let mut scopes: Vec<ScopeDeclaration> = Vec::new();
        for (position, new) in self.scopes.iter().enumerate() {
            let at = format!("scopes[{position}]");
            faults.text(&format!("{at}.description"), &new.description, MAX_DESCRIPTION_CHARS);
            let field = format!("{at}.name");
            match Scope::parse(&new.name) {
                None => {
                    let fix = "write one word of printable ASCII without quote or backslash";
                    faults.add(field, "AUTHZ-12", format!("{:?} is not a scope", new.name), fix);
                }
                Some(scope) if scope.is_reserved() || OF_THE_SERVER.contains(&scope.as_str()) => {
                    let problem = format!("{:?} has a meaning of its own for the server", new.name);
                    faults.add(field, "AUTHZ-13", problem, "choose another name");
                }
                Some(scope) if scopes.iter().any(|known| known.name == scope) => {
                    faults.add(field, "AUTHZ-12", format!("{:?} is declared twice", new.name), "leave one out");
                }
                Some(name) => scopes.push(ScopeDeclaration { name, description: new.description.clone() }),
            }
        }
        scopes
    }
}

impl NewDetailType {
    fn check(
        &self,
        at: &str,
        resource: &str,
        loopback_http: LoopbackHttp,
        faults: &mut Faults,
    ) -> DetailTypeDeclaration {
        faults.word(&format!("{at}.name"), &self.name, MAX_TYPE_NAME_CHARS);
        faults.text(&format!("{at}.title"), &self.title, MAX_NAME_CHARS);
        if let Some(endpoint) = &self.things_endpoint {
            let field = format!("{at}.things_endpoint");
            if faults.web_address(&field, endpoint, loopback_http) && origin(endpoint) != origin(resource) {
                // The token that goes along is one the resource accepts: at another origin it would be a stolen one (W5).
                let problem =
                    format!("{endpoint:?} is not at the origin of the resource, and would get a token for it");
                faults.add(field, "AT-04", problem, format!("use an address that begins like {resource}"));
            }
        }
        DetailTypeDeclaration {
            name: DetailTypeName::new(&self.name),
            title: self.title.clone(),
            actions: self.check_actions(at, faults),
            fields: self.check_fields(at, faults),
            things_endpoint: self.things_endpoint.clone(),
        }
    }

    fn check_actions(&self, at: &str, faults: &mut Faults) -> Vec<ActionDeclaration> {
        let mut actions: Vec<ActionDeclaration> = Vec::new();
        for (position, new) in self.actions.iter().enumerate() {
            let at = format!("{at}.actions[{position}]");
            faults.word(&format!("{at}.name"), &new.name, MAX_NAME_CHARS);
            faults.text(&format!("{at}.description"), &new.description, MAX_DESCRIPTION_CHARS);
            if actions.iter().any(|known| known.name == new.name) {
                faults.add(
                    format!("{at}.name"),
                    "RAR-02",
                    format!("{:?} is declared twice", new.name),
                    "leave one out",
                );
            }
            actions.push(ActionDeclaration { name: new.name.clone(), description: new.description.clone() });
        }
        actions
    }

    fn check_fields(&self, at: &str, faults: &mut Faults) -> Vec<FieldDeclaration> {
        let mut fields: Vec<FieldDeclaration> = Vec::new();
        for (position, new) in self.fields.iter().enumerate() {
            let at = format!("{at}.fields[{position}]");
            faults.word(&format!("{at}.name"), &new.name, MAX_NAME_CHARS);
            faults.text(&format!("{at}.title"), &new.title, MAX_NAME_CHARS);
            if OF_EVERY_TYPE.contains(&new.name.as_str()) {
                let problem = format!("{:?} is a member with a meaning of its own (RFC 9396 §2.2)", new.name);
                faults.add(format!("{at}.name"), "RAR-02", problem, "choose another name");
            } else if fields.iter().any(|known| known.name == new.name) {
                faults.add(
                    format!("{at}.name"),
                    "RAR-02",
                    format!("{:?} is declared twice", new.name),
                    "leave one out",
                );
            }
            let kind = new.check_kind(&at, faults);
            fields.push(FieldDeclaration {
                name: new.name.clone(),
                title: new.title.clone(),
                kind,
                required: new.required,
            });
        }
        fields
    }
}

impl NewField {
    fn check_kind(&self, at: &str, faults: &mut Faults) -> FieldKind {
        let kind = match self.kind.as_deref().unwrap_or("text") {
            "text" => FieldKind::Text,
            "number" => FieldKind::Number,
            "flag" => FieldKind::Flag,
            "one_of" => {
                for (position, choice) in self.choices.iter().enumerate() {
                    let field = format!("{at}.choices[{position}]");
                    faults.text(&field, choice, MAX_NAME_CHARS);
                    if self.choices.iter().take(position).any(|earlier| earlier == choice) {
                        faults.add(field, "RAR-02", format!("{choice:?} is there twice"), "leave one out");
                    }
                }
                if self.choices.is_empty() {
                    faults.add(format!("{at}.choices"), "RAR-02", "is empty", "list what can be chosen");
                }
                return FieldKind::OneOf(self.choices.clone());
            }
            other => {
                let kinds = one_of(["text", "number", "flag", "one_of"]);
                let problem = format!("{other:?} is not a kind of field");
                faults.add(format!("{at}.kind"), "RAR-02", problem, format!("write {kinds}"));
                FieldKind::Text
            }
        };
        if !self.choices.is_empty() {
            faults.add(format!("{at}.choices"), "RAR-02", "is set, but the kind is not one_of", "set kind to one_of");
        }
        kind
    }
}

impl Faults {
    /// A name on the wire: printable ASCII, no space.
    fn word(&mut self, field: &str, text: &str, most_chars: usize) {
        if text.is_empty() || text.len() > most_chars || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let fix = format!("write 1 to {most_chars} printable ASCII characters without spaces");
            self.add(field, "RAR-02", format!("{text:?} cannot be a name on the wire"), fix);
        }
    }
}

fn origin(address: &str) -> Option<String> {
    Uri::parse(address).and_then(|uri| uri.origin())
}

/// Scopes that ask something of the authorization server itself.
const OF_THE_SERVER: &[&str] = &["offline_access", "openid"];
/// RFC 9396 §2: members that every type has.
const OF_EVERY_TYPE: &[&str] = &["type", "locations", "actions", "datatypes", "identifier", "privileges"];
/// AT-06.
const MAX_LIFETIME: i64 = crate::settings::LONGEST_ACCESS_TOKEN.0;
const MAX_DESCRIPTION_CHARS: usize = 200;
const MAX_TYPE_NAME_CHARS: usize = 128;
