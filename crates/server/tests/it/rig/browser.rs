//! A browser: keeps cookies, fills in forms, and says where a form came from; follows redirects only when told to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use grantd_protocol::parameters::encode;
use http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;

use super::asking::Asking;
use super::html::Form;
use super::people::PASSWORD;

/// One browser, or one program that has nothing to do with browsers as long as it is sent no cookie.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Client,
    /// The nodes behind one name: each request goes to the next of them.
    nodes: Vec<SocketAddr>,
    asked: Arc<AtomicUsize>,
    host: String,
    /// Where the proxy says that it is.
    forwarded: Option<String>,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(super) fn new(nodes: Vec<SocketAddr>, host: &str, forwarded: Option<String>) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { http, nodes, asked: Arc::default(), host: host.to_owned(), forwarded, cookies: BTreeMap::new() }
    }

    /// A request with the cookies, and nothing that says where it came from.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        assert!(path.starts_with('/'), "{path} is not on this server");
        let node = self.nodes[self.asked.fetch_add(1, Ordering::Relaxed) % self.nodes.len()];
        let mut request = self.http.request(method, format!("http://{node}{path}")).header(HOST, &self.host);
        if let Some(address) = &self.forwarded {
            request = request.header("x-forwarded-for", address).header("x-forwarded-proto", "https");
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, cookies.join("; "));
        }
        request
    }

    /// A POST of a form, and nothing that says where it came from.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(pairs.join("&"))
    }

    /// Sends, and keeps the cookies that come back.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(request).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.form(path, fields);
        self.send(request).await
    }

    /// Sends a form of our page as browsers do: the page allows no referrer, so `Origin` is `null`.
    pub(crate) async fn submit(&mut self, form: &Form) -> Answer {
        let request = self.form(&form.action, &form.fields());
        self.send(request.header("sec-fetch-site", "same-origin").header("origin", "null")).await
    }

    /// Goes where the answers lead, as long as that is on this server.
    pub(crate) async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..5 {
            match answer.location() {
                Some(location) if location.starts_with('/') => answer = self.get(location).await,
                _ => return answer,
            }
        }
        panic!("redirects without end");
    }

    /// Opens an authorization request at this path, up to the first page.
    pub(crate) async fn open(&mut self, path: &str, asking: &Asking) -> Answer {
        let answer = self.get(&format!("{path}?{}", asking.encoded())).await;
        self.follow(answer).await
    }

    /// Signs in on the page; gives the answer to the form.
    pub(crate) async fn sign_in(&mut self, page: &Answer, username: &str, password: &str) -> Answer {
        self.submit(&page.form("login").with("username", username).with("password", password)).await
    }

    /// Asks at `/authorize`, signs in as alice if need be: the consent page.
    pub(crate) async fn consent_page(&mut self, asking: &Asking) -> Answer {
        let page = self.open("/authorize", asking).await;
        if !page.has_form("login") {
            return page;
        }
        let signed_in = self.sign_in(&page, "alice", PASSWORD).await;
        self.follow(signed_in).await
    }

    /// The whole way to the code, with everything left as the page had it.
    pub(crate) async fn code(&mut self, asking: &Asking) -> String {
        let page = self.consent_page(asking).await;
        let answer = if page.status == 303 { page } else { self.allow(&page.form("consent")).await };
        answer.parameter("code").unwrap_or_else(|| panic!("no code in {answer:?}"))
    }

    pub(crate) async fn allow(&mut self, form: &Form) -> Answer {
        self.submit(&form.clone().with("decision", "allow")).await
    }

    pub(crate) async fn deny(&mut self, form: &Form) -> Answer {
        self.submit(&form.clone().with("decision", "deny")).await
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.header(LOCATION.as_str())
    }

    /// A parameter of the redirect.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let base = url::Url::parse("http://relative.invalid").unwrap();
        let url = base.join(self.location()?).unwrap();
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A member of the JSON object that is a string.
    pub(crate) fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {self:?}")).to_owned()
    }

    pub(crate) fn error(&self) -> String {
        self.member("error")
    }

    pub(crate) fn form(&self, id: &str) -> Form {
        Form::of(&self.body, id).unwrap_or_else(|| panic!("no form {id} in {self:?}"))
    }

    pub(crate) fn has_form(&self, id: &str) -> bool {
        Form::of(&self.body, id).is_some()
    }

    /// The `Set-Cookie` header for this cookie.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
        cookies.filter(|cookie| cookie.starts_with(&format!("{name}="))).map(str::to_owned).next()
    }
}
