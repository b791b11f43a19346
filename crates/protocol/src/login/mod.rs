//! Signing in and out: what a proof of the user's presence is worth, and what it opens.
//!
//! Owns sessions and the throttling of attempts. Hashing passwords is slow work and happens before: it enters as a
//! [`PasswordProof`]. Start at [`Admission`], then [`SignIn`].

mod admission;
mod session;
mod sign_in;
mod sign_out;

pub use admission::{Admission, Admitted, Credential};
pub use session::{SessionUse, live_session};
pub use sign_in::{PasswordProof, SignIn, SignedIn};
pub use sign_out::SignOut;

pub(crate) use session::{is_live, touch, waiting_request};
