//! The person's browser, as far as HTTP is concerned: keeps cookies, sends what browsers send along, and follows no redirect without being told,
//! so that every address on the way can be looked at.

use http::HeaderMap;
use http::header::{HeaderName, LOCATION, ORIGIN, REFERRER_POLICY};
use reqwest::RequestBuilder;
use url::Url;

use crate::back_channel::{self, Answer};
use crate::fault::DemoFault;
use crate::script::forms::{Document, Submission};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// One browser with one set of cookies.
#[derive(Clone, Debug)]
pub(super) struct Browser(reqwest::Client);

/// What came back, and from where.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) url: Url,
    pub(super) answer: Answer,
}

impl Browser {
    pub(super) fn new() -> Result<Self, DemoFault> {
        let client = back_channel::builder().cookie_store(true).user_agent("grantd-demo-script/1 (like a browser)");
        client.build().map(Self).map_err(DemoFault::HttpClient)
    }

    /// Types an address.
    pub(super) async fn open(&self, url: &str) -> Result<Page, DemoFault> {
        let url = Url::parse(url).map_err(|_| DemoFault::Url(without_query(url)))?;
        self.send(self.0.get(url.clone()).header(SEC_FETCH_SITE, "none"), url).await
    }

    /// Goes where a page led, by a link or a redirect.
    pub(super) async fn follow(&self, from: &Page, to: &Url) -> Result<Page, DemoFault> {
        self.send(self.0.get(to.clone()).header(SEC_FETCH_SITE, site(&from.url, to)), to.clone()).await
    }

    /// Sends a form of a page.
    pub(super) async fn submit(&self, page: &Page, form: &Submission) -> Result<Page, DemoFault> {
        let url = page.url.join(&form.action).map_err(|_| DemoFault::Url(without_query(&form.action)))?;
        let request = self.0.post(url.clone()).form(&form.pairs).header(SEC_FETCH_SITE, site(&page.url, &url));
        self.send(request.header(ORIGIN, origin(page, &url)), url).await
    }

    async fn send(&self, request: RequestBuilder, url: Url) -> Result<Page, DemoFault> {
        let request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        let answer = back_channel::answer(request.header("accept", "text/html")).await;
        let answer =
            answer.map_err(|fault| DemoFault::NoAnswer { to: without_query(url.as_str()), why: fault.to_string() })?;
        Ok(Page { url, answer })
    }
}

impl Page {
    pub(super) fn document(&self) -> Document {
        Document::parse(&self.answer.text())
    }

    /// Where the answer redirects to.
    pub(super) fn location(&self) -> Option<Url> {
        let redirects = self.answer.status.is_redirection();
        self.answer.header(LOCATION).filter(|_| redirects).and_then(|location| self.url.join(location).ok())
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.answer.headers
    }

    /// For the reader of an error: status and address, without what may be secret.
    pub(super) fn seen(&self) -> String {
        let at = without_query(self.url.as_str());
        match (self.location(), self.document().text_of("notice")) {
            (Some(location), _) => {
                format!("{} at {at}, to {}", self.answer.status.as_u16(), without_query(location.as_str()))
            }
            (None, Some(notice)) => format!("{} at {at}: {notice}", self.answer.status.as_u16()),
            (None, None) => format!("{} at {at}", self.answer.status.as_u16()),
        }
    }
}

/// The address up to its query, which may hold a code.
pub(super) fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Fetch Metadata, "Sec-Fetch-Site".
fn site(from: &Url, to: &Url) -> &'static str {
    if from.origin() == to.origin() {
        "same-origin"
    } else if from.host() == to.host() {
        "same-site"
    } else {
        "cross-site"
    }
}

/// Fetch, "append a request `Origin` header": what a page's referrer policy leaves of it.
fn origin(page: &Page, to: &Url) -> String {
    let policy = page.answer.header(REFERRER_POLICY).unwrap_or_default();
    let same = page.url.origin() == to.origin();
    let told = match policy {
        "no-referrer" => false,
        "same-origin" => same,
        _ => true,
    };
    if told { page.url.origin().ascii_serialization() } else { "null".to_owned() }
}
