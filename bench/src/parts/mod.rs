//! What a request is made of, measured by itself: signatures, hashes, the disk, and a commit through the store.
//!
//! The ceilings of the lines are sums of these. Start at [`Parts::measure`].

pub mod commits;
pub mod crypto;
pub mod disk;

use std::path::Path;
use std::time::Duration;

use crate::fault::Fault;

/// What each part costs, in microseconds, this time round. CPU time, but for the disk, where it is time that passed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts {
    /// A form in, JSON out, by the bench's own server.
    pub hello: f64,
    /// One ES256 signature.
    pub es256_sign: f64,
    /// Its verification.
    pub es256_verify: f64,
    /// One EdDSA (Ed25519) signature.
    pub eddsa_sign: f64,
    /// Its verification.
    pub eddsa_verify: f64,
    /// SHA-256 of a token.
    pub sha256: f64,
    /// argon2id at the server's cost.
    pub argon2id: f64,
    /// Median of overwriting 4 KiB and syncing it.
    pub sync_overwrite: f64,
    /// Median of appending 4 KiB and syncing it.
    pub sync_append: f64,
    /// Commits of an exchange, by how many wait at once.
    pub commits: [commits::Commits; commits::AT_ONCE.len()],
}

impl Parts {
    /// Everything but hello, which is a server.
    pub async fn measure(folder: &Path, each: Duration) -> Result<Self, Fault> {
        let signatures = crypto::signatures(each)?;
        let disk = disk::syncs(folder, each)?;
        Ok(Self {
            hello: f64::NAN,
            es256_sign: signatures.es256_sign,
            es256_verify: signatures.es256_verify,
            eddsa_sign: signatures.eddsa_sign,
            eddsa_verify: signatures.eddsa_verify,
            sha256: crypto::sha256(each)?,
            argon2id: crypto::argon2id(each)?,
            sync_overwrite: disk.overwrite,
            sync_append: disk.append,
            commits: commits::measure(folder, each * 2).await?,
        })
    }

    /// A commit when 128 wait at once: what the ceilings reckon with.
    pub fn commit(&self) -> f64 {
        let at_128 = self.commits.iter().find(|commits| commits.at_once == 128);
        at_128.map_or(f64::NAN, |commits| commits.cpu_each)
    }
}
