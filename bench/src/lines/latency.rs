//! How long somebody waits: alone, and while everybody signs in.

use std::path::Path;
use std::time::Duration;

use super::catalogue::{ALONE, TOKEN_IDLE, TOKEN_STORM};
use super::town::Town;
use crate::book::Book;
use crate::fault::Fault;
use crate::parts::disk;
use crate::visitors::{Paced, Redeeming, Repeating, SigningIn};

/// One exchange after the other, over one connection: none shares its commit.
///
/// The disk is asked before and after: what a sync takes changes from one moment to the next.
pub async fn alone(town: &Town, folder: &Path, book: &mut Book) -> Result<(), Fault> {
    let (_, till) = town.codes(1, EXCHANGES_ALONE).await?;
    let before = disk::syncs(folder, SYNCING)?.overwrite;
    let (load, _) = town.exhaust(vec![Redeeming::new(&till)]).await?;
    let after = disk::syncs(folder, SYNCING)?.overwrite;
    let p50 = load.percentile(0.5);
    let figure = book.add(ALONE, p50 / f64::midpoint(before, after));
    figure.wrong += load.wrong;
    figure.beside("p50", p50).beside("p99", load.percentile(0.99));
    Ok(())
}

/// Tokens are asked for at a gentle pace, first alone and then beside as many sign-ins as the server takes on.
pub async fn storm(town: &Town, book: &mut Book) -> Result<(), Fault> {
    let gentle = || vec![Paced::new(Repeating::client_credentials(), PAUSE); GENTLE];
    let (idle, _) = town.load(gentle()).await?;
    let people = town.browsers.len().max(1);
    let storm: Vec<_> = (0..STORM).map(|number| SigningIn::of(number % people)).collect();
    let (beside, storm) = tokio::join!(town.load(gentle()), town.load(storm));
    let ((beside, _), (storm, _)) = (beside?, storm?);
    let milliseconds = |load: &crate::driver::Load| load.percentile(0.99) / 1000.0;
    let (idle_p99, storm_p99) = (milliseconds(&idle), milliseconds(&beside));
    book.add(TOKEN_IDLE, idle_p99).beside("p50", idle.percentile(0.5)).wrong += idle.wrong;
    let figure = book.add_judged(TOKEN_STORM, storm_p99, storm_p99 / idle_p99);
    figure.beside("p50", beside.percentile(0.5)).beside("sign-ins per second", storm.per_second());
    figure.wrong += beside.wrong + storm.wrong;
    if let Some(first) = beside.first_wrong.or(storm.first_wrong) {
        figure.remark(format!("a wrong answer: {first}"));
    }
    Ok(())
}

const EXCHANGES_ALONE: usize = 300;
const SYNCING: Duration = Duration::from_millis(200);
/// Connections that ask for tokens, each a hundred times in a second at most.
const GENTLE: usize = 8;
const PAUSE: Duration = Duration::from_millis(10);
/// People who sign in at once: more than cores, and fewer than may wait (64).
const STORM: usize = 32;
