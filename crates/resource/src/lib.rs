//! Protects an API with OAuth 2.1 access tokens: one [`tower`] layer, five lines, no dependency on a grantd server.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use grantd_resource::{Access, Guard, Refusal};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let guard = Guard::builder("https://issuer.example", "https://api.example/boxes").build()?;
//! let app: Router = guard.protect(Router::new().route("/boxes", get(list)));
//! # axum::serve(tokio::net::TcpListener::bind("127.0.0.1:0").await?, app).await?;
//! # Ok(())
//! # }
//!
//! async fn list(access: Access) -> Result<String, Refusal> {
//!     access.require_scope("boxes:read")?;
//!     Ok(format!("the boxes of {}", access.subject()))
//! }
//! ```
//!
//! While you develop, against `grantd serve --dev` for example, both are plain http on this machine; add `.development()`
//! before `.build()` to allow that.
//!
//! # What a request must bring
//! One `Authorization: Bearer …` header with a JWT access token (RFC 9068) that the issuer signed, for *this* API
//! (`aud`), in its time. A token in the query or in a cookie counts as none. What is refused is answered with the
//! challenge of RFC 6750 and a body that tells the client's developer what was sent and what was expected, never the
//! token itself.
//!
//! # What is fetched
//! The issuer's metadata (RFC 8414, or OpenID Connect discovery) and its keys, over https, when the first token comes;
//! then as often as the issuer's `Cache-Control` says (a minute to an hour), and when a token names an unknown key (at
//! most once a minute). While the issuer is away, the keys that are known stay in use, for a day. No client secret is
//! needed, and no call is made per request, unless you choose [`GuardBuilder::introspect`].
//!
//! # Where it stands
//! [`Guard::protect`] closes the whole router it is given: routes, fallbacks and methods that do not exist answer 401
//! to who has no token. There is no list of open paths; what is open is another router, merged afterwards.
//! [`Guard::layer`] does the same for any `tower` service. A CORS layer goes *outside* the guard, so that it answers
//! preflight requests, which bring no token, and adds its headers to refusals. Headers such as `X-Forwarded-Host` are
//! never read: who this API is, is configured. Handlers do not see the `Authorization` header, so they cannot pass the
//! token on by accident.
//!
//! # Revocation
//! By itself a signature knows no end but `exp`: a token whose access was ended is good until it expires. Three ways,
//! which `docs/guides/revocation.md` weighs against each other:
//! - Keep lifetimes short, and do nothing here.
//! - [`GuardBuilder::follow_revocations`]: the guard pulls a small signed list of what ended. Worst-case delay: the
//!   interval you choose and the time of one fetch. While the issuer is away, you choose: refuse everybody after some
//!   time, which is the default, or accept until expiry ([`WhenUnavailable`]).
//! - [`GuardBuilder::introspect`]: the issuer is asked about every token, opaque ones too. Worst-case delay: the 30 seconds for
//!   which good answers are remembered, or none with `.cache_for(Seconds(0))`. While the issuer is away, nobody gets in.
//!
//! # What it does not know
//! Proofs of possession: tokens bound to a key (`cnf`) are refused.
//!
//! Read on at [`Guard`], then [`Access`], then [`Refusal`].

mod access;
mod challenge;
mod clock;
mod credentials;
mod discovery;
mod fetch;
mod guard;
mod introspected;
mod introspection;
mod issuer;
mod keys;
mod layer;
mod metadata;
mod revocations;
mod trouble;
mod verify;

pub use access::{Access, Principal, Unguarded};
pub use challenge::Refusal;
pub use clock::{Clock, SteppedClock};
pub use fetch::FetchFault;
pub use grantd_tokens::{AccessTokenError, Seconds, Time};
pub use guard::{ConfigurationFault, Guard, GuardBuilder};
pub use introspection::Introspection;
pub use issuer::IssuerFault;
pub use layer::{GuardLayer, Guarded, RequireScope, RequiringScope, require_scope};
pub use metadata::ResourceMetadata;
pub use revocations::{Following, WhenUnavailable};
