//! An issuer of our own: serves whatever pages a test puts up, writes down who asked for what, and mints tokens.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::response::Response;
use grantd_tokens::access_token::AccessTokenClaims;
use grantd_tokens::{Algorithm, Jwk, JwkSet, PrivateKey, RevocationFeed, Seconds, Time, jws};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

pub(crate) const NOW: Time = Time(1_800_000_000);
pub(crate) const RESOURCE: &str = "https://api.example/boxes";

#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) etag: Option<&'static str>,
    pub(crate) cache_control: Option<&'static str>,
    pub(crate) location: Option<String>,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) delay: Duration,
}

impl Page {
    pub(crate) fn json(body: &Value) -> Page {
        Page {
            status: 200,
            body: body.to_string(),
            content_type: Some("application/json; charset=utf-8"),
            ..Page::default()
        }
    }

    pub(crate) fn text(body: impl Into<String>) -> Page {
        Page { status: 200, body: body.into(), ..Page::default() }
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) method: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) is_unchanged: bool,
}

#[derive(Default)]
struct Desk {
    pages: HashMap<String, Page>,
    asked: Vec<Asked>,
}

#[derive(Clone)]
pub(crate) struct Issuer {
    origin: String,
    path: &'static str,
    desk: Arc<Mutex<Desk>>,
    pub(crate) key: PrivateKey,
}

impl Issuer {
    pub(crate) async fn start() -> Issuer {
        Issuer::start_at("").await
    }

    /// With a path in its identifier, as issuers with tenants have.
    pub(crate) async fn start_at(path: &'static str) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let desk = Arc::new(Mutex::new(Desk::default()));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let issuer = Issuer { origin, path, desk, key };
        issuer.put(&issuer.metadata_path(), Page::json(&issuer.metadata()));
        issuer.publish(&[issuer.key.jwk()]);
        issuer
    }

    pub(crate) fn identifier(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    pub(crate) fn metadata_path(&self) -> String {
        format!("/.well-known/oauth-authorization-server{}", self.path.trim_end_matches('/'))
    }

    pub(crate) fn metadata(&self) -> Value {
        json!({
            "issuer": self.identifier(),
            "jwks_uri": format!("{}/jwks", self.origin),
            "revocation_feed_endpoint": format!("{}/revocations", self.origin),
            "introspection_endpoint": format!("{}/introspect", self.origin),
        })
    }

    pub(crate) fn put(&self, path: &str, page: Page) {
        self.desk.lock().unwrap().pages.insert(path.to_owned(), page);
    }

    pub(crate) fn publish(&self, keys: &[&Jwk]) {
        self.put("/jwks", keys_page(keys));
    }

    /// How often this path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.desk.lock().unwrap().asked.iter().filter(|asked| asked.path == path).count()
    }

    pub(crate) fn not_modified(&self, path: &str) -> usize {
        self.desk.lock().unwrap().asked.iter().filter(|asked| asked.path == path && asked.is_unchanged).count()
    }

    /// The latest request for this path.
    pub(crate) fn last(&self, path: &str) -> Asked {
        self.desk.lock().unwrap().asked.iter().rfind(|asked| asked.path == path).unwrap().clone()
    }

    /// A feed in which nothing ended.
    pub(crate) fn feed(&self) -> RevocationFeed {
        let exp = NOW + Seconds::days(7);
        RevocationFeed { iss: self.identifier(), iat: NOW, exp, ..RevocationFeed::default() }
    }

    pub(crate) fn publish_feed(&self, feed: &RevocationFeed) {
        self.put("/revocations", Page::text(feed.mint(&self.key).unwrap()));
    }

    pub(crate) fn granted(&self) -> AccessTokenClaims {
        AccessTokenClaims {
            iss: self.identifier(),
            sub: "alice".into(),
            aud: RESOURCE.into(),
            client_id: "web".into(),
            exp: NOW + Seconds::days(7),
            iat: NOW,
            jti: "grant-1.token-1".into(),
            scope: Some("boxes:read profile".into()),
            authorization_details: vec![
                json!({"type": "lockbox", "boxes": [1, 3]}),
                json!({"type": "parcel", "weight": 7}),
            ],
            auth_time: Some(NOW - Seconds(60)),
            acr: Some("pwd".into()),
        }
    }

    pub(crate) fn token(&self) -> String {
        self.token_by(&self.key)
    }

    pub(crate) fn token_by(&self, key: &PrivateKey) -> String {
        self.granted().mint(key).unwrap()
    }

    /// The granted claims with a change, signed as an access token.
    pub(crate) fn token_with(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut claims = serde_json::from_value(serde_json::to_value(self.granted()).unwrap()).unwrap();
        change(&mut claims);
        jws::sign("at+jwt", &self.key, &claims).unwrap()
    }
}

pub(crate) fn keys_page(keys: &[&Jwk]) -> Page {
    let set = JwkSet::new(keys.iter().copied().cloned().collect()).unwrap();
    Page::json(&serde_json::to_value(set).unwrap())
}

async fn answer(State(desk): State<Arc<Mutex<Desk>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let tag = parts.headers.get(IF_NONE_MATCH).map(|tag| tag.to_str().unwrap().to_owned());
    let page = desk.lock().unwrap().pages.get(&path).cloned().unwrap_or(Page { status: 404, ..Page::default() });
    let is_unchanged = page.etag.is_some() && page.etag == tag.as_deref();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let asked = Asked { path, method: parts.method.to_string(), headers: parts.headers, body, is_unchanged };
    desk.lock().unwrap().asked.push(asked);
    tokio::time::sleep(page.delay).await;
    let mut response = Response::builder().status(if is_unchanged { 304 } else { page.status });
    for (name, value) in [(ETAG, page.etag), (CACHE_CONTROL, page.cache_control), (CONTENT_TYPE, page.content_type)] {
        if let Some(value) = value {
            response = response.header(name, value);
        }
    }
    if let Some(location) = page.location {
        response = response.header("location", location);
    }
    response.body(if is_unchanged { Body::empty() } else { Body::from(page.body) }).unwrap()
}
