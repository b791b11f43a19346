//! The parts, as lines.

use crate::book::Book;
use crate::lines::catalogue::{
    ARGON2ID, COMMIT_1, COMMIT_32, COMMIT_128, COMMIT_512, EDDSA_SIGN, EDDSA_VERIFY, ES256_SIGN, ES256_VERIFY, SHA256,
    SYNC_APPEND, SYNC_OVERWRITE,
};
use crate::parts::Parts;

/// Puts one round of them into the book.
pub fn note(parts: &Parts, book: &mut Book) {
    for (line, value) in [
        (ES256_SIGN, parts.es256_sign),
        (ES256_VERIFY, parts.es256_verify),
        (EDDSA_SIGN, parts.eddsa_sign),
        (EDDSA_VERIFY, parts.eddsa_verify),
        (SHA256, parts.sha256),
        (ARGON2ID, parts.argon2id / 1000.0),
        (SYNC_OVERWRITE, parts.sync_overwrite),
        (SYNC_APPEND, parts.sync_append),
    ] {
        book.add(line, value);
    }
    for (line, commits) in [COMMIT_1, COMMIT_32, COMMIT_128, COMMIT_512].into_iter().zip(parts.commits) {
        book.add(line, commits.cpu_each).beside("per second", commits.per_second);
    }
}
