//! Who is declared on the server that is measured: one resource with signed tokens, one with opaque ones, three clients, and people.
//!
//! The server runs as in production: behind a proxy that ends TLS, which the driver plays. Only the throttles are wide open, for
//! all the load comes from one place.

use std::fmt::Write as _;
use std::path::PathBuf;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use grantd_tokens::Digest;

use crate::fault::Fault;

/// The issuer.
pub const ISSUER: &str = "https://id.bench.example";
/// What stands in `Host`.
pub const HOST: &str = "id.bench.example";
/// Its tokens are JWTs.
pub const API: &str = "https://api.bench.example/";
/// Its tokens are opaque.
pub const SEALED: &str = "https://sealed.bench.example/";
/// The scope of the first.
pub const READ: &str = "read";
/// The scope of the second.
pub const LOOK: &str = "look";
/// What the web application asks for.
pub const WANTED: &str = "read offline_access";
/// Where its answers go.
pub const CALLBACK: &str = "https://app.bench.example/callback";
/// The `code_verifier` of every request.
pub const VERIFIER: &str = "a-code-verifier-that-is-long-enough-to-be-one";
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// An application with a back end.
pub const WEB: Credentials = Credentials { id: "web", secret: "the secret of web, which is long enough" };
/// A program without a user.
pub const ROBOT: Credentials = Credentials { id: "robot", secret: "the secret of robot, which is long enough" };
/// The resource with opaque tokens, as whom it asks about them.
pub const SEALED_API: Credentials =
    Credentials { id: "sealed-api", secret: "the secret of sealed-api, which is long enough" };

/// What a client proves itself with.
#[derive(Clone, Copy, Debug)]
pub struct Credentials {
    /// Its `client_id`.
    pub id: &'static str,
    /// Its secret. There is nothing behind it but this benchmark.
    pub secret: &'static str,
}

impl Credentials {
    fn hash(self) -> String {
        Digest::of(self.secret.as_bytes()).to_base64url()
    }
}

/// The name of one of the people.
pub fn username(number: usize) -> String {
    format!("person-{number}")
}

/// Where a server keeps what it knows.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file, its key beside it.
    File(PathBuf),
    /// A PostgreSQL database, and the file with the key that every node has a copy of.
    Postgres {
        /// As in `database.url`.
        url: String,
        /// As in `keys.key_encryption_key_file`.
        key_file: PathBuf,
    },
}

impl Database {
    fn settings(&self) -> String {
        match self {
            Self::File(path) => format!("[database]\npath = \"{}\"", path.display()),
            Self::Postgres { url, key_file } => {
                let key_file = key_file.display();
                format!("[database]\nurl = \"{url}\"\n\n[keys]\nkey_encryption_key_file = \"{key_file}\"")
            }
        }
    }
}

/// The configuration of a server with this many people.
pub fn configuration(database: &Database, people: usize) -> Result<String, Fault> {
    let mut text = format!(
        r#"issuer = "{ISSUER}"

[http]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]

{database}

[limits]
pending_per_network = 1000
pending_in_all = 50000
sign_ins_per_account_and_network = 1000000
sign_ins_per_account = 1000000
sign_ins_per_network = 1000000
sign_ins_in_all = 100000000

[[resource]]
id = "{API}"
name = "API"
scopes = [{{ name = "{READ}", description = "Read what is there" }}]

[[resource]]
id = "{SEALED}"
name = "Sealed API"
access_token_format = "opaque"
access_token_lifetime = "1h"
scopes = [{{ name = "{LOOK}", description = "Look at it" }}]

[[client]]
id = "{web}"
name = "Web application"
kind = "web"
secret_hash = "{web_secret}"
redirect_uris = ["{CALLBACK}"]
resources = ["{API}"]
scopes = ["{READ}", "offline_access"]

[[client]]
id = "{robot}"
name = "Robot"
kind = "service"
secret_hash = "{robot_secret}"
resources = ["{API}", "{SEALED}"]
scopes = ["{READ}", "{LOOK}"]

[[client]]
id = "{sealed}"
name = "Sealed API"
kind = "service"
secret_hash = "{sealed_secret}"
introspects = ["{SEALED}"]
"#,
        database = database.settings(),
        web = WEB.id,
        web_secret = WEB.hash(),
        robot = ROBOT.id,
        robot_secret = ROBOT.hash(),
        sealed = SEALED_API.id,
        sealed_secret = SEALED_API.hash(),
    );
    let password = password_hash(PASSWORD)?;
    for number in 0..people {
        let name = username(number);
        // Writing to a String does not fail.
        let _ = write!(text, "\n[[user]]\nusername = \"{name}\"\npassword_hash = \"{password}\"\n");
    }
    Ok(text)
}

/// argon2id at the cost that the server pays: a hash of another cost would be made anew at the first sign-in.
pub fn argon2id() -> Result<Argon2<'static>, Fault> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| Fault::Part(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// One hash for everybody: what is measured is the time that comparing takes.
fn password_hash(password: &str) -> Result<PasswordHash, Fault> {
    let hash = argon2id()?.hash_password_with_salt(password.as_bytes(), b"salt for a bench");
    hash.map_err(|error| Fault::Part(error.to_string()))
}
