//! On which database a server of these tests keeps its records: what `GRANTD_TEST_DATABASE` chooses, `sqlite` (as without it) or
//! `postgres`.

use std::fs;
use std::path::Path;

use grantd_postgres_fixture::{Isolation, Server};
use grantd_store::{Location, PostgresServer};

/// An empty one.
pub(crate) fn fresh() -> Location {
    if is_postgres() { at(&Server::shared().schema(ISOLATION).url()) } else { Location::Memory }
}

/// That of a folder: the same each time, and empty at first.
pub(crate) fn of(folder: &Path) -> Location {
    url_of(folder).map_or_else(|| Location::File(folder.join("grantd.db")), |url| at(&url))
}

/// That of this folder is a file, whatever was chosen: for what is about the files of SQLite.
pub(crate) fn is_a_file_in(folder: &Path) {
    fs::write(folder.join(NOTE), "").unwrap();
}

/// The setting, and its value, by which a command that runs in this folder finds its database.
pub(crate) fn setting_of(folder: &Path) -> (&'static str, String) {
    url_of(folder).map_or_else(|| ("database.path", "grantd.db".to_owned()), |url| ("database.url", url))
}

/// All that is kept, as bytes: the files of the folder, and of PostgreSQL all the rows of its database.
pub(crate) fn on_disk(folder: &Path) -> Vec<u8> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut kept: Vec<u8> = files.flat_map(|path| fs::read(path).unwrap()).collect();
    if let Some(url) = url_of(folder) {
        kept.extend(Server::shared().rows_at(&url).into_iter().flat_map(String::into_bytes));
    }
    kept
}

fn is_postgres() -> bool {
    match std::env::vars().find(|(name, _)| name == "GRANTD_TEST_DATABASE").map(|(_, value)| value).as_deref() {
        None | Some("sqlite") => false,
        Some("postgres") => true,
        Some(other) => panic!("GRANTD_TEST_DATABASE is `sqlite` or `postgres`, not `{other}`"),
    }
}

/// The server's choice where nothing is said; the tests of the store try the others.
const ISOLATION: Isolation = Isolation::ReadCommitted;

fn at(url: &str) -> Location {
    Location::Postgres(PostgresServer::parse(url).unwrap())
}

/// Written down in the folder, so that whoever comes after finds the same. None if it is a file.
fn url_of(folder: &Path) -> Option<String> {
    if !is_postgres() {
        return None;
    }
    let note = folder.join(NOTE);
    let url = fs::read_to_string(&note).unwrap_or_else(|_| {
        let url = Server::shared().schema(ISOLATION).url();
        fs::write(&note, &url).unwrap();
        url
    });
    Some(url).filter(|url| !url.is_empty())
}

const NOTE: &str = "database-url";
