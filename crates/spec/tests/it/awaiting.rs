//! Rules in force whose proof is still to come. The list only shrinks: `GRANTD_BLESS=1 cargo test -p grantd-spec` takes out what has found
//! its proof, and nothing puts a rule in.

/// By id, sorted.
#[rustfmt::skip]
pub(crate) const AWAITING: &[&str] = &[
    "AT-09",
    "AT-12",
    "CODE-10",
    "CONSENT-07",
    "FETCH-01",
    "KEYS-14",
    "KEYS-15",
    "LOG-04",
    "LOG-05",
    "LOG-06",
    "LOGIN-12",
    "META-01",
    "META-04",
    "NEVER-08",
    "RAR-08",
    "REDIR-17",
    "TOKEN-01",
    "TOKEN-02",
    "TOKEN-05",
    "TOKEN-08",
    "TOKEN-12",
    "TOKEN-13",
    "TOKEN-14",
];
