//! Who asks what: one kind of [`Visitor`](crate::driver::Visitor) for each thing that is measured.

pub mod browser;
pub mod checking;
pub mod codes;
pub mod paced;
pub mod refreshing;
pub mod repeating;
pub mod revoking;

pub use browser::{Browser, SigningIn};
pub use checking::{Checking, Expected};
pub use codes::{Authorizing, Redeeming, Till, WholeFlow};
pub use paced::Paced;
pub use refreshing::Refreshing;
pub use repeating::Repeating;
pub use revoking::Revoking;
