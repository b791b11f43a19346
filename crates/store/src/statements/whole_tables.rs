//! Every table as a whole, in the order of its key: for whoever takes all records from one database to another. No request runs any
//! of these.

/// One table. The columns of its key come first, in both statements.
pub(crate) struct WholeTable {
    pub(crate) name: &'static str,
    /// What its key begins after, before the first row.
    pub(crate) before_all: &'static [Before],
    /// The rows that come after a key; the last parameter says how many.
    pub(crate) read: &'static str,
    /// One row. Nothing, if it is there.
    pub(crate) add: &'static str,
}

/// What comes before every value of a column.
#[derive(Clone, Copy)]
pub(crate) enum Before {
    Texts,
    Numbers,
}

/// All but what nodes agree by while they run.
pub(crate) const ALL: &[WholeTable] = &[
    WholeTable {
        name: "clients",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, id, status, record FROM clients WHERE (issuer, id) > ($1, $2) ORDER BY issuer, id LIMIT \
               $3",
        add: "INSERT INTO clients (issuer, id, status, record) VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, id) DO \
              NOTHING",
    },
    WholeTable {
        name: "resources",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, id, record FROM resources WHERE (issuer, id) > ($1, $2) ORDER BY issuer, id LIMIT $3",
        add: "INSERT INTO resources (issuer, id, record) VALUES ($1, $2, $3) ON CONFLICT (issuer, id) DO NOTHING",
    },
    WholeTable {
        name: "users",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, id, username, status, credentials_generation, password, record FROM users WHERE (issuer, \
               id) > ($1, $2) ORDER BY issuer, id LIMIT $3",
        add: "INSERT INTO users (issuer, id, username, status, credentials_generation, password, record) VALUES ($1, \
              $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, id) DO NOTHING",
    },
    WholeTable {
        name: "sessions",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, id, user_id, expires_at, needed_until, authenticated_at, last_used_at, ended_at, record \
               FROM sessions WHERE (issuer, id) > ($1, $2) ORDER BY issuer, id LIMIT $3",
        add: "INSERT INTO sessions (issuer, id, user_id, expires_at, needed_until, authenticated_at, last_used_at, \
              ended_at, record) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (issuer, id) DO NOTHING",
    },
    WholeTable {
        name: "pending_requests",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, handle, network, expires_at, offer, record, client_id FROM pending_requests WHERE \
               (issuer, handle) > ($1, $2) ORDER BY issuer, handle LIMIT $3",
        add: "INSERT INTO pending_requests (issuer, handle, network, expires_at, offer, record, client_id) VALUES ($1, \
              $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, handle) DO NOTHING",
    },
    WholeTable {
        name: "grants",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, id, user_id, client_id, session_id, presence, created_at, expires_at, revoked_at, \
               revoked_because, last_used_at, narrowings, remaining, record FROM grants WHERE (issuer, id) > ($1, $2) \
               ORDER BY issuer, id LIMIT $3",
        add: "INSERT INTO grants (issuer, id, user_id, client_id, session_id, presence, created_at, expires_at, \
              revoked_at, revoked_because, last_used_at, narrowings, remaining, record) VALUES ($1, $2, $3, $4, $5, \
              $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (issuer, id) DO NOTHING",
    },
    WholeTable {
        name: "codes",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, hash, grant_id, lapses_at, wrong_verifiers, redeemed_at, record FROM codes WHERE (issuer, \
               hash) > ($1, $2) ORDER BY issuer, hash LIMIT $3",
        add: "INSERT INTO codes (issuer, hash, grant_id, lapses_at, wrong_verifiers, redeemed_at, record) VALUES ($1, \
              $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, hash) DO NOTHING",
    },
    WholeTable {
        name: "refresh_tokens",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, hash, grant_id, family, spent_at, successor, superseded_by, record FROM refresh_tokens \
               WHERE (issuer, hash) > ($1, $2) ORDER BY issuer, hash LIMIT $3",
        add: "INSERT INTO refresh_tokens (issuer, hash, grant_id, family, spent_at, successor, superseded_by, record) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, hash) DO NOTHING",
    },
    WholeTable {
        name: "access_tokens",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, hash, grant_id, expires_at, record, client_id, token_id FROM access_tokens WHERE (issuer, \
               hash) > ($1, $2) ORDER BY issuer, hash LIMIT $3",
        add: "INSERT INTO access_tokens (issuer, hash, grant_id, expires_at, record, client_id, token_id) VALUES ($1, \
              $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, hash) DO NOTHING",
    },
    WholeTable {
        name: "ended",
        before_all: &[Before::Texts, Before::Texts, Before::Texts],
        read: "SELECT issuer, kind, id, ended_at, kept_until FROM ended WHERE (issuer, kind, id) > ($1, $2, $3) ORDER \
               BY issuer, kind, id LIMIT $4",
        add: "INSERT INTO ended (issuer, kind, id, ended_at, kept_until) VALUES ($1, $2, $3, $4, $5) ON CONFLICT \
              (issuer, kind, id) DO NOTHING",
    },
    WholeTable {
        name: "consents",
        before_all: &[Before::Texts, Before::Texts, Before::Texts],
        read: "SELECT issuer, user_id, client_id, given_at, record FROM consents WHERE (issuer, user_id, client_id) > \
               ($1, $2, $3) ORDER BY issuer, user_id, client_id LIMIT $4",
        add: "INSERT INTO consents (issuer, user_id, client_id, given_at, record) VALUES ($1, $2, $3, $4, $5) ON \
              CONFLICT (issuer, user_id, client_id) DO NOTHING",
    },
    WholeTable {
        name: "attempts",
        before_all: &[Before::Texts, Before::Texts],
        read: "SELECT issuer, counted_by, since, counted FROM attempts WHERE (issuer, counted_by) > ($1, $2) ORDER BY \
               issuer, counted_by LIMIT $3",
        add: "INSERT INTO attempts (issuer, counted_by, since, counted) VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, \
              counted_by) DO NOTHING",
    },
    WholeTable {
        name: "events",
        before_all: &[Before::Texts, Before::Numbers, Before::Texts],
        read: "SELECT issuer, happened_at, id, weight, record FROM events WHERE (issuer, happened_at, id) > ($1, $2, \
               $3) ORDER BY issuer, happened_at, id LIMIT $4",
        add: "INSERT INTO events (issuer, happened_at, id, weight, record) VALUES ($1, $2, $3, $4, $5) ON CONFLICT \
              (issuer, happened_at, id) DO NOTHING",
    },
    WholeTable {
        name: "key_revisions",
        before_all: &[Before::Texts],
        read: "SELECT issuer, revision FROM key_revisions WHERE issuer > $1 ORDER BY issuer LIMIT $2",
        add: "INSERT INTO key_revisions (issuer, revision) VALUES ($1, $2) ON CONFLICT (issuer) DO NOTHING",
    },
    WholeTable {
        name: "signing_keys",
        before_all: &[Before::Texts, Before::Texts, Before::Texts],
        read: "SELECT issuer, algorithm, kid, created_at, active_from, removed_at, record FROM signing_keys WHERE \
               (issuer, algorithm, kid) > ($1, $2, $3) ORDER BY issuer, algorithm, kid LIMIT $4",
        add: "INSERT INTO signing_keys (issuer, algorithm, kid, created_at, active_from, removed_at, record) VALUES \
              ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, algorithm, kid) DO NOTHING",
    },
];

/// $1 the moment until which nobody may serve: the end of time. Of no issuer, and no lease that a node takes.
pub(crate) const MARK_AS_HALF_COPIED: &str = "INSERT INTO leases (issuer, name, holder, expires_at) VALUES ('', 'copying', '', $1) \
     ON CONFLICT (issuer, name) DO NOTHING";
pub(crate) const IS_HALF_COPIED: &str = "SELECT name FROM leases WHERE issuer = '' AND name = 'copying'";
pub(crate) const MARK_AS_COPIED: &str = "DELETE FROM leases WHERE issuer = '' AND name = 'copying'";

/// Every statement.
pub(crate) fn statements() -> impl Iterator<Item = &'static str> {
    let marks = [MARK_AS_HALF_COPIED, IS_HALF_COPIED, MARK_AS_COPIED];
    ALL.iter().flat_map(|table| [table.read, table.add]).chain(marks)
}
