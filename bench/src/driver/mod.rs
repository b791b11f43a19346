//! A client that costs less than the server it measures: prepared bytes over kept connections, all on one thread.
//!
//! Owns connections, requests as bytes, and the counting. Does not own what is asked: that is a [`Visitor`]'s business. Start at
//! [`load::drive`].

pub mod connection;
pub mod form;
pub mod load;
pub mod request;

pub use connection::{Answer, Connection};
pub use load::{Load, Span, Visitor, Went, drive};
pub use request::Request;
