//! How large the server is, and how soon it answers.

use std::path::Path;
use std::time::Duration;

use super::catalogue::{BINARY, RESIDENT_IDLE, RESIDENT_LOADED, START};
use super::town::Town;
use crate::book::Book;
use crate::clock;
use crate::driver::{Connection, Request};
use crate::fault::Fault;
use crate::server::Site;
use crate::world::HOST;

/// Starts a server on its own database again and again.
pub async fn start(binary: &Path, folder: &Path, book: &mut Book) -> Result<(), Fault> {
    let site = Site::prepare(binary, folder.to_owned(), 1)?;
    // The first start makes the database and the key.
    drop(site.start()?);
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let began = clock::instant();
        let server = site.start()?;
        let mut connection = Connection::open(server.address).await?;
        let answer = connection.ask(&Request::get(HOST, "/readyz").into_bytes()).await?;
        if answer.status != 200 {
            return Err(answer.unexpected("200"));
        }
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(SETTLED).await;
        if took.len() == STARTS {
            book.add(RESIDENT_IDLE, megabytes(server.process.resident()?));
        }
    }
    took.sort_by(f64::total_cmp);
    book.add(START, took.get(STARTS / 2).copied().unwrap_or(f64::NAN));
    Ok(())
}

/// What the binary takes on the disk.
pub fn binary(binary: &Path, book: &mut Book) -> Result<(), Fault> {
    let bytes = std::fs::metadata(binary).map_err(Fault::file("reading", binary))?.len();
    book.add(BINARY, megabytes(bytes));
    Ok(())
}

/// What is resident after a round of everything.
pub fn resident(town: &Town, book: &mut Book) -> Result<(), Fault> {
    book.add(RESIDENT_LOADED, megabytes(town.server.process.most_resident()?));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

const STARTS: usize = 5;
const SETTLED: Duration = Duration::from_millis(200);
