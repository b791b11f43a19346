-- The life of a grant: what comes after it was given.
--
-- As 0001 says: one text for SQLite and PostgreSQL, every key begins with the issuer, what can change stands in columns.
-- Each new column has a value that older rows can have, so that they stay readable.

-- ---- signing keys that follow each other (KEYS-02, KEYS-03) ----

-- From when on a key signs; it is published from created_at on.
ALTER TABLE signing_keys ADD COLUMN active_from BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET active_from = created_at;
-- A removed key leaves its name for a while; its record is emptied in the same write.
ALTER TABLE signing_keys ADD COLUMN removed_at BIGINT;

-- Counts the writes to an issuer's signing keys: whoever holds keys in memory sees that they are not those of now, and
-- whoever changes them is first or looks again.
CREATE TABLE key_revisions (
    issuer TEXT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (issuer)
);

-- ---- grants and tokens ----

-- NULL in an older row: as its record says.
ALTER TABLE clients ADD COLUMN status TEXT;

-- 0 in an older row: it comes last where the newest come first. What a user sees of it is in the record.
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT NOT NULL DEFAULT 0;
DROP INDEX sessions_by_user;
CREATE INDEX sessions_by_user ON sessions (issuer, user_id, authenticated_at);

-- created_at: as for sessions. last_used_at: NULL in an older row, not since it was given.
-- remaining: the scopes, resources and details that are left (JSON); NULL if nothing was taken back.
ALTER TABLE grants ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN last_used_at BIGINT;
ALTER TABLE grants ADD COLUMN narrowings BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN remaining TEXT;
DROP INDEX grants_by_user;
CREATE INDEX grants_by_user ON grants (issuer, user_id, created_at);
CREATE INDEX grants_by_revocation ON grants (issuer, revoked_at);

-- family: NULL for a token made before families had a part of their own. superseded_by: what its predecessor got instead;
-- spent_at then says since when, and there is no successor. Swept by spent_at.
ALTER TABLE refresh_tokens ADD COLUMN family TEXT;
ALTER TABLE refresh_tokens ADD COLUMN superseded_by TEXT;
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (issuer, family);
CREATE INDEX refresh_tokens_by_spending ON refresh_tokens (issuer, spent_at);

-- grant_id: NULL for a client's own.
CREATE TABLE access_tokens (
    issuer TEXT NOT NULL,
    hash TEXT NOT NULL,
    grant_id TEXT,
    expires_at BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, hash)
) /* WITHOUT ROWID */;
CREATE INDEX access_tokens_by_grant ON access_tokens (issuer, grant_id);
CREATE INDEX access_tokens_by_expiry ON access_tokens (issuer, expires_at);

-- kind and id: what ended, one access token or all that a client holds for itself. Swept by kept_until.
CREATE TABLE ended (
    issuer TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    kept_until BIGINT NOT NULL,
    PRIMARY KEY (issuer, kind, id)
) /* WITHOUT ROWID */;
CREATE INDEX ended_by_time ON ended (issuer, ended_at);
CREATE INDEX ended_by_end ON ended (issuer, kept_until);

-- Lists of grants for operators, the newest first.
CREATE INDEX grants_by_time ON grants (issuer, created_at);
DROP INDEX grants_by_client;
CREATE INDEX grants_by_client ON grants (issuer, client_id, created_at);

-- What happened. Rows are added and, when they are old, forgotten; nothing changes one. Not WITHOUT ROWID: the index of its key is
-- small beside the records, and all that counting them reads.
CREATE TABLE events (
    issuer TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    id TEXT NOT NULL,
    weight BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, happened_at, id)
);
-- When there are too many, the lightest go first.
CREATE INDEX events_by_weight ON events (issuer, weight, happened_at);

-- When what was agreed to was agreed to: a grant that is given on it without a question holds only while it stands.
ALTER TABLE consents ADD COLUMN given_at BIGINT;
