//! What the disk takes to make 4 KiB durable.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::clock;
use crate::fault::Fault;
use crate::statistics::percentile;

/// Medians, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Syncs {
    /// Into blocks that the file has already, as SQLite writes its log.
    pub overwrite: f64,
    /// At the end of a file that grows.
    pub append: f64,
}

/// Writes and syncs, both ways.
pub fn syncs(folder: &Path, each: Duration) -> Result<Syncs, Fault> {
    let path = folder.join("sync.part");
    let doing = || Fault::file("writing", &path);
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).map_err(doing())?;
    let append = median_sync(&file, each, None).map_err(doing())?;
    let written = file.metadata().map_err(doing())?.len();
    let overwrite = median_sync(&file, each, Some(written)).map_err(doing())?;
    std::fs::remove_file(&path).map_err(doing())?;
    Ok(Syncs { overwrite, append })
}

/// Into the first `within` bytes, again and again; at the end if there is no bound.
fn median_sync(mut file: &File, for_about: Duration, within: Option<u64>) -> std::io::Result<f64> {
    let block = [0x67_u8; 4096];
    let began = clock::instant();
    let mut took = Vec::new();
    while began.elapsed() < for_about || took.len() < 10 {
        if within.is_some_and(|bytes| file.stream_position().is_ok_and(|position| position + 4096 > bytes))
            || took.is_empty()
        {
            file.seek(SeekFrom::Start(0))?;
        }
        let before = clock::instant();
        file.write_all(&block)?;
        file.sync_data()?;
        took.push(u32::try_from(before.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    took.sort_unstable();
    Ok(f64::from(percentile(&took, 0.5)))
}
