//! What an application may do, line by line: the union of all that the user granted to it. The page shows these lines, and the
//! form that comes back names them.

use grantd_tokens::{Digest, Time};
use serde_json::json;

use crate::facts::Holdings;
use crate::names::{ResourceId, Scope};
use crate::records::{Client, Detail, Grant, GrantState, NamedThing, Presence, Resource, Thing};

/// An application, and what it may do for the user. Its grants are shown as one: nobody remembers how often they were asked.
#[derive(Clone, Debug)]
pub struct Application {
    /// Who. Its name is its own word: text, never markup (CONSENT-06).
    pub client: Client,
    /// Since when it may do anything.
    pub since: Time,
    /// When something was last issued to it.
    pub last_used_at: Time,
    /// When the last of it ends by itself.
    pub until: Time,
    /// Whether any of it outlives the session in which it was given.
    pub presence: Presence,
    /// Where it may do what.
    pub resources: Vec<HeldAt>,
}

/// What an application may do at one resource.
#[derive(Clone, Debug)]
pub struct HeldAt {
    /// The resource.
    pub resource: Resource,
    /// The scopes it defines. One that two resources define is one choice, and stands at the first of them.
    pub scopes: Vec<Scope>,
    /// The things.
    pub things: Vec<HeldThing>,
}

/// One thing that an application may use.
#[derive(Clone, Debug)]
pub struct HeldThing {
    /// Names the line in the form. It depends on nothing but the thing, so it names the same line whatever else is granted or
    /// taken back between page and form.
    pub key: String,
    /// The thing, with everything that may be done with it.
    pub detail: Detail,
    /// As its owner knew it when they last let this application use it; `None` if the resource did not say, or has none to name.
    pub thing: Option<Thing>,
}

/// Every application that may do something now, the one that was given something last first.
pub(super) fn applications(holdings: &Holdings, now: Time) -> Vec<Application> {
    let mut applications: Vec<Application> = Vec::new();
    for grant in standing(holdings, now) {
        let known = applications.iter().any(|application| application.client.id == grant.client);
        let client = holdings.clients.iter().find(|client| client.id == grant.client);
        if let (Some(client), false) = (client, known) {
            let grants: Vec<&Grant> = standing(holdings, now).filter(|grant| grant.client == client.id).collect();
            applications.push(application(client, grant, &grants, &holdings.resources));
        }
    }
    applications
}

/// The grants that are good for something: a sweep may not have removed the others yet.
pub(super) fn standing(holdings: &Holdings, now: Time) -> impl Iterator<Item = &Grant> {
    holdings.grants.iter().filter(move |grant| grant.state == GrantState::Standing && !now.is_past(grant.expires_at))
}

fn application(client: &Client, newest: &Grant, grants: &[&Grant], resources: &[Resource]) -> Application {
    let lasts = grants.iter().any(|grant| grant.presence == Presence::Offline);
    Application {
        client: client.clone(),
        since: grants.iter().map(|grant| grant.created_at).min().unwrap_or(newest.created_at),
        last_used_at: grants.iter().map(|grant| grant.last_used_at).max().unwrap_or(newest.last_used_at),
        until: grants.iter().map(|grant| grant.expires_at).max().unwrap_or(newest.expires_at),
        presence: if lasts { Presence::Offline } else { Presence::WhileSignedIn },
        resources: held_at(grants, resources),
    }
}

/// Resource by resource. One that is not registered any more has no lines: no token is issued for it.
fn held_at(grants: &[&Grant], resources: &[Resource]) -> Vec<HeldAt> {
    let mut ids: Vec<&ResourceId> = Vec::new();
    for id in grants.iter().flat_map(|grant| &grant.resources) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut shown: Vec<Scope> = Vec::new();
    let known = ids.into_iter().filter_map(|id| resources.iter().find(|resource| resource.id == *id));
    known
        .map(|resource| {
            let of_it: Vec<&Grant> =
                grants.iter().copied().filter(|grant| grant.resources.contains(&resource.id)).collect();
            let mut scopes: Vec<Scope> = Vec::new();
            for scope in of_it.iter().flat_map(|grant| &grant.scopes).filter(|scope| resource.defines(scope)) {
                if !shown.contains(scope) {
                    shown.push(scope.clone());
                    scopes.push(scope.clone());
                }
            }
            HeldAt { resource: resource.clone(), scopes, things: things_at(&of_it, resource) }
        })
        .collect()
}

/// Each thing once, with the actions of all grants.
fn things_at(grants: &[&Grant], resource: &Resource) -> Vec<HeldThing> {
    let mut things: Vec<HeldThing> = Vec::new();
    let details = grants.iter().flat_map(|grant| &grant.details);
    let names = || grants.iter().flat_map(|grant| &grant.names);
    for detail in details.filter(|detail| detail.resource == resource.id) {
        let key = key(detail);
        match things.iter_mut().find(|thing| thing.key == key) {
            None => {
                let thing = names().find(|name| names_thing(name, detail)).map(|name| name.thing.clone());
                things.push(HeldThing { key, detail: detail.clone(), thing });
            }
            Some(thing) => {
                let more = detail.actions.iter().filter(|action| !thing.detail.actions.contains(action)).cloned();
                let more: Vec<String> = more.collect();
                thing.detail.actions.extend(more);
            }
        }
    }
    things
}

fn names_thing(name: &NamedThing, detail: &Detail) -> bool {
    name.resource == detail.resource
        && name.type_name == detail.type_name
        && detail.identifier.as_ref() == Some(&name.thing.identifier)
}

/// Names the thing that a detail is about, whatever may be done with it. A digest: no client and no resource can make one thing's
/// key equal another's.
pub(super) fn key(detail: &Detail) -> String {
    let Detail { resource, type_name, actions: _, identifier, fields } = detail;
    let thing = json!([resource.as_str(), type_name.as_str(), identifier, fields]);
    Digest::of(thing.to_string().as_bytes()).to_base64url()
}
