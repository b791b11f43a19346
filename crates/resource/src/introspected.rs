//! What an answer to introspection must say before a token passes (RFC 7662 §2.2, §4). Pure: answer and time in.

use crate::access::Granted;
use crate::guard::Api;
use crate::issuer::IssuerFault;
use grantd_tokens::claims::{ClaimFault, TimeFault};
use grantd_tokens::{AccessTokenError, Claims, Time};
use serde_json::Value;

/// Why the token does not pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// The issuer says that it is worth nothing.
    Inactive,
    /// It is active, but breaks a rule of this API.
    Broken(AccessTokenError),
    /// The answer does not say what everything depends on: nothing is known about the token.
    Unusable(IssuerFault),
}

/// Holds the answer against RS-14. `active` is the JSON value `true` and nothing that looks like it; `aud`, `exp`, `sub`
/// and `client_id` are required, although RFC 7662 does not ask for them; `iss` may be absent, since the answer came from
/// the issuer itself, but not be another.
pub(crate) fn judge(answer: &Claims, api: &Api, now: Time) -> Result<Granted, Judged> {
    match answer.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Err(Judged::Inactive),
        Some(_) => return Err(ClaimFault::Invalid("active").into()),
        None => return Err(ClaimFault::Missing("active").into()),
    }
    let issuer = api.issuer.identifier();
    if let Some(found) = answer.string("iss")?.filter(|iss| *iss != issuer) {
        let (found, expected) = (found.to_owned(), issuer.to_owned());
        return Err(Judged::Broken(AccessTokenError::WrongIssuer { found, expected }));
    }
    let aud = answer.audience()?;
    if !aud.contains(&api.resource.as_str()) {
        let found = aud.into_iter().map(str::to_owned).collect();
        return Err(Judged::Broken(AccessTokenError::WrongAudience { found, expected: api.resource.clone() }));
    }
    answer.ensure_current(now)?;
    // RFC 9449 §6.2, RFC 8705 §3.2: bound to a key, and nobody here has seen a proof of that key (RS-09).
    let is_bearer = answer.string("token_type")?.is_none_or(|found| found.eq_ignore_ascii_case("Bearer"));
    if answer.get("cnf").is_some() || !is_bearer {
        return Err(Judged::Broken(AccessTokenError::SenderConstrained));
    }
    Ok(Granted {
        iss: issuer.to_owned(),
        sub: answer.required_string("sub")?.to_owned(),
        client_id: answer.required_string("client_id")?.to_owned(),
        exp: answer.required_numeric_date("exp")?,
        jti: answer.string("jti")?.map(str::to_owned),
        scopes: answer.scopes()?,
        authorization_details: answer.authorization_details()?,
        auth_time: answer.numeric_date("auth_time")?,
        acr: answer.string("acr")?.map(str::to_owned),
    })
}

impl From<ClaimFault> for Judged {
    fn from(fault: ClaimFault) -> Judged {
        Judged::Unusable(IssuerFault::AnswerClaim(fault))
    }
}

impl From<TimeFault> for Judged {
    fn from(fault: TimeFault) -> Judged {
        match fault {
            TimeFault::Claim(fault) => fault.into(),
            TimeFault::Expired { .. } | TimeFault::NotYetValid { .. } => Judged::Broken(fault.into()),
        }
    }
}
