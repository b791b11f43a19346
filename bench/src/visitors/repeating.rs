//! The same request again and again: what is published, client credentials, introspection.

use std::rc::Rc;

use crate::driver::{Connection, Request, Visitor, Went};
use crate::fault::Fault;
use crate::world::{API, Credentials, HOST, LOOK, READ, ROBOT, SEALED, SEALED_API};

/// Sends the same bytes, and expects 200 with a body that holds the same words.
#[derive(Clone, Debug)]
pub struct Repeating {
    request: Rc<[u8]>,
    expected: &'static str,
}

impl Repeating {
    /// Anything else.
    pub fn new(request: Request, expected: &'static str) -> Self {
        Self { request: request.into_bytes().into(), expected }
    }

    /// The bench's own server.
    pub fn hello() -> Self {
        let fields = [("grant_type", "client_credentials"), ("scope", READ), ("resource", API)];
        Self::new(Request::post("localhost", "/hello", &fields).basic(ROBOT.id, ROBOT.secret), "\"access_token\":\"ey")
    }

    /// The keys.
    pub fn jwks() -> Self {
        Self::new(Request::get(HOST, "/jwks"), "\"kty\":\"EC\"")
    }

    /// The metadata (RFC 8414).
    pub fn metadata() -> Self {
        Self::new(Request::get(HOST, "/.well-known/oauth-authorization-server"), "\"token_endpoint\":")
    }

    /// A signed token for a client itself.
    pub fn client_credentials() -> Self {
        Self::new(client_credentials(READ, API), "\"access_token\":\"ey")
    }

    /// What an opaque token, which must be good, says.
    pub fn introspection(token: &str) -> Self {
        let request = Request::post(HOST, "/introspect", &[("token", token)]);
        Self::new(asked_by(request, SEALED_API), "\"active\":true")
    }
}

impl Visitor for Repeating {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        let answer = connection.ask(&self.request).await?;
        if answer.status == 200 && answer.body.contains(self.expected) {
            Ok(Went::Well)
        } else {
            Err(answer.unexpected(&format!("200 with {}", self.expected)))
        }
    }
}

/// Gets an opaque token.
pub async fn opaque_token(connection: &mut Connection) -> Result<String, Fault> {
    let answer = connection.ask(&client_credentials(LOOK, SEALED).into_bytes()).await?;
    let token = answer.member("access_token").filter(|token| answer.status == 200 && !token.contains('.'));
    token.map(str::to_owned).ok_or_else(|| answer.unexpected("an opaque token"))
}

fn client_credentials(scope: &str, resource: &str) -> Request {
    let fields = [("grant_type", "client_credentials"), ("scope", scope), ("resource", resource)];
    asked_by(Request::post(HOST, "/token", &fields), ROBOT)
}

/// A request of a client's program, from some place behind the proxy.
pub fn asked_by(request: Request, client: Credentials) -> Request {
    request.basic(client.id, client.secret).forwarded_for("198.51.100.7")
}
