//! Rules in force whose proof is still to come. The list only shrinks: `GRANTD_BLESS=1 cargo test -p grantd-spec` takes out what has found
//! its proof, and nothing puts a rule in.

/// By id, sorted.
#[rustfmt::skip]
pub(crate) const AWAITING: &[&str] = &[];
