//! `GET` and `POST /authorize` (RFC 6749 §3.1): bytes in, a redirect or a page out. The rules are in
//! `grantd_protocol::authorize`.

use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use grantd_protocol::authorize::{AuthorizationRequest, Page, Step};
use grantd_protocol::endpoint::Refused;
use grantd_protocol::forms::FormOrigin;
use grantd_protocol::refusals::Refusal;
use grantd_tokens::Secret;
use http::header::{ALLOW, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};

use super::answer::{fault, refused, see_other, unreadable};
use super::cookies::{Cookie, CookieKind};
use super::form::form_body;
use super::visit::Visit;
use crate::app::{App, Shared};
use crate::run::run;

/// AUTHZ-30.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// A request in the query.
pub async fn get(State(app): State<Shared>, visit: Visit, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if !is_navigation(&headers) {
        return unreadable(StatusCode::FORBIDDEN, visit.chrome);
    }
    let query = query.unwrap_or_default();
    if query.len() > MAX_QUERY_BYTES {
        return unreadable(StatusCode::URI_TOO_LONG, visit.chrome);
    }
    answer(&app, visit, AuthorizationRequest::parse(Some(query.as_bytes()), None)).await
}

/// A request in the body.
pub async fn post(State(app): State<Shared>, visit: Visit, RawQuery(query): RawQuery, request: Request) -> Response {
    if !is_navigation(request.headers()) {
        return unreadable(StatusCode::FORBIDDEN, visit.chrome);
    }
    let body = match form_body(request, &app).await {
        Ok(body) => body,
        Err(status) => return unreadable(status, visit.chrome),
    };
    let parsed = AuthorizationRequest::parse(query.as_deref().map(str::as_bytes), Some(&body));
    // A browser keeps our `SameSite=Lax` cookies back from another site's POST, but sends them when it follows to the same
    // request by GET: without this a second tab would lose its place.
    if parsed.is_ok() && visit.origin == FormOrigin::Foreign {
        let query = as_query(&body);
        if query.len() <= MAX_QUERY_BYTES {
            return see_other(&format!("{}?{query}", app.path("/authorize")));
        }
    }
    answer(&app, visit, parsed).await
}

/// Whether a person's window goes here, as far as their browser says. A page elsewhere could load this address as an image, again
/// and again, and have its visitors begin so many requests that nobody in their network can begin one (LIMITS-05).
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_none_or(|destination| destination == "document")
}

/// A form body as a query that says the same: in a body, more may stand as it is (RFC 3986 §3.4).
fn as_query(body: &[u8]) -> String {
    body.iter().fold(String::with_capacity(body.len()), |mut query, byte| {
        match byte {
            b'#' => query.push_str("%23"),
            byte if byte.is_ascii_graphic() => query.push(char::from(*byte)),
            byte => query.extend(format!("%{byte:02X}").chars()),
        }
        query
    })
}

/// Another method, by the letter of AUTHZ-01.
pub async fn no_head() -> Response {
    let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

async fn answer(app: &App, visit: Visit, request: Result<AuthorizationRequest, Refusal>) -> Response {
    let request = match request {
        Ok(request) => request,
        Err(refusal) => return refused(&Refused::from(refusal), visit.chrome),
    };
    let request = request.from_browser(visit.browser.browser, visit.browser.session.as_ref(), visit.network);
    match run(app, &request).await {
        Ok(Ok(step)) => go(app, step, None),
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

/// Sends the browser on to the next step. `handle` is that of a request whose page the browser is on already.
pub fn go(app: &App, step: Step, handle: Option<&Secret>) -> Response {
    let (page, made, new_browser) = match step {
        Step::Answer(response) => return see_other(&response.location()),
        Step::Show { page, handle, new_browser } => (page, handle, new_browser),
    };
    let path = match page {
        Page::SignIn => app.path("/login"),
        Page::Consent => app.path("/consent"),
    };
    let mut response = match made.as_ref().or(handle) {
        Some(handle) => see_other(&format!("{path}?request={}", handle.expose())),
        None => see_other(&path),
    };
    if let Some(browser) = new_browser {
        let cookie = Cookie::new(CookieKind::Interaction, browser);
        response.headers_mut().append(SET_COOKIE, cookie.to_header(app.transport));
    }
    response
}
