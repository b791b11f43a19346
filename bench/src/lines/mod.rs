//! Everything that is measured, line by line: the list of it, and how each is done.

pub mod catalogue;
pub mod endpoints;
pub mod parts;
pub mod town;
