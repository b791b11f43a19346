//! The server around the pure core: HTTP, pages, configuration, commands.

pub mod app;
pub mod commands;
pub mod config;
pub mod declare;
pub mod demo;
pub mod duties;
pub mod env;
pub mod events;
pub mod fetch;
pub mod http;
pub mod keys;
pub mod listen;
pub mod network;
pub mod pages;
pub mod password;
pub mod published;
pub mod revocations;
pub mod router;
pub mod run;
pub mod serve;
pub mod sweep;
pub mod telemetry;
pub mod things;
pub mod turns;
