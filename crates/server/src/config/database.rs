//! Where records are kept, and what their signing keys are encrypted with. Start at [`read`].
//!
//! Connects to nothing. A URL is never shown with a password, and a password stands in no file that many may read.

use std::path::{Path, PathBuf};

use grantd_store::{Location, PostgresServer};
use grantd_tokens::{KeyEncryptionKey, Secret};

use super::fault::{ConfigFault, Origin};
use super::layers::Layers;
use super::reading::Reading;
use super::secret_file::read_secret;
use crate::keys::KekSource;
use crate::pages::Mode;

/// The database, and the key-encryption key of it.
pub(super) fn read(reading: &mut Reading<'_>, layers: &Layers, mode: Mode) -> (Location, KekSource) {
    let url = read_url(reading, layers);
    let default = match (&url, mode) {
        (Some(_), _) => None,
        (None, Mode::Production) => Some(PathBuf::from(SYSTEM_DATABASE)),
        (None, Mode::Development) => Some(PathBuf::from(LOCAL_DATABASE)),
    };
    if url.is_some() && reading.is_set("database.path") {
        let why = format!("database.url is set as well ({})", reading.origin("database.url"));
        reading.refuse("database.path", why, "take one of the two out: a file, or a PostgreSQL server");
    }
    let path = reading.path("database.path", default).unwrap_or_default();
    let server = read_server(reading, layers, url.as_deref());
    let database = match server {
        Some(server) => Location::Postgres(server),
        // Whoever wrote a URL meant no file, whatever else is wrong with it.
        None if url.is_some() => Location::Memory,
        None => file_or_memory(reading, &path, mode),
    };
    let key = read_key_encryption_key(reading, layers, &database, mode);
    (database, key)
}

fn file_or_memory(reading: &mut Reading<'_>, path: &Path, mode: Mode) -> Location {
    if path.file_name().is_none_or(|name| name != IN_MEMORY) {
        return Location::File(path.to_owned());
    }
    if mode == Mode::Production {
        let why = "would lose every client, user and approval at the end";
        reading.refuse("database.path", why, "name a file, or use --dev");
    }
    Location::Memory
}

/// As it was written. Shown without its password.
fn read_url(reading: &mut Reading<'_>, layers: &Layers) -> Option<String> {
    let url = reading.url("database.url");
    let holds_password = url.as_deref().is_some_and(holds_password);
    // A variable is as good a place for it as any other secret of ours has.
    if holds_password && !matches!(layers.origin("database.url"), Origin::Variable(_)) {
        let why = "a password in it would be read by everybody who may read this";
        let fix = "take the password out, and name a file with it in database.password_file";
        reading.refuse("database.url", why, fix);
    }
    url
}

fn read_server(reading: &mut Reading<'_>, layers: &Layers, url: Option<&str>) -> Option<PostgresServer> {
    let password = read_password(reading, layers);
    let certificates = reading.path("database.root_certificates", None);
    let Some(url) = url else {
        for (name, is_set) in [
            ("database.password", layers.secret("database.password").is_some()),
            ("database.password_file", reading.is_set("database.password_file")),
            ("database.root_certificates", reading.is_set("database.root_certificates")),
        ] {
            if is_set {
                let origin = layers.origin(name);
                let why = "is for a PostgreSQL server, and database.url names none";
                reading.faults.push(ConfigFault::new(origin, name, why, "set database.url, or take this out"));
            }
        }
        return None;
    };
    if password.is_some() && password_in(url).is_some() {
        let fix = "take the password out of the URL";
        reading.refuse("database.url", "holds a password, and another is set beside it", fix);
    }
    let server = match PostgresServer::parse(url) {
        Ok(server) => server,
        Err(fault) => {
            let (why, fix) = split(&fault.to_string());
            reading.refuse("database.url", why, fix);
            return None;
        }
    };
    let server = match password {
        Some(password) => server.with_password(password.expose()),
        None => server,
    };
    match certificates {
        Some(path) => trusting(reading, server, &path),
        None => Some(server),
    }
}

fn trusting(reading: &mut Reading<'_>, server: PostgresServer, path: &Path) -> Option<PostgresServer> {
    let pem = match std::fs::read(path) {
        Ok(pem) => pem,
        Err(error) => {
            reading.refuse("database.root_certificates", format!("cannot be read: {error}"), NAME_CERTIFICATES);
            return None;
        }
    };
    match server.with_root_certificates(&pem) {
        Ok(server) => Some(server),
        Err(fault) => {
            reading.refuse("database.root_certificates", fault.to_string(), NAME_CERTIFICATES);
            None
        }
    }
}

/// From the variable itself, or from a file.
fn read_password(reading: &mut Reading<'_>, layers: &Layers) -> Option<Secret> {
    let file = reading.path("database.password_file", None);
    let inline = layers.secret("database.password");
    if let Some((_, origin)) = inline {
        reading.show_masked("database.password", origin.clone());
    }
    match (inline, file) {
        (Some((secret, _)), None) => Some(secret.clone()),
        (Some((_, origin)), Some(_)) => {
            let why = "database.password_file is set as well";
            let fault = ConfigFault::new(origin.clone(), "database.password", why, "unset one of the two");
            reading.faults.push(fault);
            None
        }
        (None, Some(path)) => match read_secret(&path) {
            Ok(secret) => Some(secret),
            Err(fault) => {
                reading.refuse("database.password_file", fault.why, fault.fix);
                None
            }
        },
        (None, None) => None,
    }
}

fn read_key_encryption_key(reading: &mut Reading<'_>, layers: &Layers, database: &Location, mode: Mode) -> KekSource {
    let default = match (database, mode) {
        (Location::File(path), _) => Some(path.with_file_name(KEK_FILE)),
        (Location::Postgres(_), Mode::Development) => Some(Path::new(LOCAL_DATABASE).with_file_name(KEK_FILE)),
        (Location::Postgres(_), Mode::Production) | (Location::Memory, _) => None,
    };
    let file = reading.path("keys.key_encryption_key_file", default);
    match (layers.secret("keys.key_encryption_key"), file, database) {
        (Some((secret, origin)), _, _) => {
            reading.show_masked("keys.key_encryption_key", origin.clone());
            if KeyEncryptionKey::parse(secret.expose()).is_none() {
                let why = "is not 32 bytes in base64url without padding (43 characters)";
                let fault = ConfigFault::new(origin.clone(), "keys.key_encryption_key", why, MAKE_KEY);
                reading.faults.push(fault);
            }
            KekSource::Inline(secret.clone())
        }
        (None, Some(file), Location::Postgres(_)) if mode == Mode::Production => KekSource::Shared(file),
        (None, Some(file), _) => KekSource::File(file),
        (None, None, Location::Postgres(_)) => {
            let why =
                "is not set: every node on one database needs the same key, so it has no place of its own beside one";
            let fix = "make a key once, give every node a copy of the file, and name it here: \
                       (umask 077; openssl rand 32 | basenc --base64url | tr -d = > key-encryption.key)";
            reading.refuse("keys.key_encryption_key_file", why, fix);
            KekSource::Fleeting
        }
        (None, None, _) => KekSource::Fleeting,
    }
}

/// Whether a password stands in a URL.
pub(crate) fn holds_password(url: &str) -> bool {
    password_in(url).is_some()
}

/// The password that stands in a URL, before the host or among the options.
fn password_in(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (before, options) = rest.split_once('?').unwrap_or((rest, ""));
    let user_info = before.rsplit_once('@').map(|(user_info, _)| user_info);
    let before_host = user_info.and_then(|user_info| user_info.split_once(':')).map(|(_, password)| password);
    let among_options = options.split('&').find_map(|option| option.strip_prefix("password="));
    before_host.or(among_options)
}

/// A URL as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    // What cannot be read is not shown at all: nobody knows where in it a password stands.
    if PostgresServer::parse(url).is_err() {
        return "(not shown)".to_owned();
    }
    match password_in(url) {
        Some(password) if !password.is_empty() => url.replacen(&format!(":{password}@"), ":(secret)@", 1).replacen(
            &format!("password={password}"),
            "password=(secret)",
            1,
        ),
        _ => url.to_owned(),
    }
}

/// Faults of the store say what is wrong and what to do in one sentence.
fn split(says: &str) -> (String, String) {
    let (why, fix) = says.split_once("; ").or_else(|| says.split_once(": ")).unwrap_or((says, EXAMPLE));
    (why.to_owned(), fix.to_owned())
}

const SYSTEM_DATABASE: &str = "/var/lib/grantd/grantd.db";
const LOCAL_DATABASE: &str = "grantd-data/grantd.db";
const IN_MEMORY: &str = ":memory:";
const KEK_FILE: &str = "key-encryption.key";
const MAKE_KEY: &str = "make one with: openssl rand 32 | basenc --base64url | tr -d =";
const NAME_CERTIFICATES: &str =
    "name the PEM file with the certificate of the authority that the server's own comes from";
const EXAMPLE: &str = "write postgres://grantd@db.example/grantd";
