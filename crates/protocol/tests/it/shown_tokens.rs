//! Tokens in both forms, shown by whoever holds them to be ended or to be told about.

use std::sync::{Arc, LazyLock};

use grantd_protocol::endpoint::Refused;
use grantd_protocol::introspection::{Introspected, IntrospectionRequest};
use grantd_protocol::names::{Network, ResourceId};
use grantd_protocol::records::AccessTokenFormat;
use grantd_protocol::refusals::Refusal;
use grantd_protocol::revocation::RevocationRequest;
use grantd_protocol::token::{Form as TokenForm, Issued};
use grantd_tokens::{Algorithm, JwkSet, PrivateKey, Secret};

use crate::forms_of_the_wire::{Form, TokenCall};
use crate::town::{CALENDAR, LOCKBOXES, SERVICE, WEB};
use crate::world::World;

/// The client that is the server of the lockbox API.
pub(crate) const API: &str = SERVICE;

/// What this server signs with.
pub(crate) static KEY: LazyLock<Arc<PrivateKey>> =
    LazyLock::new(|| Arc::new(PrivateKey::generate(Algorithm::Es256).unwrap()));

pub(crate) const FORMS: [AccessTokenFormat; 2] = [AccessTokenFormat::Jwt, AccessTokenFormat::Opaque];

/// A world in which [`API`] asks about the tokens of the lockbox API, which look like this.
pub(crate) fn world_with(form: AccessTokenFormat) -> World {
    let mut world = World::new();
    world.keys = JwkSet::new(vec![KEY.jwk().clone()]).unwrap();
    world.edit_client(API, |client| client.introspects = vec![ResourceId::new(LOCKBOXES)]);
    for resource in [LOCKBOXES, CALENDAR] {
        world.edit_resource(resource, |resource| resource.access_token_format = form);
    }
    world
}

/// The access token as it goes over the wire.
pub(crate) fn written(issued: &Issued) -> Secret {
    match &issued.form {
        TokenForm::Signed(_) => Secret::new(issued.access_token.mint(&KEY).unwrap()),
        TokenForm::Opaque(token) => token.clone(),
    }
}

/// What Alice lets `WEB` have.
pub(crate) fn issued(world: &mut World, scope: &str) -> Issued {
    let code = world.approve(WEB, scope);
    world.redeem(WEB, &code).unwrap()
}

/// What a client has for itself.
pub(crate) fn issued_to(world: &mut World, client: &str) -> Issued {
    let form = Form::new(&[("grant_type", "client_credentials"), ("scope", "boxes:list")]);
    world.token(&world.call_of(client, form)).unwrap()
}

/// A request of this client, with its proof, about this token.
pub(crate) fn showing(world: &World, client: &str, token: &Secret) -> TokenCall {
    world.call_of(client, Form::new(&[("token", token.expose())]))
}

pub(crate) fn introspection(call: &TokenCall) -> Result<IntrospectionRequest, Refusal> {
    parsed(call, IntrospectionRequest::parse)
}

pub(crate) fn revocation(call: &TokenCall) -> Result<RevocationRequest, Refusal> {
    parsed(call, RevocationRequest::parse)
}

type Parse<T> = fn(Option<&[u8]>, Option<&[u8]>, &[u8], Network) -> Result<T, Refusal>;

fn parsed<T>(call: &TokenCall, parse: Parse<T>) -> Result<T, Refusal> {
    let authorization = call.authorization.as_ref().map(String::as_bytes);
    parse(None, authorization, call.form.encoded().as_bytes(), call.network.clone())
}

pub(crate) fn introspect(world: &mut World, caller: &str, token: &Secret) -> Result<Introspected, Refused> {
    let request = introspection(&showing(world, caller, token))?;
    world.run(&request)
}

/// Why the token is not active, if it is not.
pub(crate) fn why_not(world: &mut World, caller: &str, token: &Secret) -> Option<Refusal> {
    match introspect(world, caller, token).unwrap() {
        Introspected::Active(_) => None,
        Introspected::Inactive(refusal) => Some(refusal),
    }
}

pub(crate) fn revoke(world: &mut World, client: &str, token: &Secret) -> Result<(), Refused> {
    let request = revocation(&showing(world, client, token))?;
    world.run(&request)
}
