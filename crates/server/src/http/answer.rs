//! Answers that several endpoints give: pages, redirects, refusals, trouble.

use axum::response::{IntoResponse, Response};
use grantd_protocol::endpoint::{Evidence, Refused};
use grantd_protocol::records::{Client, PendingRequest};
use grantd_protocol::redirect_uri::Destination;
use grantd_protocol::refusals::Refusal;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};

use super::headers::{Csp, RedirectSource, no_store};
use super::not_now::not_now;
use crate::app::Fault;
use crate::pages::{
    AnswerTo, Chrome, Comparison, DeveloperNote, ErrorPage, Expired, Lasting, Notice, PlainText, Template,
};

/// Seconds after which a throttled or shed request may come again.
const RETRY_AFTER_SECONDS: u64 = 60;

/// A page. Its policy lets its form lead to this server alone, or, where `redirect` is given, from here on to there.
pub fn page(status: StatusCode, template: &impl Template, redirect: Option<RedirectSource>) -> Response {
    let Ok(html) = template.render() else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    let policy = match redirect {
        Some(redirect) => Csp::page().with_redirect(redirect),
        None => Csp::page(),
    };
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, policy.to_header());
    no_store(headers);
    response
}

/// 303, whatever the method was (REDIR-13). The address may hold a code: it is marked so that it is not printed.
pub fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let Ok(mut location) = HeaderValue::from_str(location) else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    location.set_sensitive(true);
    response.headers_mut().insert(LOCATION, location);
    no_store(response.headers_mut());
    response
}

/// A refusal, told where it may be told: by redirect if the redirect URI was verified, else on a page that never redirects.
pub fn refused(refused: &Refused, chrome: Chrome) -> Response {
    if let Some(redirect) = &refused.redirect {
        return see_other(&redirect.location(refused.refusal));
    }
    match refused.refusal {
        Refusal::RequestGone | Refusal::RequestOfAnotherBrowser => {
            page(StatusCode::BAD_REQUEST, &Expired { chrome, client_name: None, client_home: None }, None)
        }
        Refusal::FormForged | Refusal::ConsentForged => page(StatusCode::FORBIDDEN, &Notice::forged(chrome), None),
        Refusal::TooManyWaiting => later(StatusCode::SERVICE_UNAVAILABLE, &Notice::unavailable(chrome)),
        Refusal::SignInThrottled | Refusal::ClientThrottled => {
            later(StatusCode::TOO_MANY_REQUESTS, &Notice::too_many(chrome, Lasting(RETRY_AFTER_SECONDS)))
        }
        refusal => {
            let page_of_it = error_page(refusal, refused.evidence.as_deref(), chrome);
            page(StatusCode::BAD_REQUEST, &page_of_it, None)
        }
    }
}

fn error_page(refusal: Refusal, evidence: Option<&Evidence>, chrome: Chrome) -> ErrorPage {
    let comparison = evidence.map(|evidence| Comparison::new(evidence.what, &evidence.sent, &evidence.accepted));
    ErrorPage {
        chrome,
        heading: "This request cannot be answered".to_owned(),
        explanation: "The application that sent you here made a request that this server does not accept. Nothing was \
                      shared, and you were not signed in anywhere."
            .to_owned(),
        advice: "Go back to the application and try again. If it happens again, tell its makers the reference below."
            .to_owned(),
        developer: Some(DeveloperNote {
            rule: refusal.rule().to_owned(),
            section: refusal.section().to_owned(),
            reason: refusal.says().to_owned(),
            comparison,
        }),
    }
}

/// A request that could not be read, so that nothing is known of it but the status.
pub fn unreadable(status: StatusCode, chrome: Chrome) -> Response {
    page(status, &Notice::unreadable(chrome), None)
}

/// Trouble of our own: said to the log in full, to the caller not at all (INV-07).
pub fn fault(fault: &Fault, chrome: Chrome) -> Response {
    not_now(fault, page(StatusCode::SERVICE_UNAVAILABLE, &Notice::unavailable(chrome), None))
}

fn later(status: StatusCode, template: &impl Template) -> Response {
    let mut response = page(status, template, None);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    response
}

fn bare(status: StatusCode) -> Response {
    status.into_response()
}

/// The client's name as text, or its id if nothing is left of the name (CONSENT-06).
pub fn client_name(client: &Client) -> PlainText {
    let name = PlainText::new(&client.name);
    if name.is_empty() { PlainText::new(client.id.as_str()) } else { name }
}

/// The host of a resource, as a person would name it.
pub fn host_of(resource: &str) -> String {
    let uri = grantd_protocol::uri::Uri::parse(resource);
    uri.and_then(|uri| uri.authority).unwrap_or(resource).to_owned()
}

/// Where an answer goes, as the page says it.
pub fn answer_to(destination: &Destination) -> AnswerTo {
    match destination {
        Destination::Host(host) => AnswerTo::Host(host.clone()),
        Destination::ThisComputer(address) => AnswerTo::ThisComputer(address.clone()),
        Destination::Scheme(scheme) => AnswerTo::PrivateScheme(scheme.clone()),
    }
}

/// Where the answer to this request goes, for the pages before the answer.
pub fn answer_to_of(pending: &PendingRequest) -> AnswerTo {
    let destination = Destination::of(&pending.redirect_uri);
    // A registered URI always leads somewhere; were that ever untrue, the page names the address as it is.
    destination.map_or_else(|| AnswerTo::Host(pending.redirect_uri.to_string()), |destination| answer_to(&destination))
}

/// The source that a page's form may lead to, once the server has answered it.
pub fn redirect_source(pending: &PendingRequest) -> Option<RedirectSource> {
    RedirectSource::of(pending.redirect_uri.as_str())
}
