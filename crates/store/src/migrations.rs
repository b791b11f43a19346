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

/// What each does, for whoever asks before it is done. As many as there are steps.
const SAYS: &[&str] = &[
    "makes the first tables: clients, resources, users, sessions, grants, codes, tokens, signing keys",
    "adds the life of a grant: times, what was taken back, opaque tokens, what ended, events, keys that follow each other",
    "adds what many nodes agree by: leases and the last write of each connection, and columns to find a request's client by",
];
const _: () = assert!(SAYS.len() == ALL.len(), "each step says what it does");

/// What would be done to a database, and who may serve from it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The schema that is there; nothing, if there is no database yet.
    pub found: Option<i64>,
    /// The schema of this binary.
    pub newest: i64,
    /// What each step does, in order; none, if there is nothing to do.
    pub steps: Vec<&'static str>,
    /// Whether nodes of the older version may go on while this is done, and after it.
    pub older_nodes_go_on: bool,
}

impl Plan {
    /// From a schema to this binary's. A database file is refused by every older version; it has one version at a time.
    pub(crate) fn from(found: Option<i64>, is_shared: bool) -> Self {
        let behind = usize::try_from(found.unwrap_or(0)).unwrap_or(usize::MAX);
        let steps: Vec<&'static str> = SAYS.iter().copied().skip(behind).collect();
        let older_nodes_go_on = steps.is_empty() || (is_shared && found.is_some_and(|found| found >= SERVES_FROM));
        Self { found, newest: newest(), steps, older_nodes_go_on }
    }
}

/// The version of this binary's schema.
pub(crate) fn newest() -> i64 {
    i64::try_from(ALL.len()).unwrap_or(i64::MAX)
}

/// Those that a database of this version does not have yet.
pub(crate) fn after(version: i64) -> impl Iterator<Item = &'static str> {
    ALL.iter().copied().skip(usize::try_from(version).unwrap_or(usize::MAX))
}
