//! The ceiling of every line over HTTP: the same stack as grantd's, a form in and JSON out, and nothing else.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::Command;

use axum::body::Body;
use axum::routing::post;
use axum::{Form, Json, Router};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::fault::Fault;

/// What comes in.
#[derive(Debug, Deserialize)]
struct Asked {
    grant_type: String,
    scope: String,
}

/// What goes out: about as long as a token response.
#[derive(Debug, Serialize)]
struct Said {
    access_token: &'static str,
    token_type: &'static str,
    expires_in: u32,
    scope: String,
    grant_type: String,
}

/// The command by which this server is started as a process of its own.
pub fn command() -> Result<Command, Fault> {
    let own = std::env::current_exe().map_err(Fault::io("finding the benchmark's own file"))?;
    let mut command = Command::new(own);
    command.arg("hello");
    Ok(command)
}

/// Serves until whoever started this is gone, after one line that says where.
pub async fn serve() -> Result<(), Fault> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Fault::io("listening"))?;
    let address = listener.local_addr().map_err(Fault::io("listening"))?;
    let line = serde_json::json!({ "address": address.to_string() });
    writeln!(std::io::stdout(), "{line}").map_err(Fault::io("saying where it listens"))?;
    let app = Router::new().route("/hello", post(hello));
    tokio::select! {
        () = accept(listener, app) => Ok(()),
        ended = until_left_alone() => ended,
    }
}

async fn accept(listener: TcpListener, app: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, app.clone()));
    }
}

/// As the server's own listener does it, without its limits.
async fn converse(stream: TcpStream, app: Router) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(app.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {})) }
    });
    // A driver that hangs up is how every run ends.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn hello(Form(asked): Form<Asked>) -> Json<Said> {
    let Asked { grant_type, scope } = asked;
    Json(Said { access_token: AS_LONG_AS_A_TOKEN, token_type: "Bearer", expires_in: 300, scope, grant_type })
}

/// stdin ends when the parent does, however it does.
async fn until_left_alone() -> Result<(), Fault> {
    let waiting = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    waiting.await.map(drop).map_err(|error| Fault::Server(error.to_string()))
}

/// As many characters as an ES256 access token of the measured server has.
const AS_LONG_AS_A_TOKEN: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Im5vLWtleS1hdC1hbGwtYnV0LWFzLWxvbmctYXMtb25lLWlzIn0.eyJpc3MiOiJodHRwczovL2lkLmJlbmNoLmV4YW1wbGUiLCJzdWIiOiJjbGllbnQ6cm9ib3QiLCJhdWQiOiJodHRwczovL2FwaS5iZW5jaC5leGFtcGxlLyIsImNsaWVudF9pZCI6InJvYm90IiwiZXhwIjoxODAwMDAwMzAwLCJpYXQiOjE4MDAwMDAwMDAsImp0aSI6Im5vLXRva2VuLWF0LWFsbC1idXQtYXMtbG9uZyIsInNjb3BlIjoicmVhZCJ9.bm8gc2lnbmF0dXJlIGF0IGFsbCwgYnV0IGFzIGxvbmcgYXMgb25lIHRoYXQgaXMgbWFkZSB3aXRoIEVTMjU2IGhlcmU";
