-- The first tables. One text for SQLite and PostgreSQL: TEXT and BIGINT only, digests as base64url.
--
-- Every primary key begins with the issuer, so that nothing of one issuer can be found by asking for another's (INV-08).
-- Each kind of artifact has a table of its own (INV-04). A row is its keys, the columns that a guard or a sweep reads, and
-- in `record` the rest as JSON; what can change stands in columns only, what stands in `record` never changes.
--
-- `/* WITHOUT ROWID */` is a comment to PostgreSQL. The SQLite driver puts it in force: small rows that are found by their
-- hash then cost one search instead of two.

CREATE TABLE clients (
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, id)
);

CREATE TABLE resources (
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, id)
);

CREATE TABLE users (
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    username TEXT NOT NULL,
    status TEXT NOT NULL,
    credentials_generation BIGINT NOT NULL,
    password TEXT,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, id)
);
CREATE UNIQUE INDEX users_by_username ON users (issuer, username);

-- needed_until: the end of the session or of the last grant given in it, whichever is later. Swept by it.
CREATE TABLE sessions (
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    needed_until BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    ended_at BIGINT,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, id)
) /* WITHOUT ROWID */;
CREATE INDEX sessions_by_user ON sessions (issuer, user_id);
CREATE INDEX sessions_by_needed_until ON sessions (issuer, needed_until);

CREATE TABLE pending_requests (
    issuer TEXT NOT NULL,
    handle TEXT NOT NULL,
    network TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    offer TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, handle)
);
CREATE INDEX pending_requests_by_network ON pending_requests (issuer, network);
CREATE INDEX pending_requests_by_expiry ON pending_requests (issuer, expires_at);

CREATE TABLE grants (
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    presence TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_because TEXT,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, id)
);
CREATE INDEX grants_by_user ON grants (issuer, user_id);
CREATE INDEX grants_by_client ON grants (issuer, client_id);
CREATE INDEX grants_by_session ON grants (issuer, session_id);
CREATE INDEX grants_by_expiry ON grants (issuer, expires_at);

-- lapses_at: when an unredeemed code is too late; nothing once it is redeemed. Swept by it.
CREATE TABLE codes (
    issuer TEXT NOT NULL,
    hash TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    lapses_at BIGINT,
    wrong_verifiers BIGINT NOT NULL,
    redeemed_at BIGINT,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, hash)
) /* WITHOUT ROWID */;
CREATE INDEX codes_by_grant ON codes (issuer, grant_id);
CREATE INDEX codes_by_lapse ON codes (issuer, lapses_at);

CREATE TABLE refresh_tokens (
    issuer TEXT NOT NULL,
    hash TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    spent_at BIGINT,
    successor TEXT,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, hash)
) /* WITHOUT ROWID */;
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (issuer, grant_id);

CREATE TABLE consents (
    issuer TEXT NOT NULL,
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, user_id, client_id)
);
CREATE INDEX consents_by_client ON consents (issuer, client_id);

CREATE TABLE attempts (
    issuer TEXT NOT NULL,
    counted_by TEXT NOT NULL,
    since BIGINT NOT NULL,
    counted BIGINT NOT NULL,
    PRIMARY KEY (issuer, counted_by)
) /* WITHOUT ROWID */;
CREATE INDEX attempts_by_since ON attempts (issuer, since);

CREATE TABLE signing_keys (
    issuer TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    kid TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, algorithm, kid)
);
