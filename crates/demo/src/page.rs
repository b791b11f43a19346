//! How every page of the demonstration leaves: strict headers, one style sheet of its own, nothing from elsewhere.

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, ORIGIN,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};

/// What a page may do beyond showing itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leave {
    /// Other origins that its forms may go to.
    pub(crate) forms_to: Vec<String>,
    /// Origins that its script may ask; a page without any has no script.
    pub(crate) script_asks: Vec<String>,
}

/// A page without leave for anything.
pub(crate) fn page(template: &impl Template) -> Response {
    page_with(template, &Leave::default())
}

/// A page with leave.
pub(crate) fn page_with(template: &impl Template, leave: &Leave) -> Response {
    let Ok(html) = template.render() else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be shown").into_response();
    };
    let mut response = Html(html).into_response();
    guard(response.headers_mut());
    if let Ok(policy) = HeaderValue::from_str(&leave.policy()) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

impl Leave {
    fn policy(&self) -> String {
        let mut policy =
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
                .to_owned();
        for origin in &self.forms_to {
            policy.push(' ');
            policy.push_str(origin);
        }
        if !self.script_asks.is_empty() {
            policy.push_str("; script-src 'self'; connect-src ");
            policy.push_str(&self.script_asks.join(" "));
        }
        policy
    }
}

/// 303: the browser goes on with a GET, and the address it came from does not stay in its history (SESS-21).
pub(crate) fn see_other(location: &str, cookie: Option<HeaderValue>) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    guard(headers);
    headers.insert(LOCATION, location);
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    response
}

/// Whether a form came from a page of this origin. Browsers say so on every POST, in one header or the other.
pub(crate) fn is_from(origin: &str, headers: &HeaderMap) -> bool {
    match headers.get(SEC_FETCH_SITE) {
        Some(site) => site.as_bytes() == b"same-origin",
        None => headers.get(ORIGIN).is_some_and(|sent| sent.as_bytes() == origin.as_bytes()),
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Answers a form that came from elsewhere.
pub(crate) fn forged() -> Response {
    (StatusCode::FORBIDDEN, "this form did not come from this app").into_response()
}

/// The style sheet.
pub(crate) fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let style = async || {
        let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=300")];
        (headers, include_str!("../assets/style.css"))
    };
    Router::new().route("/style.css", get(style))
}

fn guard(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
