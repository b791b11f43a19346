//! A posted form of one of our pages, and the body of any POST.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::Response;
use grantd_protocol::parameters::Parameters;
use grantd_tokens::Secret;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::answer::unreadable;
use super::visit::Visit;
use crate::app::Shared;

/// Nothing on our pages is longer.
const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Every line of the longest consent page: 32 details with 100 things each, the scopes, and what each form has.
const MAX_FIELDS: usize = 4096;

/// The fields of our forms that stand once. Of two decisions neither is the one that was made.
const ONCE: &[&str] = &["request", "csrf", "decision", "action", "client", "username", "password", "away"];

/// The fields of a posted form. Not printed: one of them is a password.
pub struct Form(Parameters);

impl Form {
    /// A field that was filled in.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// Every value of a field that may be ticked more than once.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.all(name).map(str::to_owned).collect()
    }

    /// The anti-forgery token.
    pub fn token(&self) -> Option<Secret> {
        self.get("csrf").map(Secret::new)
    }
}

impl FromRequest<Shared> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, app).await;
        match fields(Request::from_parts(parts, body), app).await {
            Ok(fields) => Ok(Self(fields)),
            Err(status) => Err(unreadable(status, visit.chrome)),
        }
    }
}

async fn fields(request: Request, app: &Shared) -> Result<Parameters, StatusCode> {
    let body = form_body(request, app).await?;
    let fields = Parameters::parse_up_to(MAX_FIELDS, &body, MAX_FIELD_BYTES).map_err(|_| StatusCode::BAD_REQUEST)?;
    if ONCE.iter().any(|name| fields.repeats(name)) { Err(StatusCode::BAD_REQUEST) } else { Ok(fields) }
}

/// The raw body of a form POST: 415 for anything else.
pub async fn form_body(request: Request, app: &Shared) -> Result<Bytes, StatusCode> {
    if !is_form(request.headers().get(CONTENT_TYPE).map(http::HeaderValue::as_bytes)) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    whole_body(request, app).await
}

/// All of a body: 413 if it is too long, 408 if it was not here in time or broke off (LIMITS-01).
pub async fn whole_body(request: Request, app: &Shared) -> Result<Bytes, StatusCode> {
    Bytes::from_request(request, app).await.map_err(|why| match why.status() {
        StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::REQUEST_TIMEOUT,
    })
}

/// RFC 6749 App. B; a charset is tolerated if it is UTF-8 (TOKEN-02).
pub fn is_form(content_type: Option<&[u8]>) -> bool {
    let Some(Ok(text)) = content_type.map(std::str::from_utf8) else { return false };
    let mut parts = text.split(';').map(str::trim);
    let form = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let utf_8 = |part: &str| {
        let charset = part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        charset.is_none_or(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
    };
    form && parts.all(utf_8)
}
