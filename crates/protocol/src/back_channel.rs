//! How the requests of a client's program look, whichever endpoint they go to (RFC 6749 §3.2, RFC 7009 §2.1, RFC 7662 §2.1).
//!
//! Owns what may stand where. Knows no parameter but those that must never stand in a URL. Start at [`parameters`].

use crate::parameters::{Parameters, ParametersFault};
use crate::refusals::Refusal;

/// The whole body is bounded by the HTTP layer (TOKEN-10); one parameter can be as long as that.
const MAX_PARAMETER_BYTES: usize = 64 * 1024;

/// Reads a body of `application/x-www-form-urlencoded`, in which only what `may_repeat` stands more than once (TOKEN-04).
///
/// Parameters in the URL are refused if they look like such a request and ignored otherwise (TOKEN-03).
pub(crate) fn parameters(query: Option<&[u8]>, body: &[u8], may_repeat: &[&str]) -> Result<Parameters, Refusal> {
    refuse_a_request_in_the_query(query)?;
    let malformed = |_: ParametersFault| Refusal::TokenMalformed;
    let parameters = Parameters::parse(body, MAX_PARAMETER_BYTES).map_err(malformed)?;
    if parameters.first_repeated(may_repeat).is_some() {
        return Err(Refusal::TokenParameterRepeated);
    }
    Ok(parameters)
}

fn refuse_a_request_in_the_query(query: Option<&[u8]>) -> Result<(), Refusal> {
    let telltale =
        ["grant_type", "client_id", "client_secret", "code", "refresh_token", "client_assertion", "password", "token"];
    let parameters = match query.map(|query| Parameters::parse(query, MAX_PARAMETER_BYTES)) {
        None => return Ok(()),
        Some(Err(_)) => return Err(Refusal::TokenInQuery),
        Some(Ok(parameters)) => parameters,
    };
    let found = parameters.names().any(|name| telltale.contains(&name));
    if found { Err(Refusal::TokenInQuery) } else { Ok(()) }
}
