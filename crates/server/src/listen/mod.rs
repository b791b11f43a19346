//! The front door: sockets, TLS, limits, framing, and what every request passes before a route sees it.
//!
//! Owns everything between the kernel and the router. Knows no endpoint, cookie or rule of OAuth.
//! Start at [`Listener::serve`]; the way of a connection is `accept` → `tls` → `framing` (inside `stream`) → hyper →
//! `stack` → the application's router.

mod accept;
mod connections;
mod framing;
mod hosts;
mod limits;
mod source;
mod stack;
mod stream;
mod tls;

pub use accept::{BindFault, Drained, Listener, Serving, interrupted};
pub use hosts::HostNames;
pub use limits::Limits;
pub use source::{Source, TrustedProxies};
pub use stack::PanicCount;
pub use tls::{Tls, TlsFault};
