//! The server that the tests of the others stand on.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connecting;
mod ending;
mod standby;
