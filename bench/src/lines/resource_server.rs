//! A resource server that checks signed tokens by itself: the tower layer, called without a network around it.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use grantd_resource::{Access, Guard};
use grantd_tokens::{AccessTokenClaims, Algorithm, JwkSet, PrivateKey};
use serde_json::json;
use tokio::net::TcpListener;
use tower::{Layer as _, Service, ServiceExt as _};

use super::catalogue::RESOURCE_SERVER;
use crate::book::Book;
use crate::clock;
use crate::fault::Fault;
use crate::parts::Parts;
use crate::parts::crypto::access_token;
use crate::process::thread_cpu;
use crate::world::API;

/// One round.
pub async fn measure(parts: &Parts, each: Duration, book: &mut Book) -> Result<(), Fault> {
    let key = PrivateKey::generate(Algorithm::Es256).map_err(|error| Fault::Part(error.to_string()))?;
    let (issuer, serving) = publish(&key).await?;
    let guard = Guard::builder(&issuer, API).development().build().map_err(|error| Fault::Part(error.to_string()))?;
    // The keys are fetched before, as in a server that runs.
    guard.ready().await.map_err(|error| Fault::Part(error.to_string()))?;
    let tokens = (0..TOKENS).map(|number| token(&issuer, number, &key)).collect::<Result<Vec<_>, _>>()?;
    let mut api = guard.layer().layer(tower::service_fn(answer));
    let (before, began, mut count) = (thread_cpu()?, clock::instant(), 0_u32);
    while began.elapsed() < each {
        for token in &tokens {
            let response = call(&mut api, token).await?;
            if response.status() != 200 {
                return Err(Fault::Part(format!("the layer refused a good token: {}", response.status())));
            }
            count += 1;
        }
    }
    let cost = thread_cpu()?.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(count);
    serving.abort();
    book.add_judged(RESOURCE_SERVER, 1e6 / cost, parts.es256_verify / cost);
    Ok(())
}

/// More than any cache of one would hold.
const TOKENS: usize = 64;

async fn call<S>(api: &mut S, token: &str) -> Result<Response, Fault>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
{
    let request = Request::get("/").header(AUTHORIZATION, token).body(Body::empty());
    let request = request.map_err(|error| Fault::Part(error.to_string()))?;
    let ready = api.ready().await.unwrap_or_else(|never| match never {});
    Ok(ready.call(request).await.unwrap_or_else(|never| match never {}))
}

async fn answer(request: Request<Body>) -> Result<Response, Infallible> {
    // A handler that reads who it is for, as they do.
    let subject = request.extensions().get::<Access>().map(|access| access.subject().to_owned());
    Ok(subject.unwrap_or_default().into_response())
}

fn token(issuer: &str, number: usize, key: &PrivateKey) -> Result<String, Fault> {
    let claims =
        AccessTokenClaims { iss: issuer.to_owned(), jti: format!("token-{number}"), ..access_token(clock::now()) };
    claims.mint(key).map(|token| format!("Bearer {token}")).map_err(|error| Fault::Part(error.to_string()))
}

/// Metadata and keys, where the guard fetches them.
async fn publish(key: &PrivateKey) -> Result<(String, tokio::task::JoinHandle<()>), Fault> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Fault::io("listening"))?;
    let issuer = format!("http://{}", listener.local_addr().map_err(Fault::io("listening"))?);
    let metadata = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") });
    let keys = JwkSet::new(vec![key.jwk().clone()]).map_err(|error| Fault::Part(error.to_string()))?;
    let routes = Router::new()
        .route("/.well-known/oauth-authorization-server", get(move || async move { Json(metadata) }))
        .route("/jwks", get(move || async move { Json(keys) }));
    let serving = tokio::spawn(async move {
        let ended = axum::serve(listener, routes).await;
        drop(ended);
    });
    Ok((issuer, serving))
}
