//! The version of the schema, where the database has no place of its own for it.

/// One row. `serves_from`: the oldest binary's schema that may still use these tables.
pub(crate) const CREATE_VERSION: &str = "CREATE TABLE IF NOT EXISTS schema_version (\
     id BIGINT NOT NULL, version BIGINT NOT NULL, serves_from BIGINT NOT NULL, PRIMARY KEY (id))";
pub(crate) const BEGIN_VERSION: &str =
    "INSERT INTO schema_version (id, version, serves_from) VALUES (1, 0, 0) ON CONFLICT (id) DO NOTHING";
/// Writes what is there, so that one transaction at a time goes on from here.
pub(crate) const HOLD_VERSION: &str = "UPDATE schema_version SET version = version WHERE id = 1";
pub(crate) const FIND_VERSION: &str = "SELECT version, serves_from FROM schema_version WHERE id = 1";
pub(crate) const SET_VERSION: &str = "UPDATE schema_version SET version = $1, serves_from = $2 WHERE id = 1";
/// A name that nobody else has.
pub(crate) const NEW_WRITER: &str = "SELECT CAST(gen_random_uuid() AS TEXT)";
/// One clock for all nodes, in seconds. Decides nothing but when marks are swept.
pub(crate) const SERVER_CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM transaction_timestamp()) AS BIGINT)";
