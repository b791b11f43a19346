//! Somebody's authorization server, as far as one client sees it: metadata, and a token endpoint that gives nothing and counts. Whatever
//! needs a yes is the dance with grantd itself, in the server's tests.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

/// What the token endpoint was asked.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<Request>>>);

pub(crate) type Request = Vec<(String, String)>;

impl Asked {
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) async fn authorization_server() -> (String, Asked) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let (asked, document) = (Asked::default(), issuer.clone());
    let seen = asked.clone();
    let metadata = async move || {
        Json(json!({
            "issuer": document,
            "authorization_endpoint": format!("{document}/authorize"),
            "token_endpoint": format!("{document}/token"),
            "authorization_response_iss_parameter_supported": true,
        }))
    };
    let token = async move |Form(form): Form<Request>| {
        seen.0.lock().unwrap().push(form);
        (http::StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })))
    };
    let app: Router =
        Router::new().route("/.well-known/oauth-authorization-server", get(metadata)).route("/token", post(token));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (issuer, asked)
}
