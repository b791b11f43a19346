//! What the core is held to: scenarios over a [`world::World`], told endpoint by endpoint; and all that can happen to a few
//! requests at once ([`model`]).
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod account;
mod authorization_code;
mod authorize;
mod client_auth;
mod client_credentials;
mod consent;
mod details;
mod events;
mod forms;
mod forms_of_the_wire;
mod introspection;
mod laws;
mod login;
mod metadata;
mod model;
mod names;
mod narrowing;
mod opaque_tokens;
mod parameters;
mod pkce;
mod properties;
mod redirect_uri;
mod refresh_token;
mod refusals;
mod registration;
mod resource_indicators;
mod revocation;
mod settings;
mod shown_tokens;
mod town;
mod walk;
mod world;
