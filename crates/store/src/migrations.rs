//! The steps that bring a database's schema to this binary's. Each driver runs them, in one transaction, and keeps the version.

/// Each brings the schema one version further; none is ever changed once released.
pub(crate) const ALL: &[&str] = &[
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_life_of_a_grant.sql"),
    include_str!("../migrations/0003_many_nodes.sql"),
];

/// The oldest schema whose binary may go on with a database of this binary's schema, so that nodes are upgraded one by one: raised
/// to the number of a migration that does more than add tables, indexes, and columns that an older binary can leave out.
pub(crate) const SERVES_FROM: i64 = 3;

/// The version of this binary's schema.
pub(crate) fn newest() -> i64 {
    i64::try_from(ALL.len()).unwrap_or(i64::MAX)
}

/// Those that a database of this version does not have yet.
pub(crate) fn after(version: i64) -> impl Iterator<Item = &'static str> {
    ALL.iter().copied().skip(usize::try_from(version).unwrap_or(usize::MAX))
}
