//! `grantd token inspect`
//!
//! Reads, asks the core what it would say (`grantd_protocol::inspection`), and tells; writes nothing. What a text is that is no token
//! stands in `strange.rs`, what the verdicts mean in `meaning.rs`.

mod meaning;
mod strange;

use std::process::ExitCode;

use grantd_protocol::endpoint::{Check, Env, Verdict};
use grantd_protocol::inspection::{Inspected, Inspection, TokenKind, Use};
use grantd_protocol::names::{AccessTokenId, GrantId};
use grantd_protocol::records::{EndedThing, Grant, GrantState};
use grantd_store::Lineage;
use grantd_tokens::{AccessTokenClaims, JwkSet, Time};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::arguments::TokenCommand;
use super::console::{Console, Fields, Form, date};
use super::failure::Failure;
use super::grant::{Usernames, describe, detail_in_words, token_lines, tokens, why};
use super::workplace::Workplace;
use crate::env::{self, OsRandom};
use crate::keys::Keys;
use crate::telemetry::{harmless, harmless_json};
use meaning::meaning;

pub(super) async fn run(at: &Workplace, command: TokenCommand, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
    let TokenCommand::Inspect { what } = command;
    let text = match what.as_deref() {
        None | Some("-") => console.read_text(MAX_BYTES)?,
        Some(given) => Zeroizing::new(given.to_owned()),
    };
    let text = text.trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    if text.is_empty() {
        return Err(Failure::Usage("give a token, a jti or the id of a grant on stdin".to_owned()));
    }
    let report = report(at, text, env::now()).await?;
    let code = if report.is_good { ExitCode::SUCCESS } else { ExitCode::from(1) };
    tell(at, report, console).await?;
    Ok(code)
}

/// What there is to say.
struct Report {
    /// Whether it would be accepted now.
    is_good: bool,
    /// In a few words.
    kind: String,
    /// The verdict and its reason.
    verdict: Fields,
    claims: Option<Box<AccessTokenClaims>>,
    checks: Vec<Check>,
    lineage: Option<Lineage>,
}

async fn report(at: &Workplace, text: &str, now: Time) -> Result<Report, Failure> {
    let keys = public_keys(at).await?;
    if let Some(inspected) = inspect(at, &Inspection::of(text), &keys, now).await? {
        return of_token(at, inspected).await;
    }
    if let Some(report) = named(at, text, &keys, now).await? {
        return Ok(report);
    }
    let strange = strange::what_is(at, text, &keys).await?;
    let verdict = refused(strange.rule, &strange.why);
    Ok(Report { is_good: false, kind: strange.kind, verdict, claims: None, checks: Vec::new(), lineage: None })
}

/// Those that still count. A server that never started has none.
async fn public_keys(at: &Workplace) -> Result<JwkSet, Failure> {
    if at.store.signing_keys(at.issuer()).await?.keys.is_empty() {
        return Ok(JwkSet::default());
    }
    let keys = Keys::open_existing(at.store.clone(), at.issuer().clone(), &at.config.key_encryption_key).await?;
    Ok(keys.ring().public.clone())
}

/// Twice: first to learn whose it is, then with everything that is known of its client, all of one moment.
async fn inspect(
    at: &Workplace,
    inspection: &Inspection,
    keys: &JwkSet,
    now: Time,
) -> Result<Option<Inspected>, Failure> {
    let first = at.store.load(at.issuer(), &inspection.lookup(None)).await?;
    let facts = at.store.load(at.issuer(), &inspection.lookup(Inspection::client(&first))).await?;
    let env = Env { now, random: &mut OsRandom, settings: &at.config.settings, keys };
    Ok(inspection.inspect(&facts, &env))
}

async fn of_token(at: &Workplace, inspected: Inspected) -> Result<Report, Failure> {
    let Inspected { kind, grant, verdict, checks, would_end_the_grant } = inspected;
    let lineage = match &grant {
        Some(grant) => at.store.lineage(at.issuer(), grant).await?,
        None => None,
    };
    let (kind, claims) = match kind {
        TokenKind::AccessToken(claims) => ("access token".to_owned(), Some(claims)),
        TokenKind::RefreshToken(Some(generation)) => (format!("refresh token, generation {generation}"), None),
        TokenKind::RefreshToken(None) => {
            ("refresh token, spent long ago and no longer kept by itself".to_owned(), None)
        }
        TokenKind::Code(_) => ("authorization code".to_owned(), None),
    };
    let (is_good, verdict) = match verdict {
        Ok(taken_for) => (true, accepted(taken_for)),
        Err(refusal) => {
            let of_grant = lineage.as_ref().and_then(|lineage| reason(&lineage.grant));
            let why = match of_grant {
                Some(ended) if meaning::is_about_the_grant(refusal) => format!("{}: {ended}", meaning(refusal)),
                _ => meaning(refusal).to_owned(),
            };
            let fields = refused(Some((refusal.rule(), refusal.name(), refusal.section())), &why);
            (false, if would_end_the_grant { fields.with("consequence", WOULD_END) } else { fields })
        }
    };
    Ok(Report { is_good, kind, verdict, claims, checks: checks.iter().collect(), lineage })
}

fn accepted(taken_for: Use) -> Fields {
    let fields = Fields::default().with("accepted", true).with("verdict", "would be accepted now");
    match taken_for {
        Use::First => fields,
        Use::Retry => fields.with(
            "why",
            "it was spent just now, and nobody used its successor: as if the answer had been lost (REFRESH-10)",
        ),
    }
}

fn refused(rule: Option<(&str, &str, &str)>, why: &str) -> Fields {
    let fields = Fields::default().with("accepted", false).with("verdict", "would be refused now");
    let fields = match rule {
        Some((rule, refusal, section)) => fields.with("rule", rule).with("refusal", refusal).with("section", section),
        None => fields,
    };
    fields.with("why", why)
}

fn reason(grant: &Grant) -> Option<String> {
    match grant.state {
        GrantState::Revoked { at, because } => Some(format!("the grant ended {}, because {}", date(at), why(because))),
        GrantState::Standing => None,
    }
}

/// A jti, or the id of a grant.
async fn named(at: &Workplace, text: &str, keys: &JwkSet, now: Time) -> Result<Option<Report>, Failure> {
    let jti = AccessTokenId::new(text);
    if let Some(grant) = jti.grant()
        && let Some(lineage) = at.store.lineage(at.issuer(), &grant).await?
    {
        return of_jti(at, &jti, lineage, keys, now).await;
    }
    let Some(lineage) = at.store.lineage(at.issuer(), &GrantId::new(text)).await? else { return Ok(None) };
    let (is_good, verdict) = standing(&lineage.grant, now);
    Ok(Some(Report {
        is_good,
        kind: "grant".to_owned(),
        verdict,
        claims: None,
        checks: Vec::new(),
        lineage: Some(lineage),
    }))
}

async fn of_jti(
    at: &Workplace,
    jti: &AccessTokenId,
    lineage: Lineage,
    keys: &JwkSet,
    now: Time,
) -> Result<Option<Report>, Failure> {
    let opaque = lineage.access_tokens.iter().find(|token| token.claims.jti == jti.as_str());
    if let Some(token) = opaque {
        let inspected = inspect(at, &Inspection::of_claims(token.claims.clone()), keys, now).await?;
        return match inspected {
            Some(inspected) => of_token(at, inspected).await.map(Some),
            None => Ok(None),
        };
    }
    let ended = lineage.ended.iter().find(|ended| ended.thing == EndedThing::AccessToken(jti.clone()));
    let beside = lineage.refresh_tokens.iter().find_map(|token| {
        token.beside.as_ref().filter(|issued| issued.id == *jti).map(|issued| (token.generation, issued.expires_at))
    });
    let (is_standing, of_grant) = standing(&lineage.grant, now);
    let (is_good, verdict) = match (ended, beside) {
        (Some(ended), _) => (false, refused(None, &format!("the token ended before its time, {}", date(ended.at)))),
        (None, Some((_, until))) if now.is_past(until) => {
            (false, refused(None, &format!("it expired {}", date(until))))
        }
        (None, _) => (is_standing, of_grant),
    };
    let kind = match beside {
        Some((generation, _)) => format!("access token, by name; issued beside refresh token {generation}"),
        None => "access token, by name; what it says is in the token alone".to_owned(),
    };
    Ok(Some(Report { is_good, kind, verdict, claims: None, checks: Vec::new(), lineage: Some(lineage) }))
}

fn standing(grant: &Grant, now: Time) -> (bool, Fields) {
    match reason(grant) {
        Some(ended) => (false, refused(None, &ended)),
        None if now.is_past(grant.expires_at) => {
            (false, refused(None, &format!("the grant expired {}", date(grant.expires_at))))
        }
        None => (true, Fields::default().with("accepted", true).with("verdict", "the grant stands")),
    }
}

async fn tell(at: &Workplace, report: Report, console: &mut Console<'_>) -> Result<(), Failure> {
    let now = env::now();
    let Report { kind, verdict, claims, checks, lineage, is_good: _ } = report;
    let fields = Fields::default().with("kind", kind).and(verdict);
    let names = match &lineage {
        Some(lineage) => Usernames::of(at, std::slice::from_ref(&lineage.grant)).await?,
        None => Usernames::default(),
    };
    console.print(|output, form| match form {
        Form::Json => {
            let mut whole = fields.with("access_token", claims.map(|claims| json!(claims)));
            whole = whole.with("checks", checks.into_iter().map(check_as_json).collect::<Vec<Value>>());
            let of_grant = lineage.map(|lineage| describe(&lineage.grant, &names, now).and(tokens(&lineage)).json());
            writeln!(output, "{}", harmless_json(&whole.with("grant", of_grant).json().to_string()))
        }
        Form::Human => {
            let mut lines = fields.and(claims.as_deref().map(claims_in_words).unwrap_or_default());
            if let Some(lineage) = &lineage {
                let details: Vec<String> = lineage.grant.details.iter().map(detail_in_words).collect();
                let grant = describe(&lineage.grant, &names, now);
                // Of the grant, "why" is why it ended, which the verdict says.
                lines = grant.and(Fields::default().with("authorization_details", details)).after(lines);
            }
            for line in lines.lines() {
                writeln!(output, "{}", harmless(&line))?;
            }
            if let Some(lineage) = &lineage {
                writeln!(output, "tokens")?;
                for line in token_lines(lineage, now) {
                    writeln!(output, "  {}", harmless(&line))?;
                }
            }
            if !checks.is_empty() {
                writeln!(output, "checks")?;
            }
            checks.into_iter().try_for_each(|check| writeln!(output, "  {}", check_in_words(check)))
        }
    })
}

fn claims_in_words(claims: &AccessTokenClaims) -> Fields {
    Fields::default()
        .with("jti", claims.jti.as_str())
        .with("sub", claims.sub.as_str())
        .with("client_id", claims.client_id.as_str())
        .with("aud", claims.aud.as_str())
        .with("scope", claims.scope.clone())
        .with("issued_at", date(claims.iat))
        .with("expires_at", date(claims.exp))
}

fn check_as_json(check: Check) -> Value {
    let passed = check.verdict == Verdict::Passed;
    json!({ "rule": check.refusal.rule(), "refusal": check.refusal.name(), "passed": passed })
}

fn check_in_words(check: Check) -> String {
    let verdict = match check.verdict {
        Verdict::Passed => "passed ",
        Verdict::Stopped => "stopped",
    };
    format!("{verdict}  {:11} {}", check.refusal.rule(), check.refusal.name())
}

/// Longer than any token.
const MAX_BYTES: u64 = 64 * 1024;

const WOULD_END: &str = "shown where it belongs, it would end its grant with every token under it";
