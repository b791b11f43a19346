//! The server around the pure core: HTTP, pages, configuration, commands.

pub mod pages;
