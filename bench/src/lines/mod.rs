//! Everything that is measured, line by line: the list of it, and how each is done.

pub mod catalogue;
pub mod connections;
pub mod crash;
pub mod endpoints;
pub mod group;
pub mod growth;
pub mod latency;
pub mod parts;
pub mod peers;
pub mod postgres;
pub mod resource_server;
pub mod size;
pub mod town;
