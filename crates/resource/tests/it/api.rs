//! A protected API, served for real.

use crate::issuer::{Issuer, NOW, RESOURCE};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use grantd_resource::{Access, Clock, Guard, GuardBuilder, Refusal, SteppedClock, require_scope};
use reqwest::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client, Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lockbox {
    pub(crate) boxes: Vec<u32>,
}

pub(crate) struct Api {
    pub(crate) origin: String,
    pub(crate) clock: SteppedClock,
    pub(crate) guard: Guard,
    /// How many requests reached a handler.
    handled: Arc<AtomicUsize>,
    client: Client,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) challenge: Option<String>,
    pub(crate) body: Value,
}

pub(crate) fn builder(issuer: &Issuer, clock: &SteppedClock) -> GuardBuilder {
    Guard::builder(&issuer.identifier(), RESOURCE).development().clock(Clock::Stepped(clock.clone()))
}

impl Api {
    pub(crate) async fn start(issuer: &Issuer) -> Api {
        let clock = SteppedClock::at(NOW);
        Api::serve(builder(issuer, &clock).build().unwrap(), clock).await
    }

    pub(crate) async fn serve(guard: Guard, clock: SteppedClock) -> Api {
        let handled = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&handled);
        let count = move |request: axum::extract::Request, next: axum::middleware::Next| {
            counter.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        };
        let routes = Router::new()
            .route("/boxes", get(list))
            .route("/whoami", get(whoami))
            .route("/headers", get(headers))
            .route("/forbidden", get(forbidden))
            .route("/write", post(async || "written").layer(require_scope("boxes:write")))
            .route("/profile", get(async || "profile").layer(require_scope("profile")))
            .layer(axum::middleware::from_fn(count));
        let app: Router = guard.protect(routes);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Api { origin, clock, guard, handled, client: Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        reply(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// With these `Authorization` headers, byte by byte.
    pub(crate) async fn get_with(&self, path: &str, authorization: &[&[u8]]) -> Reply {
        let mut request = self.request(Method::GET, path);
        for value in authorization {
            request = request.header(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        reply(request).await
    }

    pub(crate) fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }
}

pub(crate) async fn reply(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let challenge = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    if status >= 400 && challenge.is_some() {
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    let body = response.text().await.unwrap();
    Reply { status, challenge, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) }
}

async fn list(access: Access) -> Result<Json<Vec<Lockbox>>, Refusal> {
    access.require_scope("boxes:read")?;
    Ok(Json(access.details("lockbox")?))
}

async fn whoami(access: Access) -> Json<Value> {
    let principal = access.principal();
    Json(json!({
        "issuer": access.issuer(), "subject": access.subject(), "client_id": access.client_id(),
        "scopes": access.scopes(), "token_id": access.token_id(), "expires_at": access.expires_at(),
        "authenticated_at": access.authenticated_at(), "acr": access.acr(),
        "principal": [principal.issuer, principal.subject],
    }))
}

async fn headers(headers: HeaderMap) -> Json<Vec<String>> {
    Json(headers.keys().map(ToString::to_string).collect())
}

async fn forbidden(access: Access) -> Refusal {
    access.forbid("box 2 is not among \"yours\"\r\nSet-Cookie: stolen=é\\")
}
