//! The steps that bring a database's schema to this binary's. Each driver runs them, in one transaction, and keeps the version.

/// Each brings the schema one version further; none is ever changed once released.
pub(crate) const ALL: &[&str] = &[
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_life_of_a_grant.sql"),
    include_str!("../migrations/0003_many_nodes.sql"),
];

/// The version of this binary's schema.
pub(crate) fn newest() -> i64 {
    i64::try_from(ALL.len()).unwrap_or(i64::MAX)
}

/// Those that a database of this version does not have yet.
pub(crate) fn after(version: i64) -> impl Iterator<Item = &'static str> {
    ALL.iter().copied().skip(usize::try_from(version).unwrap_or(usize::MAX))
}
