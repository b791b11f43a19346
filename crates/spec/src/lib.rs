//! The rules that the project holds itself to, as functions from text to findings.
//!
//! Owns: reading the requirement catalogue and the proofs, and every gate that looks at sources rather than at behaviour.
//! Knows nothing of OAuth and imports no other crate of the workspace; nothing imports it. The tests in `tests/it` apply each gate to
//! the repository and, beside it, to a small text that breaks it, because a gate that cannot fail proves nothing.
//! Start at [`finding::Finding`], then [`catalogue`].

pub mod catalogue;
pub mod conformance;
pub mod dependencies;
pub mod finding;
pub mod licences;
pub mod proofs;
pub mod repository;
pub mod rust_literals;
pub mod sources;
pub mod sql;
