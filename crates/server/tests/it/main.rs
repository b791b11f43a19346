//! Tests of the server as a whole.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod pages;
