//! The post office of the demonstration: real, separate HTTP services on loopback that talk to grantd, and to one another, over HTTP alone.
//!
//! Owns the APIs, the apps, the rogue and the script that walks the dance. Does not own the authorization server: whoever starts this
//! starts that, with the [declarations](PostOffice::declarations) of this crate. Start reading at [`PostOffice`].

mod addresses;
pub mod back_channel;
mod client;
mod cors;
mod declarations;
mod fault;
mod journal;
mod lockbox;
mod mailroom;
pub mod metadata;
pub mod native;
mod page;
mod parcels;
mod people;
mod post_office;
mod postcard;
mod postkeeper;
pub mod redirect;
mod rogue;
pub mod script;
pub mod session;

pub use addresses::Addresses;
pub use fault::DemoFault;
pub use people::{PEOPLE, Person};
pub use post_office::{PostOffice, Running};
pub use script::{Outcome, script};
