//! `grantd store backup`: a copy of the database file, while it is used.

use std::path::Path;

use grantd_store::{Location, Pages, back_up_file};
use serde_json::{Map, Value};

use super::progress::Progress;
use crate::commands::arguments::Common;
use crate::commands::console::{Console, Fields};
use crate::commands::failure::Failure;
use crate::commands::workplace::load;

pub(super) fn run(common: &Common, to: &Path, console: &mut Console<'_>) -> Result<(), Failure> {
    let config = load(common)?;
    let Location::File(database) = &config.database else {
        let why = "only a database file is backed up by grantd".to_owned();
        let fix =
            "back up a PostgreSQL database with pg_dump, or with the archive of its server: docs/operations/backup.md";
        return Err(Failure::InTheWay { why, fix: fix.to_owned() });
    };
    let mut progress = Progress::new(console);
    let rows = back_up_file(database, to, &mut |pages: Pages| {
        progress.tell(|| format!("copied {} of {} pages", pages.done, pages.of));
    })?;
    let bytes = std::fs::metadata(to).map_or(0, |metadata| metadata.len());
    console.note(
        "the key-encryption key is not in it, and without that no signing key in it is of use: keep it elsewhere",
    );
    console.show(
        Fields::default()
            .with("backup", to.display().to_string())
            .with("of", database.display().to_string())
            .with("bytes", bytes)
            .with("holds", rows.into_iter().map(|(kind, rows)| (kind, rows.into())).collect::<Map<_, Value>>()),
    )
}
