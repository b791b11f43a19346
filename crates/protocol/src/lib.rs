//! What the server *decides*. Pure: no clock, no I/O, no randomness of its own.
//!
//! A request is parsed into an [`endpoint::Endpoint`]. Its `lookup` names the keys that the caller named; the store loads
//! the [`facts::Facts`]; `decide` turns request, facts, time and randomness into a [`endpoint::Decision`]: an answer or a
//! refusal, and the [`changes::Change`]s that must be written before either is sent. Whoever drives it commits those as one
//! guarded transaction; if another request was first, it loads and decides again. Nothing else happens anywhere.
//!
//! [`refusals`] is every way to say no, [`state`] the meaning of every change, [`metadata`] what is claimed to the world.

pub mod account;
pub mod authorize;
mod back_channel;
pub mod changes;
pub mod client_auth;
pub mod consent;
pub mod details;
pub mod endpoint;
pub mod error_code;
pub mod events;
pub mod facts;
pub mod forms;
pub mod inspection;
pub mod introspection;
pub mod login;
pub mod metadata;
pub mod names;
pub mod narrowing;
pub mod parameters;
pub mod records;
pub mod redirect_uri;
pub mod refusals;
pub mod registration;
pub mod revocation;
pub mod settings;
mod shown_token;
mod standing;
pub mod state;
pub mod token;
pub mod uri;
