//! The only SQL of the project: one text for SQLite and PostgreSQL, every value a parameter (STORE-10).
//!
//! `$1` is the issuer in each of them (INV-08). A guard stands in the `WHERE` of the write that it guards, and a statement
//! that only guards writes the row it depends on (law 3), with the value it already has. What each change means is decided
//! in `grantd_protocol::state`; which statements make it up, in `writes.rs`.

pub(crate) mod loading;
pub(crate) mod restoring;
pub(crate) mod schema;
pub(crate) mod whole_tables;

/// Every statement that may be run, those of commands too.
pub(crate) fn every() -> impl Iterator<Item = &'static str> {
    ALL.iter().chain(restoring::ALL).copied().chain(whole_tables::statements())
}

/// Whether a statement may write more rows than any request does, and take as long: it ends or forgets all that a client or an
/// issuer has.
pub(crate) fn is_of_all(sql: &str) -> bool {
    [REVOKE_GRANTS_OF_CLIENT, FORGET_CONSENTS_TO_CLIENT].contains(&sql) || restoring::ALL.contains(&sql)
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = $sql;)*

        /// Every statement. A driver prepares them all before it serves.
        pub(crate) const ALL: &[&str] = &[$($name,)*];
    };
}

statements! {
    // ---- reading what a lookup names ----
    CLIENT = "SELECT status, record FROM clients WHERE issuer = $1 AND id = $2";
    RESOURCE = "SELECT record FROM resources WHERE issuer = $1 AND id = $2";
    USER = "SELECT status, credentials_generation, password, record FROM users WHERE issuer = $1 AND id = $2";
    USER_BY_USERNAME =
        "SELECT status, credentials_generation, password, record FROM users WHERE issuer = $1 AND username = $2";
    SESSION = "SELECT last_used_at, ended_at, record FROM sessions WHERE issuer = $1 AND id = $2";
    PENDING = "SELECT offer, record FROM pending_requests WHERE issuer = $1 AND handle = $2";
    GRANT =
        "SELECT revoked_at, revoked_because, last_used_at, narrowings, remaining, record FROM grants \
         WHERE issuer = $1 AND id = $2";
    CODE = "SELECT wrong_verifiers, redeemed_at, record FROM codes WHERE issuer = $1 AND hash = $2";
    REFRESH_TOKEN =
        "SELECT hash, grant_id, family, spent_at, successor, superseded_by, record FROM refresh_tokens \
         WHERE issuer = $1 AND hash = $2";
    /// All tokens of a family are of one grant.
    GRANT_OF_FAMILY = "SELECT grant_id FROM refresh_tokens WHERE issuer = $1 AND family = $2 LIMIT 1";
    ACCESS_TOKEN = "SELECT hash, grant_id, record FROM access_tokens WHERE issuer = $1 AND hash = $2";
    ENDED = "SELECT kind, id, ended_at, kept_until FROM ended WHERE issuer = $1 AND kind = $2 AND id = $3";
    CONSENT = "SELECT record FROM consents WHERE issuer = $1 AND user_id = $2 AND client_id = $3";
    CONSENTS_HELD =
        "SELECT record FROM consents WHERE issuer = $1 AND user_id = $2 ORDER BY client_id LIMIT $3";
    ATTEMPTS = "SELECT since, counted FROM attempts WHERE issuer = $1 AND counted_by = $2";
    /// Bounded by the limit, whatever waits: a sum of ones, so that one row is read instead of thousands. The limit is
    /// `WAITING_COUNTED_TO` of the protocol. It is no parameter: SQLite prepares a statement anew whenever one that limits it is bound.
    WAITING_FROM_NETWORK =
        "SELECT COALESCE(SUM(one), 0) FROM \
         (SELECT 1 AS one FROM pending_requests WHERE issuer = $1 AND network = $2 LIMIT 1000) AS counted";
    /// As above, for all networks.
    WAITING_IN_ALL =
        "SELECT COALESCE(SUM(one), 0) FROM \
         (SELECT 1 AS one FROM pending_requests WHERE issuer = $1 LIMIT 50000) AS counted";

    // ---- what a user gave to whom, and what ended ----
    /// The newest first, up to $3.
    GRANTS_HELD =
        "SELECT revoked_at, revoked_because, last_used_at, narrowings, remaining, record FROM grants \
         WHERE issuer = $1 AND user_id = $2 AND revoked_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $3";
    SESSIONS_HELD =
        "SELECT last_used_at, ended_at, record FROM sessions \
         WHERE issuer = $1 AND user_id = $2 AND ended_at IS NULL ORDER BY authenticated_at DESC, id DESC LIMIT $3";
    /// Only those that somebody may hold a token of: a grant is used when one is issued. One that ended with its client is left out
    /// as far as the client's own end covers all that was issued under it; a token that was issued while that was being written is
    /// dated later. One that ended when the database was restored is left out, as all keys that its tokens were signed with are
    /// listed: there may be more of those grants than a feed holds.
    GRANTS_REVOKED_SINCE =
        "SELECT id FROM grants WHERE issuer = $1 AND revoked_at >= $2 AND COALESCE(last_used_at, revoked_at) >= $2 \
         AND (revoked_because NOT IN ('client_disabled', 'client_removed') OR NOT EXISTS \
         (SELECT 1 FROM ended WHERE ended.issuer = $1 AND ended.kind = 'client' AND ended.id = grants.client_id \
         AND ended.ended_at >= COALESCE(grants.last_used_at, grants.revoked_at))) \
         AND (revoked_because <> 'restored' OR NOT EXISTS \
         (SELECT 1 FROM signing_keys WHERE signing_keys.issuer = $1 AND signing_keys.removed_at = grants.revoked_at)) \
         ORDER BY revoked_at, id";
    ENDED_SINCE =
        "SELECT kind, id, ended_at, kept_until FROM ended \
         WHERE issuer = $1 AND ended_at >= $2 ORDER BY ended_at, kind, id";

    // ---- lists, page by page: what comes after a key ----
    CLIENTS = "SELECT status, record FROM clients WHERE issuer = $1 AND id > $2 ORDER BY id LIMIT $3";
    RESOURCES = "SELECT record FROM resources WHERE issuer = $1 AND id > $2 ORDER BY id LIMIT $3";
    USERS =
        "SELECT status, credentials_generation, password, record FROM users \
         WHERE issuer = $1 AND username > $2 ORDER BY username LIMIT $3";
    SIGNING_KEYS =
        "SELECT created_at, active_from, record FROM signing_keys \
         WHERE issuer = $1 AND removed_at IS NULL ORDER BY created_at, algorithm, kid";
    REMOVED_KEYS =
        "SELECT algorithm, kid, removed_at FROM signing_keys \
         WHERE issuer = $1 AND removed_at >= $2 ORDER BY removed_at, algorithm, kid";
    KEYS_REVISION = "SELECT revision FROM key_revisions WHERE issuer = $1";

    // ---- grants by time, and what hangs on one ----
    /// The newest first: what comes after $2 and $3.
    GRANTS_BY_TIME =
        "SELECT created_at, id, revoked_at, revoked_because, last_used_at, narrowings, remaining, record \
         FROM grants WHERE issuer = $1 AND (created_at, id) < ($2, $3) \
         ORDER BY created_at DESC, id DESC LIMIT $4";
    GRANTS_OF_USER_BY_TIME =
        "SELECT created_at, id, revoked_at, revoked_because, last_used_at, narrowings, remaining, record \
         FROM grants WHERE issuer = $1 AND user_id = $5 AND (created_at, id) < ($2, $3) \
         ORDER BY created_at DESC, id DESC LIMIT $4";
    GRANTS_OF_CLIENT_BY_TIME =
        "SELECT created_at, id, revoked_at, revoked_because, last_used_at, narrowings, remaining, record \
         FROM grants WHERE issuer = $1 AND client_id = $5 AND (created_at, id) < ($2, $3) \
         ORDER BY created_at DESC, id DESC LIMIT $4";
    CODES_OF_GRANT =
        "SELECT wrong_verifiers, redeemed_at, record FROM codes WHERE issuer = $1 AND grant_id = $2 LIMIT $3";
    /// The unspent one first, then the latest. Ordered by an expression, so that no index of all spent tokens is gone through.
    REFRESH_TOKENS_OF_GRANT =
        "SELECT hash, grant_id, family, spent_at, successor, superseded_by, record FROM refresh_tokens \
         WHERE issuer = $1 AND grant_id = $2 ORDER BY COALESCE(spent_at, 9223372036854775807) DESC, hash LIMIT $3";
    /// By an expression: as above.
    ACCESS_TOKENS_OF_GRANT =
        "SELECT hash, grant_id, record FROM access_tokens WHERE issuer = $1 AND grant_id = $2 \
         ORDER BY COALESCE(expires_at, 0) DESC, hash LIMIT $3";
    /// Those whose names lie between $3 and $4.
    ENDED_ACCESS_TOKENS =
        "SELECT kind, id, ended_at, kept_until FROM ended \
         WHERE issuer = $1 AND kind = $2 AND id > $3 AND id < $4 ORDER BY id LIMIT $5";

    // ---- the browser's part ----
    ADD_PENDING =
        "INSERT INTO pending_requests (issuer, handle, network, expires_at, offer, record, client_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, handle) DO NOTHING";
    OFFER = "UPDATE pending_requests SET offer = $3 WHERE issuer = $1 AND handle = $2";
    COMPLETE_PENDING = "DELETE FROM pending_requests WHERE issuer = $1 AND handle = $2";
    /// The user is active and their credentials are those that were verified.
    CREDENTIALS_STAND =
        "UPDATE users SET status = 'active' \
         WHERE issuer = $1 AND id = $2 AND status = 'active' AND credentials_generation = $3";
    ADD_SESSION =
        "INSERT INTO sessions (issuer, id, user_id, expires_at, needed_until, authenticated_at, last_used_at, \
         ended_at, record) \
         VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8) ON CONFLICT (issuer, id) DO NOTHING";
    TOUCH_SESSION =
        "UPDATE sessions SET last_used_at = $3 WHERE issuer = $1 AND id = $2 AND ended_at IS NULL";
    END_SESSION = "UPDATE sessions SET ended_at = $3 WHERE issuer = $1 AND id = $2 AND ended_at IS NULL";
    REVOKE_GRANTS_OF_SESSION =
        "UPDATE grants SET revoked_at = $3, revoked_because = $4 \
         WHERE issuer = $1 AND session_id = $2 AND presence = 'while_signed_in' AND revoked_at IS NULL";
    END_OTHER_SESSIONS =
        "UPDATE sessions SET ended_at = $4 WHERE issuer = $1 AND user_id = $2 AND id <> $3 AND ended_at IS NULL";
    /// After the sessions ended: a grant that is given in one of them at this moment writes its row, too (law 3).
    REVOKE_GRANTS_OF_OTHER_SESSIONS =
        "UPDATE grants SET revoked_at = $4, revoked_because = $5 \
         WHERE issuer = $1 AND presence = 'while_signed_in' AND revoked_at IS NULL AND session_id IN \
         (SELECT id FROM sessions WHERE issuer = $1 AND user_id = $2 AND id <> $3)";
    KEEP_CONSENT =
        "INSERT INTO consents (issuer, user_id, client_id, given_at, record) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (issuer, user_id, client_id) DO UPDATE SET given_at = excluded.given_at, record = excluded.record";
    /// What was agreed to stands. A row of the first schema has the time in its record alone.
    CONSENT_STANDS =
        "UPDATE consents SET given_at = $4 \
         WHERE issuer = $1 AND user_id = $2 AND client_id = $3 AND (given_at IS NULL OR given_at = $4)";
    FORGET_CONSENT = "DELETE FROM consents WHERE issuer = $1 AND user_id = $2 AND client_id = $3";

    // ---- grants, codes and tokens ----
    /// The session lives; it is kept as long as the grant that is given in it.
    SESSION_LIVES =
        "UPDATE sessions SET needed_until = CASE WHEN needed_until < $3 THEN $3 ELSE needed_until END \
         WHERE issuer = $1 AND id = $2 AND ended_at IS NULL";
    ADD_GRANT =
        "INSERT INTO grants (issuer, id, user_id, client_id, session_id, presence, created_at, expires_at, \
         revoked_at, revoked_because, last_used_at, narrowings, record) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (issuer, id) DO NOTHING";
    /// The grant stands.
    GRANT_STANDS =
        "UPDATE grants SET revoked_at = NULL WHERE issuer = $1 AND id = $2 AND revoked_at IS NULL";
    ADD_CODE =
        "INSERT INTO codes (issuer, hash, grant_id, lapses_at, wrong_verifiers, redeemed_at, record) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, hash) DO NOTHING";
    REDEEM_CODE =
        "UPDATE codes SET redeemed_at = $3, lapses_at = NULL \
         WHERE issuer = $1 AND hash = $2 AND redeemed_at IS NULL";
    /// Counts no further than a byte holds.
    COUNT_WRONG_VERIFIER =
        "UPDATE codes SET wrong_verifiers = wrong_verifiers + 1 \
         WHERE issuer = $1 AND hash = $2 AND wrong_verifiers < 255";
    REVOKE_GRANT =
        "UPDATE grants SET revoked_at = $3, revoked_because = $4 \
         WHERE issuer = $1 AND id = $2 AND revoked_at IS NULL";
    REVOKE_GRANTS_TO_CLIENT =
        "UPDATE grants SET revoked_at = $4, revoked_because = $5 \
         WHERE issuer = $1 AND user_id = $2 AND client_id = $3 AND revoked_at IS NULL";
    /// $3 the count of what was taken back, as it was read.
    USE_GRANT =
        "UPDATE grants SET last_used_at = $4 \
         WHERE issuer = $1 AND id = $2 AND narrowings = $3 AND revoked_at IS NULL";
    /// As above. Counts no further than 32 bits hold.
    NARROW_GRANT =
        "UPDATE grants SET remaining = $4, \
         narrowings = CASE WHEN narrowings < 4294967295 THEN narrowings + 1 ELSE narrowings END \
         WHERE issuer = $1 AND id = $2 AND narrowings = $3 AND revoked_at IS NULL";
    ADD_ACCESS_TOKEN =
        "INSERT INTO access_tokens (issuer, hash, grant_id, expires_at, record, client_id, token_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, hash) DO NOTHING";
    /// The later end counts.
    END =
        "INSERT INTO ended (issuer, kind, id, ended_at, kept_until) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (issuer, kind, id) DO UPDATE SET ended_at = excluded.ended_at, kept_until = excluded.kept_until \
         WHERE ended.ended_at <= excluded.ended_at";
    ADD_REFRESH_TOKEN =
        "INSERT INTO refresh_tokens (issuer, hash, grant_id, family, spent_at, successor, superseded_by, record) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, hash) DO NOTHING";
    SPEND_REFRESH_TOKEN =
        "UPDATE refresh_tokens SET spent_at = $3, successor = $4 \
         WHERE issuer = $1 AND hash = $2 AND spent_at IS NULL";
    /// Only a token that nobody used.
    SUPERSEDE_REFRESH_TOKEN =
        "UPDATE refresh_tokens SET spent_at = $3, superseded_by = $4 \
         WHERE issuer = $1 AND hash = $2 AND spent_at IS NULL";
    /// Only if it was spent for $3. It stays spent since when it was.
    REPLACE_SUCCESSOR =
        "UPDATE refresh_tokens SET successor = $4 WHERE issuer = $1 AND hash = $2 AND successor = $3";

    // ---- throttling ----
    /// $3 now, $4 the length of a window, $5 how many fit into one. Writes nothing where there is no room.
    COUNT_ATTEMPT =
        "INSERT INTO attempts (issuer, counted_by, since, counted) SELECT $1, $2, CAST($3 AS BIGINT), 1 WHERE 0 < CAST($5 AS BIGINT) \
         ON CONFLICT (issuer, counted_by) DO UPDATE SET \
         since = CASE WHEN excluded.since - attempts.since < $4 THEN attempts.since ELSE excluded.since END, \
         counted = CASE WHEN excluded.since - attempts.since < $4 THEN attempts.counted + 1 ELSE 1 END \
         WHERE attempts.counted < $5 OR excluded.since - attempts.since >= $4";
    FORGET_ATTEMPTS = "DELETE FROM attempts WHERE issuer = $1 AND counted_by = $2";

    // ---- the operator's part ----
    /// It stays switched on or off as it is; an older row has that in the record that is replaced.
    PUT_CLIENT =
        "INSERT INTO clients (issuer, id, status, record) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (issuer, id) DO UPDATE SET \
         status = COALESCE(clients.status, excluded.status), record = excluded.record";
    SET_CLIENT_STATUS = "UPDATE clients SET status = $3 WHERE issuer = $1 AND id = $2";
    REMOVE_CLIENT = "DELETE FROM clients WHERE issuer = $1 AND id = $2";
    FORGET_CONSENTS_TO_CLIENT = "DELETE FROM consents WHERE issuer = $1 AND client_id = $2";
    REVOKE_GRANTS_OF_CLIENT =
        "UPDATE grants SET revoked_at = $3, revoked_because = $4 \
         WHERE issuer = $1 AND client_id = $2 AND revoked_at IS NULL";
    PUT_RESOURCE =
        "INSERT INTO resources (issuer, id, record) VALUES ($1, $2, $3) \
         ON CONFLICT (issuer, id) DO UPDATE SET record = excluded.record";
    REMOVE_RESOURCE = "DELETE FROM resources WHERE issuer = $1 AND id = $2";
    /// Neither the id nor the username may be taken.
    ADD_USER =
        "INSERT INTO users (issuer, id, username, status, credentials_generation, password, record) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    REHASH_PASSWORD = "UPDATE users SET password = $4 WHERE issuer = $1 AND id = $2 AND password = $3";
    /// The generation counts no further than 32 bits hold.
    SET_PASSWORD =
        "UPDATE users SET password = $3, credentials_generation = \
         CASE WHEN credentials_generation < 4294967295 THEN credentials_generation + 1 ELSE credentials_generation END \
         WHERE issuer = $1 AND id = $2";
    SET_USER_STATUS = "UPDATE users SET status = $3 WHERE issuer = $1 AND id = $2";
    END_SESSIONS_OF_USER =
        "UPDATE sessions SET ended_at = $3 WHERE issuer = $1 AND user_id = $2 AND ended_at IS NULL";
    REVOKE_GRANTS_OF_USER =
        "UPDATE grants SET revoked_at = $3, revoked_because = $4 \
         WHERE issuer = $1 AND user_id = $2 AND revoked_at IS NULL";
    REMOVE_USER = "DELETE FROM users WHERE issuer = $1 AND id = $2";
    FORGET_CONSENTS_OF_USER = "DELETE FROM consents WHERE issuer = $1 AND user_id = $2";

    // ---- signing keys ----
    BEGIN_KEYS_REVISIONS =
        "INSERT INTO key_revisions (issuer, revision) VALUES ($1, 0) ON CONFLICT (issuer) DO NOTHING";
    /// The keys are still those that were seen.
    ADVANCE_KEYS_REVISION =
        "UPDATE key_revisions SET revision = revision + 1 WHERE issuer = $1 AND revision = $2";
    ADD_SIGNING_KEY =
        "INSERT INTO signing_keys (issuer, algorithm, kid, created_at, active_from, removed_at, record) \
         VALUES ($1, $2, $3, $4, $5, NULL, $6) ON CONFLICT (issuer, algorithm, kid) DO NOTHING";
    ACTIVATE_SIGNING_KEY =
        "UPDATE signing_keys SET active_from = $4 \
         WHERE issuer = $1 AND algorithm = $2 AND kid = $3 AND removed_at IS NULL";
    /// The private half goes with the record.
    REMOVE_SIGNING_KEY =
        "UPDATE signing_keys SET removed_at = $4, record = '' \
         WHERE issuer = $1 AND algorithm = $2 AND kid = $3 AND removed_at IS NULL";
    FORGET_SIGNING_KEY =
        "DELETE FROM signing_keys WHERE issuer = $1 AND algorithm = $2 AND kid = $3 AND removed_at IS NULL";

    // ---- who of many nodes does what one has to do ----
    /// $4 now, $5 until when, $6 later than any clock in order would write.
    TAKE_LEASE =
        "INSERT INTO leases (issuer, name, holder, expires_at) VALUES ($1, $2, $3, $5) \
         ON CONFLICT (issuer, name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
         WHERE leases.holder = excluded.holder OR leases.expires_at <= $4 OR leases.expires_at > $6";
    GIVE_LEASE_BACK = "DELETE FROM leases WHERE issuer = $1 AND name = $2 AND holder = $3";

    // ---- what is told of it: added, read and forgotten, never changed ----
    ADD_EVENT =
        "INSERT INTO events (issuer, happened_at, id, weight, record) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (issuer, happened_at, id) DO NOTHING";
    /// From the newest on: at $2 or later, and before what is named by $3 and $4.
    EVENTS =
        "SELECT happened_at, id, record FROM events \
         WHERE issuer = $1 AND happened_at >= $2 AND happened_at <= $3 AND (happened_at < $3 OR id < $4) \
         ORDER BY happened_at DESC, id DESC LIMIT $5";
    /// How many of the newest of weight $2 there are, up to $3, and when the oldest of those was decided.
    NEWEST_EVENTS =
        "SELECT COALESCE(SUM(one), 0), COALESCE(MIN(happened_at), 0) FROM (SELECT 1 AS one, happened_at FROM events \
         WHERE issuer = $1 AND weight = $2 ORDER BY happened_at DESC LIMIT $3) AS newest";

    // ---- who wrote last: of no issuer ----
    /// The first statement of a transaction: writes nothing if this batch, $2, was committed before.
    MARK_WRITER =
        "INSERT INTO writers (id, batch, wrote_at) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, wrote_at = excluded.wrote_at \
         WHERE writers.batch < excluded.batch";
    /// Batch $2 is the last that was committed. Whatever is durable behind this write is so itself.
    MARK_STANDS = "UPDATE writers SET wrote_at = $3 WHERE id = $1 AND batch = $2";
    /// The condition again: between finding and sweeping, it may have been written anew.
    SWEEP_WRITERS =
        "DELETE FROM writers WHERE wrote_at <= $1 AND id IN \
         (SELECT id FROM writers WHERE wrote_at <= $1 ORDER BY wrote_at LIMIT $2)";

    // ---- sweeping, a batch at a time ----
    SWEEP_PENDING =
        "DELETE FROM pending_requests WHERE issuer = $1 AND handle IN \
         (SELECT handle FROM pending_requests WHERE issuer = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)";
    EXPIRED_GRANTS =
        "SELECT id, session_id FROM grants WHERE issuer = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3";
    /// Grants whose code nobody redeemed in time.
    LAPSED_GRANTS =
        "SELECT grants.id, grants.session_id FROM codes \
         JOIN grants ON grants.issuer = codes.issuer AND grants.id = codes.grant_id \
         WHERE codes.issuer = $1 AND codes.lapses_at <= $2 ORDER BY codes.lapses_at LIMIT $3";
    /// First of all: whoever redeems the code at this moment writes its row, too (law 3).
    CODES_LAPSED =
        "UPDATE codes SET lapses_at = lapses_at WHERE issuer = $1 AND grant_id = $2 AND lapses_at <= $3";
    /// The condition again: between finding and sweeping, the code may have been redeemed.
    SWEEP_GRANT =
        "DELETE FROM grants WHERE issuer = $1 AND id = $2 AND (expires_at <= $3 OR EXISTS \
         (SELECT 1 FROM codes WHERE codes.issuer = $1 AND codes.grant_id = $2 AND codes.lapses_at <= $3))";
    SWEEP_CODES =
        "DELETE FROM codes WHERE issuer = $1 AND grant_id = $2 \
         AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.issuer = $1 AND grants.id = $2)";
    SWEEP_REFRESH_TOKENS =
        "DELETE FROM refresh_tokens WHERE issuer = $1 AND grant_id = $2 \
         AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.issuer = $1 AND grants.id = $2)";
    SWEEP_ACCESS_TOKENS =
        "DELETE FROM access_tokens WHERE issuer = $1 AND grant_id = $2 \
         AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.issuer = $1 AND grants.id = $2)";
    /// Never the unspent one: it has no spent_at.
    SWEEP_SPENT_REFRESH_TOKENS =
        "DELETE FROM refresh_tokens WHERE issuer = $1 AND hash IN \
         (SELECT hash FROM refresh_tokens WHERE issuer = $1 AND spent_at <= $2 AND family IS NOT NULL \
         ORDER BY spent_at LIMIT $3)";
    SWEEP_EXPIRED_ACCESS_TOKENS =
        "DELETE FROM access_tokens WHERE issuer = $1 AND hash IN \
         (SELECT hash FROM access_tokens WHERE issuer = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)";
    /// The condition again: it may have ended once more since.
    SWEEP_ENDED =
        "DELETE FROM ended WHERE issuer = $1 AND kept_until <= $2 AND (kind, id) IN \
         (SELECT kind, id FROM ended WHERE issuer = $1 AND kept_until <= $2 ORDER BY kept_until LIMIT $3)";
    /// The grant that kept the session may be gone: from its own end on, look at it again.
    SESSION_LOST_A_GRANT = "UPDATE sessions SET needed_until = expires_at WHERE issuer = $1 AND id = $2";
    /// The condition again: a grant that is given in one at this moment makes it needed longer.
    SWEEP_SESSIONS =
        "DELETE FROM sessions WHERE issuer = $1 AND needed_until <= $2 AND id IN \
         (SELECT id FROM sessions WHERE issuer = $1 AND needed_until <= $2 AND NOT EXISTS \
         (SELECT 1 FROM grants WHERE grants.issuer = $1 AND grants.session_id = sessions.id) \
         ORDER BY needed_until LIMIT $3)";
    /// The condition again: another window may have begun.
    SWEEP_ATTEMPTS =
        "DELETE FROM attempts WHERE issuer = $1 AND since <= $2 AND counted_by IN \
         (SELECT counted_by FROM attempts WHERE issuer = $1 AND since <= $2 ORDER BY since LIMIT $3)";
    SWEEP_REMOVED_KEYS =
        "DELETE FROM signing_keys WHERE issuer = $1 AND removed_at <= $2 AND kid IN \
         (SELECT kid FROM signing_keys WHERE issuer = $1 AND removed_at <= $2 ORDER BY removed_at LIMIT $3)";
    FORGET_EVENTS =
        "DELETE FROM events WHERE issuer = $1 AND (happened_at, id) IN \
         (SELECT happened_at, id FROM events \
         WHERE issuer = $1 AND weight = $4 AND happened_at < $2 ORDER BY happened_at LIMIT $3)";
}
