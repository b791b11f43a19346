//! Grants, and what hangs from them: record ↔ row.

use grantd_protocol::names::{AccessTokenId, ClientId, GrantId, Issuer, ResourceId, Scopes};
use grantd_protocol::records::{
    Code, Consent, Detail, Ended, EndedThing, Given, Grant, GrantState, OpaqueAccessToken, Redemption, RefreshToken,
    Spending,
};
use grantd_tokens::{Digest, Time};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{Row, Value, json, record, word};
use crate::fault::StoreFault;

pub(crate) const GRANTS: &str = "grants";
pub(crate) const CODES: &str = "codes";
pub(crate) const REFRESH_TOKENS: &str = "refresh_tokens";
pub(crate) const ACCESS_TOKENS: &str = "access_tokens";
pub(crate) const ENDED: &str = "ended";
pub(crate) const CONSENTS: &str = "consents";

// ---- grants ----

pub(crate) fn grant_values(issuer: &Issuer, grant: &Grant) -> Result<Vec<Value>, StoreFault> {
    let (revoked_at, because) = match grant.state {
        GrantState::Standing => (None, None),
        GrantState::Revoked { at, because } => (Some(at), Some(word(GRANTS, &because)?)),
    };
    Ok(vec![
        issuer.as_str().into(),
        grant.id.as_str().into(),
        grant.user.as_str().into(),
        grant.client.as_str().into(),
        grant.session.into(),
        word(GRANTS, &grant.presence)?,
        grant.created_at.into(),
        grant.expires_at.into(),
        revoked_at.into(),
        because.unwrap_or(Value::Null),
        grant.last_used_at.into(),
        grant.narrowings.into(),
        record(GRANTS, grant, &["given", "last_used_at", "narrowings", "state"])?,
    ])
}

/// What is left of a grant from which something was taken back: its own column stands before what the record says.
pub(crate) fn remaining(scopes: &Scopes, resources: &[ResourceId], details: &[Detail]) -> Result<Value, StoreFault> {
    let left = [
        ("scopes", json(GRANTS, scopes)?),
        ("resources", json(GRANTS, &resources)?),
        ("details", json(GRANTS, &details)?),
    ];
    let members: Map<String, Json> = left.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Value::Text(Json::Object(members).to_string()))
}

pub(crate) fn grant(mut row: Row) -> Result<Grant, StoreFault> {
    let state = match (row.optional_time()?, row.optional_text()?) {
        (None, _) => GrantState::Standing,
        (Some(at), Some(because)) => GrantState::Revoked { at, because: row.word(because)? },
        (Some(_), None) => return Err(row.corrupt("a revoked grant says no reason")),
    };
    let last_used_at = row.optional_integer()?;
    let narrowings = row.integer::<u32>()?;
    let remaining = row.optional_text()?;
    let text = row.text()?;
    let nothing = Given { scopes: Scopes::default(), details: Vec::new() };
    let members = vec![
        ("given", json(GRANTS, &nothing)?),
        ("last_used_at", last_used_at.unwrap_or_default().into()),
        ("narrowings", narrowings.into()),
        ("state", json(GRANTS, &state)?),
    ];
    let mut grant: Grant = row.whole(&text, members)?;
    // A row from before this was counted: not since it was given.
    if last_used_at.is_none() {
        grant.last_used_at = grant.created_at;
    }
    // A row from before this was kept: the first one of those that the grant was given for, whatever was taken back since.
    if !text.contains(DEFAULT_RESOURCE) {
        grant.default_resource = grant.resources.first().cloned();
    }
    // The record is written once, so it says what the grant was given for.
    grant.given = Given { scopes: grant.scopes.clone(), details: grant.details.clone() };
    if let Some(remaining) = remaining {
        let Remaining { scopes, resources, details } =
            serde_json::from_str(&remaining).map_err(|_| row.corrupt("what is left of it is not a JSON object"))?;
        (grant.scopes, grant.resources, grant.details) = (scopes, resources, details);
    }
    Ok(grant)
}

/// How the member is written. No text inside a JSON string looks like it: its quotes would be escaped.
const DEFAULT_RESOURCE: &str = "\"default_resource\":";

/// What [`remaining`] wrote.
#[derive(Deserialize)]
struct Remaining {
    scopes: Scopes,
    resources: Vec<ResourceId>,
    details: Vec<Detail>,
}

/// The id of a grant, as it stands in a column.
pub(crate) fn grant_id(mut row: Row) -> Result<GrantId, StoreFault> {
    Ok(GrantId::new(row.text()?))
}

/// A grant that a sweep found, and the session it was given in (as it stands in the column).
pub(crate) fn swept_grant(mut row: Row) -> Result<(GrantId, String), StoreFault> {
    Ok((GrantId::new(row.text()?), row.text()?))
}

// ---- codes and consents ----

pub(crate) fn code_values(issuer: &Issuer, code: &Code) -> Result<Vec<Value>, StoreFault> {
    let (lapses_at, redeemed_at) = match code.redemption {
        Redemption::Pending => (Some(code.expires_at), None),
        Redemption::Redeemed { at } => (None, Some(at)),
    };
    Ok(vec![
        issuer.as_str().into(),
        code.hash.into(),
        code.grant.as_str().into(),
        lapses_at.into(),
        u32::from(code.wrong_verifiers).into(),
        redeemed_at.into(),
        record(CODES, code, &["wrong_verifiers", "redemption"])?,
    ])
}

pub(crate) fn code(mut row: Row) -> Result<Code, StoreFault> {
    let wrong_verifiers = row.integer::<u8>()?;
    let redemption = row.optional_time()?.map_or(Redemption::Pending, |at| Redemption::Redeemed { at });
    row.record(vec![("wrong_verifiers", wrong_verifiers.into()), ("redemption", json(CODES, &redemption)?)])
}

pub(crate) fn consent_values(issuer: &Issuer, consent: &Consent) -> Result<Vec<Value>, StoreFault> {
    Ok(vec![
        issuer.as_str().into(),
        consent.user.as_str().into(),
        consent.client.as_str().into(),
        consent.given_at.into(),
        record(CONSENTS, consent, &[])?,
    ])
}

pub(crate) fn consent(row: Row) -> Result<Consent, StoreFault> {
    row.record(Vec::new())
}

// ---- refresh tokens: there are many, so what stands in a column is not said twice ----

pub(crate) fn refresh_token_values(issuer: &Issuer, token: &RefreshToken) -> Result<Vec<Value>, StoreFault> {
    let (spent_at, successor, superseded_by) = match token.spending {
        Spending::Unspent => (None, None, None),
        Spending::Spent { at, successor } => (Some(at), Some(successor), None),
        Spending::Superseded { at, by } => (Some(at), None, Some(by)),
    };
    Ok(vec![
        issuer.as_str().into(),
        token.hash.into(),
        token.grant.as_str().into(),
        token.family.into(),
        spent_at.into(),
        successor.into(),
        superseded_by.into(),
        record(REFRESH_TOKENS, token, &["hash", "grant", "family", "spending"])?,
    ])
}

pub(crate) fn refresh_token(mut row: Row) -> Result<RefreshToken, StoreFault> {
    let (hash, grant, family) = (row.text()?, row.text()?, optional_digest(&mut row)?);
    let spent_at = row.optional_time()?;
    let (successor, superseded_by) = (optional_digest(&mut row)?, optional_digest(&mut row)?);
    let spending = match (spent_at, successor, superseded_by) {
        (None, _, _) => Spending::Unspent,
        (Some(at), Some(successor), None) => Spending::Spent { at, successor },
        (Some(at), None, Some(by)) => Spending::Superseded { at, by },
        _ => return Err(row.corrupt("a spent token has no successor, or two")),
    };
    row.record(vec![
        ("hash", hash.into()),
        ("grant", grant.into()),
        ("family", json(REFRESH_TOKENS, &family)?),
        ("spending", json(REFRESH_TOKENS, &spending)?),
    ])
}

fn optional_digest(row: &mut Row) -> Result<Option<Digest>, StoreFault> {
    let Some(text) = row.optional_text()? else { return Ok(None) };
    Digest::parse(&text).map(Some).ok_or_else(|| row.corrupt("not a digest"))
}

// ---- access tokens, and what ended ----

pub(crate) fn access_token_values(issuer: &Issuer, token: &OpaqueAccessToken) -> Result<Vec<Value>, StoreFault> {
    Ok(vec![
        issuer.as_str().into(),
        token.hash.into(),
        token.grant.as_ref().map(GrantId::as_str).into(),
        token.claims.exp.into(),
        record(ACCESS_TOKENS, token, &["hash", "grant"])?,
        token.claims.client_id.as_str().into(),
        token.claims.jti.as_str().into(),
    ])
}

pub(crate) fn access_token(mut row: Row) -> Result<OpaqueAccessToken, StoreFault> {
    let (hash, grant) = (row.text()?, row.optional_text()?);
    row.record(vec![("hash", hash.into()), ("grant", grant.into())])
}

/// How a thing that ended is named in its columns.
pub(crate) fn kind_and_id(thing: &EndedThing) -> [Value; 2] {
    let (kind, id) = match thing {
        EndedThing::AccessToken(id) => (KIND_ACCESS_TOKEN, id.as_str()),
        EndedThing::Client(id) => (KIND_CLIENT, id.as_str()),
    };
    [kind.into(), id.into()]
}

const KIND_ACCESS_TOKEN: &str = "access_token";
const KIND_CLIENT: &str = "client";

/// The kind of an access token, and between which names those of a grant lie: each begins with the grant's id and a dot.
pub(crate) fn ended_access_tokens_of(grant: &GrantId) -> [Value; 3] {
    // The character after the dot is the slash.
    [KIND_ACCESS_TOKEN.into(), format!("{grant}.").into(), format!("{grant}/").into()]
}

pub(crate) fn ended_values(issuer: &Issuer, thing: &EndedThing, at: Time, until: Time) -> Vec<Value> {
    let [kind, id] = kind_and_id(thing);
    vec![issuer.as_str().into(), kind, id, at.into(), until.into()]
}

pub(crate) fn ended(mut row: Row) -> Result<Ended, StoreFault> {
    let (kind, id) = (row.text()?, row.text()?);
    let thing = match kind.as_str() {
        KIND_ACCESS_TOKEN => EndedThing::AccessToken(AccessTokenId::new(id)),
        KIND_CLIENT => EndedThing::Client(ClientId::new(id)),
        _ => return Err(row.corrupt("nothing of this kind can end")),
    };
    Ok(Ended { thing, at: Time(row.integer()?), until: Time(row.integer()?) })
}
