//! A posted form of one of our pages, and the body of any POST.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use grantd_protocol::parameters::Parameters;
use grantd_tokens::Secret;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::app::Shared;

/// Nothing on our pages is longer.
const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Every line of the longest consent page: 32 details with 100 things each, the scopes, and what each form has.
const MAX_FIELDS: usize = 4096;

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
        let body = form_body(request, app).await?;
        let parameters = Parameters::parse_up_to(MAX_FIELDS, &body, MAX_FIELD_BYTES);
        parameters.map(Self).map_err(|_| StatusCode::BAD_REQUEST.into_response())
    }
}

/// The raw body of a form POST: 415 for anything else.
pub async fn form_body(request: Request, app: &Shared) -> Result<Bytes, Response> {
    if !is_form(request.headers().get(CONTENT_TYPE).map(http::HeaderValue::as_bytes)) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    Bytes::from_request(request, app).await.map_err(IntoResponse::into_response)
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
