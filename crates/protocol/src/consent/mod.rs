//! Consent: the user sees who wants what, and decides how much of it they get (CONSENT, RFC 9396, RFC 8707).
//!
//! Owns what is offered and the choice. What is granted is computed here, from the stored request minus what was unticked;
//! a tampered form can take away and nothing else (CONSENT-04). Start at [`ConsentPage`], then [`ConsentDecision`].

mod decision;
mod offer;
mod page;

pub use decision::{ConsentDecision, Decided, Verdict};
pub use offer::{OfferedItem, offered};
pub use page::{Answered, ConsentPage, DetailView, ResourceView, Shown, View};
