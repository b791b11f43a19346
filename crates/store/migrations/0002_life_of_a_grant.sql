-- The life of a grant: what comes after it was given.

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
