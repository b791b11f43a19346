//! The authorization endpoint (RFC 6749 §3.1): may this client ask this, and what must its user do first?
//!
//! Owns the order of the checks (AUTHZ-29), the step that comes next, and the answer. Knows nothing of pages, cookies or
//! HTTP: see `server/src/http/authorize.rs`. Start at [`AuthorizationRequest`].

mod answer;
mod asked;
mod next_step;
mod redirect;
mod request;

pub use answer::{AuthorizationResponse, Choice, approve};
pub use next_step::{Page, Step, next_step};
pub use redirect::{ErrorRedirect, VerifiedRedirectUri};
pub use request::AuthorizationRequest;

pub(crate) use asked::Asked;
pub(crate) use next_step::{fingerprint, is_assured, next_step_for};
