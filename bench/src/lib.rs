//! The benchmark: what grantd costs, held against what its parts cost on the same machine in the same minute.
//!
//! `main.rs` reads the command line, `run.rs` is the order of a run, `lines/` what is measured, `driver/` who asks, `parts/` the
//! ceilings, `report/` what is shown. The figure to trust is requests for each CPU second of the server's process: it repeats where
//! rates by the clock on the wall do not.

pub mod book;
pub mod clock;
pub mod driver;
pub mod fault;
pub mod hello;
pub mod lines;
pub mod machine;
pub mod options;
pub mod parts;
pub mod process;
pub mod report;
pub mod run;
pub mod server;
pub mod statistics;
pub mod stock;
pub mod visitors;
pub mod world;
