//! Decision → events. A refresh that simply works makes none: there are too many, and the grant says when it was last used.

use grantd_tokens::{Random, Time};
use serde::Serialize;
use serde_json::Value;

use crate::changes::Change;
use crate::endpoint::Refused;
use crate::facts::Facts;
use crate::names::{GrantId, ResourceId, UserId};
use crate::records::{AttemptKey, Grant, Presence, Revocation, Status};
use crate::refusals::Refusal;

use super::{Event, EventId, EventKind, Note, Source};

/// All that is known of what happened.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What is written.
    pub changes: &'a [Change],
    /// What was noticed.
    pub notes: &'a [Note],
    /// What was refused.
    pub refused: Option<&'a Refused>,
    /// What was known before.
    pub facts: &'a Facts,
    /// What set it off.
    pub source: Source,
    /// How far into its second it was decided (microseconds): events of one second are found in this order.
    pub within_second: u32,
}

/// The events of what happened at once, in their order. What is told twice over, as a note and as a change or a refusal, is one
/// event with the evidence of both.
pub fn of(told: &Told<'_>, now: Time, random: &mut dyn Random) -> Vec<Event> {
    let mut said: Vec<Note> = Vec::new();
    let noticed = told.notes.iter().cloned().map(|note| about_the_request(note, told.facts));
    let changed = told.changes.iter().filter_map(|change| of_change(change, told.facts));
    let refused = told.refused.map(|refused| of_refusal(refused, told.facts));
    for note in noticed.chain(changed).chain(refused) {
        match said.iter_mut().find(|before| is_the_same(before, &note)) {
            Some(before) => join(before, note),
            None => said.push(note),
        }
    }
    let from = told.changes.iter().find_map(network_of);
    if said.is_empty() {
        return Vec::new();
    }
    let from_there = |note: Note| match &from {
        Some(network) if is_about_presence(note.kind) && !says(&note, "from") => note.with("from", network.as_str()),
        _ => note,
    };
    let named = said.into_iter().map(from_there).zip(EventId::several(told.within_second, random));
    named.map(|(note, id)| Event::from_note(note, id, now, told.source)).collect()
}

fn is_the_same(one: &Note, other: &Note) -> bool {
    use EventKind::{AccessTokenEnded, RefreshRaced, RefreshRetried};
    let is_told_twice = match other.kind {
        // Whoever is answered again loses what the first answer carried: its `jti` is evidence of the retry.
        AccessTokenEnded => matches!(one.kind, RefreshRetried | RefreshRaced),
        kind => one.kind == kind,
    };
    is_told_twice && one.grant.as_ref().zip(other.grant.as_ref()).is_none_or(|(one, other)| one == other)
}

fn join(before: &mut Note, note: Note) {
    before.user = before.user.take().or(note.user);
    before.client = before.client.take().or(note.client);
    before.grant = before.grant.take().or(note.grant);
    before.refusal = before.refusal.or(note.refusal);
    for (name, value) in note.evidence {
        if !says(before, name) {
            before.evidence.push((name, value));
        }
    }
}

fn says(note: &Note, name: &str) -> bool {
    note.evidence.iter().any(|(said, _)| *said == name)
}

/// Where a sign-in or a wrong secret came from stands in what is counted of it.
fn network_of(change: &Change) -> Option<String> {
    let (Change::CountAttempt { key, .. } | Change::ForgetAttempts { key }) = change else { return None };
    match key {
        AttemptKey::AccountFrom(_, network) | AttemptKey::Network(network) | AttemptKey::ClientFrom(_, network) => {
            Some(network.as_str().to_owned())
        }
        AttemptKey::Account(_) | AttemptKey::Everyone(_) => None,
    }
}

fn is_about_presence(kind: EventKind) -> bool {
    use EventKind::{ClientAuthenticationFailed, SignInFailed, SignedIn, Throttled};
    matches!(kind, SignedIn | SignInFailed | Throttled | ClientAuthenticationFailed)
}

fn of_refusal(refused: &Refused, facts: &Facts) -> Note {
    let refusal = refused.refusal;
    let mut note = about_the_request(Note::new(kind_of(refusal)), facts);
    note.grant = facts.grant.as_ref().map(|grant| grant.id.clone());
    note.refusal = Some(refusal);
    if let Some(evidence) = &refused.evidence {
        note = note.with("parameter", evidence.what).with("sent", evidence.sent.clone());
        note = note.with("accepted", evidence.accepted.join(" "));
    }
    note
}

/// Whose request it was. Never the name that somebody typed: people type passwords there.
fn about_the_request(mut note: Note, facts: &Facts) -> Note {
    note.user = note.user.or_else(|| facts.user.as_ref().map(|user| user.id.clone()));
    note.client = note.client.or_else(|| facts.client.as_ref().map(|client| client.id.clone()));
    note
}

fn kind_of(refusal: Refusal) -> EventKind {
    match refusal {
        Refusal::SignInFailed => EventKind::SignInFailed,
        Refusal::SignInThrottled | Refusal::ClientThrottled => EventKind::Throttled,
        Refusal::WrongSecret
        | Refusal::WrongMethod
        | Refusal::NoSuchClient
        | Refusal::SecretReplaced
        | Refusal::ClientDisabled => EventKind::ClientAuthenticationFailed,
        Refusal::UserDenied => EventKind::ConsentDenied,
        Refusal::CodeReplayed => EventKind::CodeReplayed,
        Refusal::RefreshTokenReused => EventKind::RefreshTokenReused,
        _ => EventKind::Refused,
    }
}

fn of_change(change: &Change, facts: &Facts) -> Option<Note> {
    of_change_to_presence(change, facts)
        .or_else(|| of_change_to_grants(change, facts))
        .or_else(|| of_change_to_clients_and_resources(change, facts))
        .or_else(|| of_change_to_users(change))
}

fn of_change_to_presence(change: &Change, facts: &Facts) -> Option<Note> {
    Some(match change {
        Change::AddSession { session, .. } => {
            about_the_request(Note::new(EventKind::SignedIn).of_user(&session.user), facts)
        }
        Change::EndSession { session, .. } => {
            let note = Note::new(EventKind::SignedOut);
            let held = [&facts.session, &facts.grant_session].into_iter().flatten().find(|held| held.id == *session);
            match held {
                Some(held) => note.of_user(&held.user),
                None => note,
            }
        }
        Change::EndOtherSessions { user, .. } => Note::new(EventKind::OtherSessionsEnded).of_user(user),
        _ => return None,
    })
}

fn of_change_to_grants(change: &Change, facts: &Facts) -> Option<Note> {
    Some(match change {
        Change::KeepConsent(consent) => Note::new(EventKind::ConsentGiven)
            .of_user(&consent.user)
            .of_client(&consent.client)
            .with("scopes", consent.scopes.to_string())
            .with("resources", listed(&consent.resources)),
        Change::ForgetConsent { user, client } => {
            Note::new(EventKind::ConsentForgotten).of_user(user).of_client(client)
        }
        Change::AddGrant(grant) => Note::new(EventKind::Granted)
            .about(grant)
            .with("scopes", grant.scopes.to_string())
            .with("resources", listed(&grant.resources))
            .with("things", grant.details.len().to_string())
            .with("lasts", lasts(grant.presence)),
        Change::NarrowGrant { grant, scopes, resources, details, .. } => {
            on_grant(EventKind::AccessNarrowed, grant, facts)
                .with("scopes_left", scopes.to_string())
                .with("resources_left", listed(resources))
                .with("things_left", details.len().to_string())
        }
        Change::RevokeGrant { grant, because, .. } => {
            on_grant(kind_of_end(*because), grant, facts).with("because", word(because))
        }
        Change::EndAccess { user, client, because, .. } => {
            let note = Note::new(EventKind::AccessEnded).of_user(user).with("because", word(because));
            match client {
                Some(client) => note.of_client(client),
                None => note.with("clients", "all"),
            }
        }
        Change::EndAccessToken { token, .. } => {
            let kind = EventKind::AccessTokenEnded;
            let note = token.id.grant().map_or_else(|| Note::new(kind), |grant| on_grant(kind, &grant, facts));
            about_the_request(note, facts).with("jti", token.id.as_str())
        }
        _ => return None,
    })
}

fn kind_of_end(because: Revocation) -> EventKind {
    match because {
        Revocation::CodeReplayed => EventKind::CodeReplayed,
        Revocation::RefreshTokenReused => EventKind::RefreshTokenReused,
        Revocation::GivenBack => EventKind::TokenGivenBack,
        Revocation::SignedOut
        | Revocation::CredentialsChanged
        | Revocation::ClientRemoved
        | Revocation::ClientDisabled
        | Revocation::EndedByUser
        | Revocation::EndedByOperator
        | Revocation::Restored => EventKind::GrantRevoked,
    }
}

fn on_grant(kind: EventKind, id: &GrantId, facts: &Facts) -> Note {
    let known = facts.grant.iter().chain(&facts.holdings.grants).find(|grant: &&Grant| grant.id == *id);
    known.map_or_else(|| Note::new(kind).of_grant(id), |grant| Note::new(kind).about(grant))
}

fn of_change_to_clients_and_resources(change: &Change, facts: &Facts) -> Option<Note> {
    Some(match change {
        Change::PutClient(client) => {
            let before = facts.client.as_ref().filter(|before| before.id == client.id);
            put(EventKind::ClientAdded, EventKind::ClientChanged, before, client)?.of_client(&client.id)
        }
        Change::SetClientStatus { client, status: Status::Disabled, .. } => {
            Note::new(EventKind::ClientDisabled).of_client(client)
        }
        Change::SetClientStatus { client, status: Status::Active, .. } => {
            Note::new(EventKind::ClientEnabled).of_client(client)
        }
        Change::RemoveClient { client, .. } => Note::new(EventKind::ClientRemoved).of_client(client),
        Change::PutResource(resource) => {
            let before = facts.resources.iter().find(|before| before.id == resource.id);
            put(EventKind::ResourceAdded, EventKind::ResourceChanged, before, resource)?
                .with("resource", resource.id.as_str())
        }
        Change::RemoveResource { resource } => {
            Note::new(EventKind::ResourceRemoved).with("resource", resource.as_str())
        }
        _ => return None,
    })
}

/// What is put in place of something names the members that differ, and no values: secrets are among them. The same again is
/// no event.
fn put<T: Serialize + PartialEq>(added: EventKind, changed: EventKind, before: Option<&T>, after: &T) -> Option<Note> {
    match before {
        None => Some(Note::new(added)),
        Some(before) if before == after => None,
        Some(before) => Some(Note::new(changed).with("changed", differing(before, after))),
    }
}

fn differing<T: Serialize>(before: &T, after: &T) -> String {
    let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return String::new();
    };
    let names = after.iter().filter(|(name, value)| before.get(*name) != Some(*value)).map(|(name, _)| name.as_str());
    names.collect::<Vec<_>>().join(" ")
}

fn of_change_to_users(change: &Change) -> Option<Note> {
    let (kind, user): (EventKind, &UserId) = match change {
        Change::AddUser { user, .. } => (EventKind::UserAdded, &user.id),
        Change::SetPassword { user, .. } => (EventKind::PasswordSet, user),
        Change::SetUserStatus { user, status: Status::Disabled, .. } => (EventKind::UserDisabled, user),
        Change::SetUserStatus { user, status: Status::Active, .. } => (EventKind::UserEnabled, user),
        Change::RemoveUser { user, .. } => (EventKind::UserRemoved, user),
        _ => return None,
    };
    Some(Note::new(kind).of_user(user))
}

fn lasts(presence: Presence) -> &'static str {
    match presence {
        Presence::WhileSignedIn => "while signed in",
        Presence::Offline => "also when the user is away",
    }
}

fn listed(resources: &[ResourceId]) -> String {
    resources.iter().map(ResourceId::as_str).collect::<Vec<_>>().join(" ")
}

/// The word that serde gives a variant without data.
fn word(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
