-- Many nodes on one database: what they agree by, and what one round trip needs to find all that a request names.
--
-- As 0001 says: one text for SQLite and PostgreSQL, what can change stands in columns.

-- The client of a request and of a token that is not signed, to be joined by. NULL in an older row: it stands in the record alone.
ALTER TABLE pending_requests ADD COLUMN client_id TEXT;
ALTER TABLE access_tokens ADD COLUMN client_id TEXT;

-- Who does for all nodes what only one has to do, and until when. A lease makes nothing correct, which is the guards' business; it
-- spares the others the work.
CREATE TABLE leases (
    issuer TEXT NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, name)
);

-- The last transaction of each connection that writes, in that same transaction: whoever did not hear the answer to a commit finds
-- here whether it was done. Of no issuer, as one transaction serves all. Swept by wrote_at.
CREATE TABLE writers (
    id TEXT NOT NULL,
    batch BIGINT NOT NULL,
    wrote_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX writers_by_time ON writers (wrote_at);

-- The name of a token that is not signed, to be joined by, too. NULL in an older row.
ALTER TABLE access_tokens ADD COLUMN token_id TEXT;

-- What has no time yet is not found by it, and the index of those rows would be written at each use of a token.
DROP INDEX codes_by_lapse;
CREATE INDEX codes_by_lapse ON codes (issuer, lapses_at) WHERE lapses_at IS NOT NULL;
DROP INDEX refresh_tokens_by_spending;
CREATE INDEX refresh_tokens_by_spending ON refresh_tokens (issuer, spent_at) WHERE spent_at IS NOT NULL;
DROP INDEX grants_by_revocation;
CREATE INDEX grants_by_revocation ON grants (issuer, revoked_at) WHERE revoked_at IS NOT NULL;
