//! All that a lookup names in one statement, for a server that is a round trip away: parts, of which those are put together that
//! a lookup needs. One statement sees one moment.
//!
//! Each row says which part it is of, by which key it was found or missed, and whether it is there; then what the statement of
//! that part in `statements.rs` selects, as texts. `$1` is the issuer in each of them (INV-08). Which parts belong together, and
//! which parameter is what, stands in `postgres/loading.rs`.

/// What others lead on from: a name, and what it finds.
pub(crate) type Source = (&'static str, &'static str);

pub(crate) const CODE: Source =
    ("c", "SELECT grant_id, wrong_verifiers, redeemed_at, record FROM codes WHERE issuer = $1 AND hash = $3");
pub(crate) const REFRESH_TOKEN: Source = (
    "r",
    "SELECT hash, grant_id, family, spent_at, successor, superseded_by, record FROM refresh_tokens \
     WHERE issuer = $1 AND hash = $4",
);
pub(crate) const FAMILY: Source =
    ("f", "SELECT grant_id FROM refresh_tokens WHERE issuer = $1 AND family = $5 LIMIT 1");
pub(crate) const ACCESS_TOKEN: Source =
    ("a", "SELECT hash, grant_id, record, client_id, token_id FROM access_tokens WHERE issuer = $1 AND hash = $6");
pub(crate) const PENDING: Source =
    ("p", "SELECT offer, record, client_id FROM pending_requests WHERE issuer = $1 AND handle = $10");
pub(crate) const SESSION: Source =
    ("s", "SELECT user_id, last_used_at, ended_at, record FROM sessions WHERE issuer = $1 AND id = $11");
pub(crate) const NAMED_USER: Source = (
    "n",
    "SELECT id, status, credentials_generation, password, record FROM users WHERE issuer = $1 AND username = $12",
);
/// After a list of where its id may stand, the first one first.
pub(crate) const GRANT: Source = (
    "g",
    "SELECT i.id AS key, t.issuer, t.user_id, t.client_id, t.session_id, t.revoked_at, t.revoked_because, \
     t.last_used_at, t.narrowings, t.remaining, t.record \
     FROM i LEFT JOIN grants AS t ON t.issuer = $1 AND t.id = i.id WHERE i.id IS NOT NULL",
);

/// Names of keys, each found by the first of its places that has one.
pub(crate) const GRANT_ID: &str = "i";
pub(crate) const USER_ID: &str = "u";
pub(crate) const CLIENT_ID: &str = "k";
pub(crate) const HOLDER_ID: &str = "h";
pub(crate) const TOKEN_ID: &str = "j";
pub(crate) const CONSENTING: &str = "w";

/// Where keys stand.
pub(crate) const GRANT_OF_CODE: &str = "(SELECT grant_id FROM c)";
pub(crate) const GRANT_OF_REFRESH_TOKEN: &str = "(SELECT grant_id FROM r)";
pub(crate) const GRANT_OF_FAMILY: &str = "(SELECT grant_id FROM f)";
pub(crate) const GRANT_OF_ACCESS_TOKEN: &str = "(SELECT grant_id FROM a)";
pub(crate) const GRANT_OF_TOKEN_ID: &str = "$7";
pub(crate) const USER_OF_GRANT: &str = "(SELECT user_id FROM g)";
pub(crate) const USER_OF_NAME: &str = "(SELECT id FROM n)";
pub(crate) const USER_OF_SESSION: &str = "(SELECT user_id FROM s)";
pub(crate) const CLIENT_NAMED: &str = "$2";
pub(crate) const CLIENT_OF_PENDING: &str = "(SELECT client_id FROM p)";
pub(crate) const HOLDER_OF_ACCESS_TOKEN: &str = "(SELECT client_id FROM a)";
pub(crate) const HOLDER_OF_GRANT: &str = "(SELECT client_id FROM g)";
pub(crate) const HOLDER_NAMED: &str = "$9";
pub(crate) const ID_OF_ACCESS_TOKEN: &str = "(SELECT token_id FROM a)";
pub(crate) const ID_NAMED: &str = "$8";

/// A part of the answer: ten columns, the first its name, then two of a key, whether it is there, and up to seven of a row.
pub(crate) type Part = &'static str;

pub(crate) const OF_CODE: Part = "SELECT 'code', $3, NULL, 'y', CAST(wrong_verifiers AS TEXT), CAST(redeemed_at AS TEXT), record, NULL, NULL, NULL, NULL FROM c";
pub(crate) const OF_REFRESH_TOKEN: Part = "SELECT 'refresh token', $4, NULL, 'y', hash, grant_id, family, CAST(spent_at AS TEXT), successor, superseded_by, record FROM r";
pub(crate) const OF_SUCCESSOR: Part = "SELECT 'refresh token', r.successor, NULL, CASE WHEN t.issuer IS NULL THEN 'n' ELSE 'y' END, t.hash, t.grant_id, t.family, \
     CAST(t.spent_at AS TEXT), t.successor, t.superseded_by, t.record \
     FROM r LEFT JOIN refresh_tokens AS t ON t.issuer = $1 AND t.hash = r.successor \
     WHERE r.successor IS NOT NULL AND r.spent_at IS NOT NULL";
pub(crate) const OF_FAMILY: Part =
    "SELECT 'family', $5, NULL, 'y', grant_id, NULL, NULL, NULL, NULL, NULL, NULL FROM f";
pub(crate) const OF_ACCESS_TOKEN: Part =
    "SELECT 'access token', $6, NULL, 'y', hash, grant_id, record, NULL, NULL, NULL, NULL FROM a";
pub(crate) const OF_GRANT: Part = "SELECT 'grant', key, NULL, CASE WHEN issuer IS NULL THEN 'n' ELSE 'y' END, CAST(revoked_at AS TEXT), revoked_because, \
     CAST(last_used_at AS TEXT), CAST(narrowings AS TEXT), remaining, record, NULL FROM g";
pub(crate) const OF_GRANT_SESSION: Part = "SELECT 'session', g.session_id, NULL, CASE WHEN t.issuer IS NULL THEN 'n' ELSE 'y' END, CAST(t.last_used_at AS TEXT), \
     CAST(t.ended_at AS TEXT), t.record, NULL, NULL, NULL, NULL \
     FROM g LEFT JOIN sessions AS t ON t.issuer = $1 AND t.id = g.session_id WHERE g.session_id IS NOT NULL";
pub(crate) const OF_SESSION: Part = "SELECT 'session', $11, NULL, 'y', CAST(last_used_at AS TEXT), CAST(ended_at AS TEXT), record, NULL, NULL, NULL, NULL FROM s";
pub(crate) const OF_PENDING: Part =
    "SELECT 'pending', $10, NULL, 'y', offer, record, NULL, NULL, NULL, NULL, NULL FROM p";
pub(crate) const OF_NAMED_USER: Part = "SELECT 'named user', $12, NULL, 'y', status, CAST(credentials_generation AS TEXT), password, record, NULL, NULL, NULL FROM n";
pub(crate) const OF_USER: Part = "SELECT 'user', u.id, NULL, CASE WHEN t.issuer IS NULL THEN 'n' ELSE 'y' END, t.status, \
     CAST(t.credentials_generation AS TEXT), t.password, t.record, NULL, NULL, NULL \
     FROM u LEFT JOIN users AS t ON t.issuer = $1 AND t.id = u.id WHERE u.id IS NOT NULL";
pub(crate) const OF_CLIENT: Part = "SELECT 'client', k.id, NULL, CASE WHEN t.issuer IS NULL THEN 'n' ELSE 'y' END, t.status, t.record, \
     NULL, NULL, NULL, NULL, NULL \
     FROM k LEFT JOIN clients AS t ON t.issuer = $1 AND t.id = k.id WHERE k.id IS NOT NULL";
pub(crate) const OF_HOLDER: Part = "SELECT 'client', h.id, NULL, CASE WHEN t.issuer IS NULL THEN 'n' ELSE 'y' END, t.status, t.record, \
     NULL, NULL, NULL, NULL, NULL \
     FROM h LEFT JOIN clients AS t ON t.issuer = $1 AND t.id = h.id WHERE h.id IS NOT NULL";
pub(crate) const OF_CONSENT: Part = "SELECT 'consent', w.id, k.id, CASE WHEN t.issuer IS NULL THEN 'n' ELSE 'y' END, t.record, NULL, NULL, NULL, NULL, NULL, NULL \
     FROM w CROSS JOIN k LEFT JOIN consents AS t ON t.issuer = $1 AND t.user_id = w.id AND t.client_id = k.id \
     WHERE w.id IS NOT NULL AND k.id IS NOT NULL";
pub(crate) const OF_ENDED_TOKEN: Part = "SELECT 'ended', 'access_token', j.id, CASE WHEN t.issuer IS NULL THEN 'n' ELSE 'y' END, t.kind, t.id, \
     CAST(t.ended_at AS TEXT), CAST(t.kept_until AS TEXT), NULL, NULL, NULL \
     FROM j LEFT JOIN ended AS t ON t.issuer = $1 AND t.kind = 'access_token' AND t.id = j.id WHERE j.id IS NOT NULL";
pub(crate) const OF_ENDED_CLIENT: Part = "SELECT 'ended', 'client', h.id, CASE WHEN t.issuer IS NULL THEN 'n' ELSE 'y' END, t.kind, t.id, \
     CAST(t.ended_at AS TEXT), CAST(t.kept_until AS TEXT), NULL, NULL, NULL \
     FROM h LEFT JOIN ended AS t ON t.issuer = $1 AND t.kind = 'client' AND t.id = h.id WHERE h.id IS NOT NULL";
pub(crate) const OF_RESOURCES: Part = "SELECT 'resource', id, NULL, 'y', record, NULL, NULL, NULL, NULL, NULL, NULL FROM resources \
     WHERE issuer = $1 AND id = ANY ($17)";
pub(crate) const OF_ATTEMPTS: Part = "SELECT 'attempts', counted_by, NULL, 'y', CAST(since AS TEXT), CAST(counted AS TEXT), NULL, NULL, NULL, NULL, NULL FROM attempts \
     WHERE issuer = $1 AND counted_by = ANY ($13)";
pub(crate) const OF_WAITING_FROM_NETWORK: Part = "SELECT 'from network', $14, NULL, 'y', CAST(COALESCE(SUM(one), 0) AS TEXT), NULL, NULL, NULL, NULL, NULL, NULL FROM \
     (SELECT 1 AS one FROM pending_requests WHERE issuer = $1 AND network = $14 LIMIT $15) AS counted";
pub(crate) const OF_WAITING_IN_ALL: Part = "SELECT 'in all', NULL, NULL, 'y', CAST(COALESCE(SUM(one), 0) AS TEXT), NULL, NULL, NULL, NULL, NULL, NULL FROM \
     (SELECT 1 AS one FROM pending_requests WHERE issuer = $1 LIMIT $16) AS counted";
pub(crate) const OF_KEYS: Part = "SELECT 'keys', NULL, NULL, 'y', CAST(revision AS TEXT), NULL, NULL, NULL, NULL, NULL, NULL FROM key_revisions WHERE issuer = $1";
