//! What a client asks for, once it is known who asks and where the answer goes. Each refusal here travels by redirect.

use crate::details;
use crate::endpoint::Ledger;
use crate::facts::Facts;
use crate::names::{ResourceId, Scope, Scopes};
use crate::parameters::Parameters;
use crate::records::{Client, Detail, Resource, Status};
use crate::refusals::Refusal;
use crate::token::grant_type::GrantType;
use crate::token::pkce::CodeChallenge;
use crate::uri::Uri;

/// The parameters of this endpoint that may stand only once. `resource` alone may repeat (AUTHZ-03, RFC 8707 §2).
const ONCE: &[&str] = &[
    "response_type",
    "response_mode",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "authorization_details",
    "request",
    "request_uri",
];

/// A request that passed every check that needs no user.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) scopes: Scopes,
    pub(crate) resources: Vec<ResourceId>,
    pub(crate) details: Vec<Detail>,
    pub(crate) code_challenge: CodeChallenge,
}

impl Asked {
    /// The checks in the order of AUTHZ-29: response type, PKCE, scope, resource, details.
    pub(crate) fn judge(
        parameters: &Parameters,
        client: &Client,
        facts: &Facts,
        ledger: &mut Ledger,
    ) -> Result<Self, Refusal> {
        let resources = facts.resources.as_slice();
        let repeated = ONCE.iter().any(|name| parameters.repeats(name));
        ledger.ensure(!repeated, Refusal::AuthorizeParameterRepeated)?;
        // Never silently ignored: the client believes that its signature counts (JAR-09).
        ledger.ensure(parameters.get("request").is_none(), Refusal::RequestObjectUnsupported)?;
        ledger.ensure(parameters.get("request_uri").is_none(), Refusal::RequestUriUnsupported)?;
        response(parameters, client, ledger)?;
        let code_challenge = code_challenge(parameters, ledger)?;
        let wanted = scopes(parameters, client, facts, ledger)?;
        let active: Vec<&Resource> = resources.iter().filter(|resource| resource.status == Status::Active).collect();
        let named = named_resources(parameters, &active, ledger)?;
        let details = match parameters.get("authorization_details") {
            Some(text) => details::parse(text, client, resources, ledger)?,
            None => Vec::new(),
        };
        let resources = match named {
            Some(named) => {
                let meant = details.iter().all(|detail| named.contains(&detail.resource));
                ledger.ensure(meant, Refusal::DetailNotOfItsType)?;
                named
            }
            None => implied_resources(&wanted, &details, &active),
        };
        ledger.ensure(!resources.is_empty(), Refusal::ResourceMissing)?;
        // Scope is cut to what the resources define (RESIND-04), so that the page shows only what can be given.
        let defined = |scope: &Scope| {
            is_offline(scope)
                || active.iter().any(|resource| resources.contains(&resource.id) && resource.defines(scope))
        };
        let scopes = wanted.filtered(defined);
        // A page with nothing to tick could only be denied.
        let something = !details.is_empty() || scopes.iter().any(|scope| !is_offline(scope));
        ledger.ensure(something, Refusal::NothingAsked)?;
        Ok(Self { scopes, resources, details, code_challenge })
    }
}

fn response(parameters: &Parameters, client: &Client, ledger: &mut Ledger) -> Result<(), Refusal> {
    let response_type = ledger.require(parameters.get("response_type"), Refusal::ResponseTypeMissing)?;
    ledger.ensure(response_type == "code", Refusal::ResponseTypeUnsupported)?;
    let registered = client.grant_types.contains(&GrantType::AuthorizationCode);
    ledger.ensure(registered, Refusal::ResponseTypeUnregistered)?;
    let mode = parameters.get("response_mode");
    ledger.ensure(mode.is_none_or(|mode| mode == "query"), Refusal::ResponseModeUnsupported)
}

fn code_challenge(parameters: &Parameters, ledger: &mut Ledger) -> Result<CodeChallenge, Refusal> {
    let challenge = ledger.require(parameters.get("code_challenge"), Refusal::CodeChallengeMissing)?;
    let method = parameters.get("code_challenge_method");
    ledger.ensure(method == Some("S256"), Refusal::CodeChallengeMethodUnsupported)?;
    ledger.require(CodeChallenge::parse(challenge), Refusal::CodeChallengeMalformed)
}

/// AUTHZ-12 … 15: unknown scopes are left out, `offline_access` silently so; any other the client may not have refuses.
fn scopes(parameters: &Parameters, client: &Client, facts: &Facts, ledger: &mut Ledger) -> Result<Scopes, Refusal> {
    let Some(text) = parameters.get("scope") else {
        let allowed = |scope: &Scope| client.scopes.contains(scope) && (!is_offline(scope) || client.may_act_alone());
        let default = client.default_scopes.filtered(allowed);
        // Details alone are a complete request (RFC 9396 §3.1).
        let something = !default.is_empty() || parameters.get("authorization_details").is_some();
        ledger.ensure(something, Refusal::ScopeMissing)?;
        return Ok(default);
    };
    let asked = ledger.require(Scopes::parse(text), Refusal::ScopeMalformed)?;
    let known = |scope: &Scope| {
        facts.resources.iter().any(|resource| resource.defines(scope))
            || facts.scopes_elsewhere.contains(scope)
            || client.scopes.contains(scope)
    };
    let known = asked.filtered(|scope| known(scope) && !is_offline(scope));
    ledger.ensure(known.is_within(&client.scopes), Refusal::ScopeNotAllowed)?;
    Ok(asked.filtered(|scope| known.contains(scope) || (is_offline(scope) && client.may_act_alone())))
}

fn is_offline(scope: &Scope) -> bool {
    *scope == Scope::offline_access()
}

/// RESIND-01, RESIND-02. `None` if no resource was named.
fn named_resources(
    parameters: &Parameters,
    allowed: &[&Resource],
    ledger: &mut Ledger,
) -> Result<Option<Vec<ResourceId>>, Refusal> {
    let mut named = Vec::new();
    for text in parameters.all("resource") {
        let absolute = Uri::parse(text).is_some_and(|uri| uri.fragment.is_none());
        ledger.ensure(absolute, Refusal::ResourceMalformed)?;
        let resource = allowed.iter().find(|resource| resource.id.as_str() == text);
        let resource = ledger.require(resource, Refusal::ResourceUnknown)?;
        if !named.contains(&resource.id) {
            named.push(resource.id.clone());
        }
    }
    Ok((!named.is_empty()).then_some(named))
}

/// The documented default (RESIND-05): those of the client's resources that define what is asked for; else its first.
fn implied_resources(wanted: &Scopes, details: &[Detail], allowed: &[&Resource]) -> Vec<ResourceId> {
    let meant = |resource: &&&Resource| {
        wanted.iter().any(|scope| resource.defines(scope))
            || details.iter().any(|detail| detail.resource == resource.id)
    };
    let mut implied: Vec<ResourceId> = allowed.iter().filter(meant).map(|resource| resource.id.clone()).collect();
    if implied.is_empty() {
        implied.extend(allowed.first().map(|resource| resource.id.clone()));
    }
    implied
}
