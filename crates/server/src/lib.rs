//! The server around the pure core: HTTP, pages, configuration, commands.

pub mod fetch;
pub mod http;
pub mod listen;
pub mod network;
pub mod pages;
pub mod password;
pub mod telemetry;
