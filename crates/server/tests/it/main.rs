//! Tests of the server as a whole, over real sockets where sockets matter.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may stop at what it did not expect"
)]

mod account_http;
mod authorize_http;
mod believed_clock;
mod canary;
mod commands;
mod commands_grants;
mod config;
mod cookies_http;
mod cors_http;
mod demo;
mod events;
mod events_http;
mod fetch;
mod flow;
mod headers;
mod introspect_http;
mod key_timeline;
mod keys_http;
mod listen;
mod metadata_http;
mod nodes_http;
mod opaque_tokens_http;
mod overload_http;
mod pages;
mod pages_http;
mod password;
mod restore_http;
mod revocation_feed;
mod revocation_follower;
mod revoke_http;
mod rig;
mod start;
mod telemetry;
mod throttle_http;
mod token_http;
mod turns;
mod two_tabs_http;
