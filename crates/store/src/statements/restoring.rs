//! What is written when a database was restored from a backup, and what is asked before. Of a whole issuer, or of all of them: no
//! request runs any of these.

/// Every issuer that ever served from this database: each has a signing key, or the name of one.
pub(crate) const ISSUERS: &str = "SELECT DISTINCT issuer FROM signing_keys ORDER BY issuer";
/// Of any issuer. $1 now, $2 later than any clock in order would write.
pub(crate) const LEASES_IN_FORCE: &str =
    "SELECT issuer, name, expires_at FROM leases WHERE expires_at > $1 AND expires_at <= $2 ORDER BY issuer, name";
/// $2 when, $3 why.
pub(crate) const REVOKE_EVERY_GRANT: &str =
    "UPDATE grants SET revoked_at = $2, revoked_because = $3 WHERE issuer = $1 AND revoked_at IS NULL";
/// In the same transaction as the one above, and only what that one revoked; $2 which.
pub(crate) const KEEP_GRANT: &str = "UPDATE grants SET revoked_at = NULL, revoked_because = NULL \
     WHERE issuer = $1 AND id = $2 AND revoked_at = $3 AND revoked_because = $4";
/// As above, of a client.
pub(crate) const KEEP_GRANTS_OF_CLIENT: &str = "UPDATE grants SET revoked_at = NULL, revoked_because = NULL \
     WHERE issuer = $1 AND client_id = $2 AND revoked_at = $3 AND revoked_because = $4";
pub(crate) const END_EVERY_SESSION: &str = "UPDATE sessions SET ended_at = $2 WHERE issuer = $1 AND ended_at IS NULL";
pub(crate) const FORGET_EVERY_PENDING_REQUEST: &str = "DELETE FROM pending_requests WHERE issuer = $1";
/// Whoever shows one of them shows it a second time.
pub(crate) const SPEND_EVERY_CODE: &str =
    "UPDATE codes SET redeemed_at = $2, lapses_at = NULL WHERE issuer = $1 AND redeemed_at IS NULL";
pub(crate) const FORGET_EVERY_CONSENT: &str = "DELETE FROM consents WHERE issuer = $1";
/// What clients hold for themselves, as if each client's access had ended at $2; $3 until when that matters.
pub(crate) const END_OF_EVERY_CLIENT: &str = "INSERT INTO ended (issuer, kind, id, ended_at, kept_until) SELECT issuer, 'client', id, $2, $3 FROM clients WHERE issuer = $1 \
     ON CONFLICT (issuer, kind, id) DO UPDATE SET ended_at = excluded.ended_at, kept_until = excluded.kept_until \
     WHERE ended.ended_at <= excluded.ended_at";
/// The private halves go.
pub(crate) const REMOVE_EVERY_SIGNING_KEY: &str =
    "UPDATE signing_keys SET removed_at = $2, record = '' WHERE issuer = $1 AND removed_at IS NULL";
/// Further than the keys can have been changed since the backup: no node takes those that it remembers for newer ones.
pub(crate) const LEAVE_KEYS_REVISIONS_BEHIND: &str = "INSERT INTO key_revisions (issuer, revision) VALUES ($1, 1000000) \
     ON CONFLICT (issuer) DO UPDATE SET revision = key_revisions.revision + 1000000";
pub(crate) const FORGET_EVERY_LEASE: &str = "DELETE FROM leases WHERE issuer = $1";

/// Every one of them.
pub(crate) const ALL: &[&str] = &[
    ISSUERS,
    LEASES_IN_FORCE,
    REVOKE_EVERY_GRANT,
    KEEP_GRANT,
    KEEP_GRANTS_OF_CLIENT,
    END_EVERY_SESSION,
    FORGET_EVERY_PENDING_REQUEST,
    SPEND_EVERY_CODE,
    FORGET_EVERY_CONSENT,
    END_OF_EVERY_CLIENT,
    REMOVE_EVERY_SIGNING_KEY,
    LEAVE_KEYS_REVISIONS_BEHIND,
    FORGET_EVERY_LEASE,
];
