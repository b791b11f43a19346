//! A grant and what hangs on it, for people and for machines. Never a token, nor a digest that a token could be found by.

use std::collections::BTreeMap;

use grantd_protocol::details;
use grantd_protocol::names::{UserId, Username};
use grantd_protocol::records::{
    Code, Detail, EndedThing, Grant, GrantState, IssuedAccessToken, OpaqueAccessToken, Presence, Redemption,
    RefreshToken, Revocation, Spending,
};
use grantd_store::{LINEAGE_SHOWN, Lineage};
use grantd_tokens::Time;
use serde_json::{Value, json};

use crate::commands::console::{Fields, date};
use crate::commands::failure::Failure;
use crate::commands::workplace::Workplace;

/// The names that users sign in with, of those who were not removed.
#[derive(Default)]
pub(in crate::commands) struct Usernames(BTreeMap<UserId, Username>);

impl Usernames {
    pub(in crate::commands) async fn of(at: &Workplace, grants: &[Grant]) -> Result<Self, Failure> {
        let mut names = BTreeMap::new();
        for grant in grants {
            if !names.contains_key(&grant.user)
                && let Some(user) = at.store.user(at.issuer(), &grant.user).await?
            {
                names.insert(user.id, user.username);
            }
        }
        Ok(Self(names))
    }

    /// The username; of a user who was removed, the id.
    pub(in crate::commands) fn name<'a>(&'a self, user: &'a UserId) -> &'a str {
        self.0.get(user).map_or(user.as_str(), Username::as_str)
    }
}

/// All there is to say about a grant itself.
pub(in crate::commands) fn describe(grant: &Grant, names: &Usernames, now: Time) -> Fields {
    let (state, ended_at, because) = match grant.state {
        GrantState::Revoked { at, because } => ("ended", Some(at), Some(because)),
        GrantState::Standing if now.is_past(grant.expires_at) => ("expired", Some(grant.expires_at), None),
        GrantState::Standing => ("standing", None, None),
    };
    Fields::default()
        .with("grant", grant.id.as_str())
        .with("user", names.name(&grant.user))
        .with("user_id", grant.user.as_str())
        .with("client", grant.client.as_str())
        .with("since", date(grant.created_at))
        .with("last_used", date(grant.last_used_at))
        .with("until", date(grant.expires_at))
        .with("state", state)
        .with("ended_at", ended_at.map(date))
        .with("because", because.map(|because| json!(because)))
        .with("why", because.map(why))
        .with("resources", json!(grant.resources))
        .with("scopes", json!(grant.scopes))
        .with("authorization_details", grant.details.iter().map(details::to_json).collect::<Vec<_>>())
        .with(
            "lasts",
            match grant.presence {
                Presence::WhileSignedIn => "while_signed_in",
                Presence::Offline => "offline",
            },
        )
}

/// As a sentence goes on after "it ended because".
pub(in crate::commands) fn why(because: Revocation) -> &'static str {
    match because {
        Revocation::CodeReplayed => "its code was redeemed twice (CODE-04)",
        Revocation::RefreshTokenReused => {
            "a spent refresh token was shown again: a theft, or what looks like one (REFRESH-09)"
        }
        Revocation::SignedOut => "the user signed out, and it was for while they are signed in (REFRESH-16)",
        Revocation::CredentialsChanged => {
            "the user was disabled or removed, or their password was changed (INV-02, REFRESH-16)"
        }
        Revocation::ClientRemoved => "the client was removed (INV-03)",
        Revocation::ClientDisabled => "the client was disabled (INV-03)",
        Revocation::GivenBack => "the client gave its refresh token back (REVOKE-04)",
        Revocation::EndedByUser => "the user ended it (CONSENT-05)",
        Revocation::EndedByOperator => "an operator ended it",
        Revocation::Restored => "the database was restored from a backup (STORE-08)",
    }
}

/// What a detail says, in a few words.
pub(in crate::commands) fn detail_in_words(detail: &Detail) -> String {
    let Detail { type_name, actions, identifier, fields, resource: _ } = detail;
    let fields = fields.iter().map(|(name, value)| format!("{name} {value}"));
    let mut words: Vec<String> =
        std::iter::once(type_name.as_str().to_owned()).chain(identifier.clone()).chain(fields).collect();
    if !actions.is_empty() {
        words.push(format!("({})", actions.join(", ")));
    }
    words.join(" ")
}

/// Code, refresh tokens and access tokens, in the order they were issued: for machines.
pub(in crate::commands) fn tokens(lineage: &Lineage) -> Fields {
    let ended: Vec<Value> = lineage
        .ended
        .iter()
        .filter_map(|ended| match &ended.thing {
            EndedThing::AccessToken(id) => Some(json!({ "jti": id, "ended_at": date(ended.at) })),
            EndedThing::Client(_) => None,
        })
        .collect();
    Fields::default()
        .with("codes", lineage.codes.iter().map(code).collect::<Vec<_>>())
        .with("generations_not_kept", generations_not_kept(lineage))
        .with("refresh_tokens", lineage.refresh_tokens.iter().map(refresh_token).collect::<Vec<_>>())
        .with("opaque_access_tokens", lineage.access_tokens.iter().map(access_token).collect::<Vec<_>>())
        .with("access_tokens_ended_early", ended)
}

/// How many of the first generations are not there any more.
fn generations_not_kept(lineage: &Lineage) -> u32 {
    lineage.refresh_tokens.first().map_or(0, |first| first.generation)
}

fn code(code: &Code) -> Value {
    let redeemed_at = match code.redemption {
        Redemption::Pending => None,
        Redemption::Redeemed { at } => Some(date(at)),
    };
    json!({
        "issued_at": date(code.issued_at),
        "expires_at": date(code.expires_at),
        "redeemed_at": redeemed_at,
        "wrong_verifiers": code.wrong_verifiers,
        "redirect_uri": code.redirect_uri,
    })
}

fn refresh_token(token: &RefreshToken) -> Value {
    let (state, at) = match token.spending {
        Spending::Unspent => ("unspent", None),
        Spending::Spent { at, .. } => ("spent", Some(date(at))),
        Spending::Superseded { at, .. } => ("replaced_unused", Some(date(at))),
    };
    let beside = token.beside.as_ref();
    json!({
        "generation": token.generation,
        "issued_at": date(token.issued_at),
        "expires_at": date(token.expires_at),
        "state": state,
        "at": at,
        "sent_to": token.sent_to,
        "beside": beside.map(|issued| json!({ "jti": issued.id, "expires_at": date(issued.expires_at) })),
    })
}

fn access_token(token: &OpaqueAccessToken) -> Value {
    let claims = &token.claims;
    json!({
        "jti": claims.jti,
        "resource": claims.aud,
        "scope": claims.scope,
        "issued_at": date(claims.iat),
        "expires_at": date(claims.exp),
    })
}

/// The same for people, a line for each.
pub(in crate::commands) fn token_lines(lineage: &Lineage, now: Time) -> Vec<String> {
    let mut lines: Vec<String> = lineage.codes.iter().map(code_line).collect();
    match generations_not_kept(lineage) {
        0 => {}
        1 => lines.push("refresh 0    spent long ago, no longer kept".to_owned()),
        more => lines.push(format!("refresh 0–{}  spent long ago, no longer kept one by one", more - 1)),
    }
    let hidden = lineage.refresh_tokens.len().saturating_sub(LINES);
    if hidden > 0 {
        lines.push(format!("             … {hidden} more, with --json"));
    }
    lines.extend(lineage.refresh_tokens.iter().skip(hidden).map(|token| refresh_line(token, lineage, now)));
    let hidden = lineage.access_tokens.len().saturating_sub(LINES);
    if hidden > 0 {
        lines.push(format!("             … {hidden} more opaque access tokens, with --json"));
    }
    lines.extend(lineage.access_tokens.iter().skip(hidden).map(|token| access_line(token, lineage, now)));
    let most = usize::try_from(LINEAGE_SHOWN).unwrap_or(usize::MAX);
    if lineage.refresh_tokens.len() >= most || lineage.access_tokens.len() >= most {
        lines.push(format!("             there may be more: the newest {LINEAGE_SHOWN} of each kind were read"));
    }
    lines
}

fn code_line(code: &Code) -> String {
    let what = match code.redemption {
        Redemption::Pending => "not redeemed".to_owned(),
        Redemption::Redeemed { at } => format!("redeemed {}", date(at)),
    };
    let wrong = match code.wrong_verifiers {
        0 => String::new(),
        times => format!(", {times} times with a verifier that did not fit"),
    };
    format!("code         issued {}, {what}{wrong}", date(code.issued_at))
}

fn refresh_line(token: &RefreshToken, lineage: &Lineage, now: Time) -> String {
    let generation = token.generation.to_string();
    let what = match (token.spending, ended_at(&lineage.grant)) {
        (Spending::Unspent, _) if now.is_past(token.expires_at) => {
            format!("unspent, expired {}", date(token.expires_at))
        }
        (Spending::Unspent, Some(at)) => format!("unspent, ended with its grant {}", date(at)),
        (Spending::Unspent, None) => format!("unspent, good until {}", date(token.expires_at)),
        (Spending::Spent { at, .. }, _) => format!("spent {}", date(at)),
        (Spending::Superseded { at, .. }, _) => format!("never used, replaced {}", date(at)),
    };
    let sent_to = token.sent_to.as_ref().map(|network| format!(", sent to {network}")).unwrap_or_default();
    let beside = token.beside.as_ref().map(|issued| beside(issued, lineage, now)).unwrap_or_default();
    format!("refresh {generation:4} issued {}{sent_to}, {what}{beside}", date(token.issued_at))
}

fn beside(issued: &IssuedAccessToken, lineage: &Lineage, now: Time) -> String {
    format!("; with access token {}, {}", issued.id, life(issued.id.as_str(), issued.expires_at, lineage, now))
}

fn access_line(token: &OpaqueAccessToken, lineage: &Lineage, now: Time) -> String {
    let claims = &token.claims;
    let life = life(&claims.jti, claims.exp, lineage, now);
    format!("access       {} (opaque) for {}, issued {}, {life}", claims.jti, claims.aud, date(claims.iat))
}

fn life(jti: &str, expires_at: Time, lineage: &Lineage, now: Time) -> String {
    let ended =
        lineage.ended.iter().find(|ended| matches!(&ended.thing, EndedThing::AccessToken(id) if id.as_str() == jti));
    match (ended, ended_at(&lineage.grant)) {
        (Some(ended), _) => format!("ended early {}", date(ended.at)),
        (None, _) if now.is_past(expires_at) => format!("expired {}", date(expires_at)),
        (None, Some(at)) => format!("ended with its grant {}", date(at)),
        (None, None) => format!("until {}", date(expires_at)),
    }
}

/// When it was revoked. That it expires ends nothing that does not expire by then itself.
fn ended_at(grant: &Grant) -> Option<Time> {
    match grant.state {
        GrantState::Revoked { at, .. } => Some(at),
        GrantState::Standing => None,
    }
}

/// So many of a kind fit on a screen.
const LINES: usize = 20;
