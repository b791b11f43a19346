//! Requests as bytes, written once and sent many times.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use grantd_protocol::parameters::encode;

/// A request that is being written.
#[derive(Clone, Debug)]
pub struct Request {
    head: String,
    body: String,
}

impl Request {
    /// `GET`, with the host that the server answers to.
    pub fn get(host: &str, target: &str) -> Self {
        Self { head: format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n"), body: String::new() }
    }

    /// `POST` of a form.
    pub fn post(host: &str, target: &str, fields: &[(&str, &str)]) -> Self {
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        Self { head, body: encoded(fields) }
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// `client_secret_basic` (RFC 6749 §2.3.1).
    #[must_use]
    pub fn basic(self, client_id: &str, secret: &str) -> Self {
        let credentials = BASE64_STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret)));
        self.header("Authorization", &format!("Basic {credentials}"))
    }

    /// Who asked, as the proxy in front reports it. The bench plays that proxy.
    #[must_use]
    pub fn forwarded_for(self, address: &str) -> Self {
        self.header("X-Forwarded-For", address)
    }

    /// All of it.
    pub fn into_bytes(self) -> Vec<u8> {
        let Self { mut head, body } = self;
        if head.starts_with("POST") {
            head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        head.push_str(&body);
        head.into_bytes()
    }
}

/// Fields as a form or a query.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}
