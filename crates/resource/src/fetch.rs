//! The only file that calls out: a GET or a POST, without redirects and proxies, with a time limit and a size limit.

use grantd_tokens::Seconds;
use grantd_tokens::json::Limits;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use std::time::Duration;

/// A document, or the news that it is still the one we have.
pub(crate) enum Answer {
    Unchanged { max_age: Option<Seconds> },
    Document { body: Vec<u8>, etag: Option<String>, max_age: Option<Seconds> },
}

/// Why a document could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FetchFault {
    /// No connection, or it broke.
    #[error("no connection")]
    Unreachable,
    /// Too slow.
    #[error("no answer within {} seconds", TIMEOUT.as_secs())]
    TimedOut,
    /// Another status than 200. Redirects are not followed: keys come from where the metadata says.
    #[error("the answer was {0}")]
    Status(u16),
    /// Larger than any sensible document of its kind.
    #[error("the answer is larger than any sensible one")]
    TooLarge,
    /// Something else than what was asked for.
    #[error("the answer is not {expected}")]
    MediaType {
        /// What was asked for.
        expected: &'static str,
    },
}

/// A client that leaves nothing to the surroundings: no proxy from the environment, no redirect, no cookie.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .user_agent(concat!("grantd-resource/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// A document that is wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a Url,
    pub(crate) media_type: &'static str,
    /// The copy that we have.
    pub(crate) etag: Option<&'a str>,
    pub(crate) limits: Limits,
}

/// Fetches a document, or learns that it still has this `etag`.
pub(crate) async fn get(client: &Client, wanted: Wanted<'_>) -> Result<Answer, FetchFault> {
    let mut request = client.get(wanted.url.clone()).header(ACCEPT, wanted.media_type);
    if let Some(etag) = wanted.etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    let response = request.send().await.map_err(|error| fault(&error))?;
    let max_age = max_age(response.headers());
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if wanted.etag.is_some() => return Ok(Answer::Unchanged { max_age }),
        other => return Err(FetchFault::Status(other.as_u16())),
    }
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    let body = body(response, wanted.limits).await?;
    Ok(Answer::Document { body, etag, max_age })
}

/// A form that is sent, and what must come back.
pub(crate) struct Posted<'a> {
    pub(crate) url: &'a Url,
    pub(crate) credentials: HeaderValue,
    pub(crate) form: &'a [(&'a str, &'a str)],
    pub(crate) media_type: &'static str,
}

/// Sends a form with credentials and takes the answer, which must be 200 and of this media type.
pub(crate) async fn post(client: &Client, posted: Posted<'_>) -> Result<Vec<u8>, FetchFault> {
    let Posted { url, credentials, form, media_type } = posted;
    let request = client.post(url.clone()).header(ACCEPT, media_type).header(AUTHORIZATION, credentials).form(form);
    let response = request.send().await.map_err(|error| fault(&error))?;
    if response.status() != StatusCode::OK {
        return Err(FetchFault::Status(response.status().as_u16()));
    }
    let found = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type) {
        return Err(FetchFault::MediaType { expected: media_type });
    }
    body(response, Limits::DOCUMENT).await
}

async fn body(mut response: Response, limits: Limits) -> Result<Vec<u8>, FetchFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| fault(&error))? {
        if body.len() + chunk.len() > limits.max_bytes {
            return Err(FetchFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

/// RFC 9111 §5.2.2: how long the answer may be kept; zero for one that may not.
fn max_age(headers: &HeaderMap) -> Option<Seconds> {
    let directives = headers.get(CACHE_CONTROL)?.to_str().ok()?.to_ascii_lowercase();
    let mut directives = directives.split(',').map(str::trim);
    if directives.clone().any(|directive| matches!(directive, "no-store" | "no-cache")) {
        return Some(Seconds(0));
    }
    directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok()).map(Seconds)
}

fn fault(error: &reqwest::Error) -> FetchFault {
    if error.is_timeout() { FetchFault::TimedOut } else { FetchFault::Unreachable }
}
