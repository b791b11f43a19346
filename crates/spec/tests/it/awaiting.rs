//! Rules in force whose proof is still to come. The list only shrinks: `GRANTD_BLESS=1 cargo test -p grantd-spec` takes out what has found
//! its proof, and nothing puts a rule in.

/// By id, sorted.
#[rustfmt::skip]
pub(crate) const AWAITING: &[&str] = &[
    "AT-12",
    "FETCH-01",
    "KEYS-14",
    "KEYS-15",
    "LOG-06",
    "RAR-08",
];
