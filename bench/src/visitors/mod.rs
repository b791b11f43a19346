//! Who asks what: one kind of [`Visitor`](crate::driver::Visitor) for each thing that is measured.

pub mod browser;
pub mod codes;
pub mod refreshing;
pub mod repeating;

pub use browser::Browser;
pub use codes::{Authorizing, Redeeming, Till, WholeFlow};
pub use refreshing::Refreshing;
pub use repeating::Repeating;
