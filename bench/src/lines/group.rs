//! What committing together gains, and what waiting for the disk costs: both through the store, by options that no setting of the
//! server leads to.

use std::path::Path;
use std::time::Duration;

use grantd_store::{Options, Sync};

use super::catalogue::{FULL, GROUP_COMMIT};
use crate::book::Book;
use crate::fault::Fault;
use crate::parts::commits;

/// Together ÷ each by itself.
pub async fn on_and_off(folder: &Path, each: Duration, book: &mut Book) -> Result<(), Fault> {
    let on = commits::at(folder, &Options::default(), AT_ONCE, each).await?;
    let off = commits::at(folder, &Options { most_in_a_commit: 1, ..Options::default() }, AT_ONCE, each).await?;
    let figure = book.add(GROUP_COMMIT, on.per_second / off.per_second);
    figure.beside("on, per second", on.per_second).beside("off, per second", off.per_second);
    Ok(())
}

/// `synchronous=FULL` ÷ `NORMAL`.
pub async fn full_and_normal(folder: &Path, each: Duration, book: &mut Book) -> Result<(), Fault> {
    let full = commits::at(folder, &Options::default(), AT_ONCE, each).await?;
    let normal = commits::at(folder, &Options { sync: Sync::Normal, ..Options::default() }, AT_ONCE, each).await?;
    let figure = book.add(FULL, full.per_second / normal.per_second);
    figure.beside("FULL, per second", full.per_second).beside("NORMAL, per second", normal.per_second);
    Ok(())
}

const AT_ONCE: usize = 128;
