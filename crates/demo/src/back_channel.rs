//! From server to server, past the browser: the HTTP client of every party.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::HeaderMap;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect;

use crate::fault::DemoFault;

/// More than any answer of these parties.
const MAX_BODY_BYTES: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client that follows no redirect (STATE-07), keeps no cookie and knows no proxy.
#[derive(Clone, Debug)]
pub struct BackChannel(reqwest::Client);

/// No answer, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BackChannelFault {
    /// No connection, or too slow.
    #[error("{}", root_cause(.0))]
    Http(#[from] reqwest::Error),
    /// A body larger than any sensible one.
    #[error("the answer is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: http::StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl BackChannel {
    /// Makes the client.
    pub fn new() -> Result<Self, DemoFault> {
        let client = builder().build().map_err(DemoFault::HttpClient)?;
        Ok(Self(client))
    }

    /// Sends a request with `Authorization: Bearer`.
    pub(crate) async fn get_with_token(&self, url: &str, token: &str) -> Result<Answer, BackChannelFault> {
        answer(self.0.get(url).bearer_auth(token)).await
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Answer, BackChannelFault> {
        answer(self.0.get(url)).await
    }

    pub(crate) async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer, BackChannelFault> {
        answer(self.0.post(url).form(form)).await
    }

    /// As [`BackChannel::post_form`], with `client_secret_basic` (RFC 6749 §2.3.1): each half is form-encoded first.
    pub(crate) async fn post_form_as(
        &self,
        (client_id, secret): (&str, &str),
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, BackChannelFault> {
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        answer(self.0.post(url).basic_auth(encoded(client_id), Some(encoded(secret))).form(form)).await
    }

    /// What a browser asks before it lets a script of `origin` call `url` (Fetch, "CORS-preflight fetch").
    pub(crate) async fn preflight(&self, url: &str, origin: &str) -> Result<Answer, BackChannelFault> {
        let request = self.0.request(http::Method::OPTIONS, url).header(http::header::ORIGIN, origin);
        let request = request
            .header(http::header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(http::header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization");
        answer(request).await
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, BackChannelFault> {
        let request = reqwest::Request::try_from(request)?;
        let answer = read(self.0.execute(request).await?).await?;
        let mut response = HttpResponse::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for BackChannel {
    type Error = BackChannelFault;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, BackChannelFault>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

pub(crate) fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy().referer(false).timeout(TIMEOUT)
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, BackChannelFault> {
    read(request.send().await?).await
}

async fn read(mut response: reqwest::Response) -> Result<Answer, BackChannelFault> {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(BackChannelFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// What lies beneath, such as "connection refused". The message on top has the URL in it, which may hold a code.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "the request could not be made".to_owned(), ToString::to_string)
}
