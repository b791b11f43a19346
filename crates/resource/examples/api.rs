//! A whole protected API: `cargo run -p grantd-resource --example api -- http://127.0.0.1:8420`, with the address of
//! your issuer.

use axum::{Json, Router, routing::get};
use grantd_resource::{Access, Guard, Refusal};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Serialize, Deserialize)]
struct Lockbox {
    boxes: Vec<u32>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8420".to_owned());
    let guard = Guard::builder(&issuer, "http://127.0.0.1:8431/boxes")
        .development()
        .scopes(["boxes:read"])
        .details_types(["lockbox"])
        .build()?;
    let api: Router = guard.protect(Router::new().route("/boxes", get(list)));
    axum::serve(TcpListener::bind("127.0.0.1:8431").await?, api).await?;
    Ok(())
}

/// The boxes that this token opens, and no others.
async fn list(access: Access) -> Result<Json<Vec<Lockbox>>, Refusal> {
    access.require_scope("boxes:read")?;
    Ok(Json(access.details("lockbox")?))
}
