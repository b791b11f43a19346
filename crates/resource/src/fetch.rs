//! The only file that calls out: one GET, without redirects and proxies, with a time limit and a size limit.

use grantd_tokens::Seconds;
use grantd_tokens::json::Limits;
use reqwest::header::{CACHE_CONTROL, ETAG, HeaderMap, IF_NONE_MATCH};
use reqwest::{Client, StatusCode, Url, redirect};
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
    /// Larger than any sensible document.
    #[error("the answer is larger than {} bytes", Limits::DOCUMENT.max_bytes)]
    TooLarge,
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

/// Fetches a document, or learns that it still has this `etag`.
pub(crate) async fn get(client: &Client, url: Url, etag: Option<&str>) -> Result<Answer, FetchFault> {
    let mut request = client.get(url).header("accept", "application/json");
    if let Some(etag) = etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    let mut response = request.send().await.map_err(|error| fault(&error))?;
    let max_age = max_age(response.headers());
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Answer::Unchanged { max_age }),
        other => return Err(FetchFault::Status(other.as_u16())),
    }
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| fault(&error))? {
        if body.len() + chunk.len() > Limits::DOCUMENT.max_bytes {
            return Err(FetchFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer::Document { body, etag, max_age })
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
