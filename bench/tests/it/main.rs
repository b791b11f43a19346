//! What the benchmark says must be right before what it measures can be. Nothing here is timed.
#![expect(clippy::unwrap_used, reason = "tests")]

mod command_line;
mod driver;
mod report;
mod statistics;
mod tiny_run;
mod visitors;
