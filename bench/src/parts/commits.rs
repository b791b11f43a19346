//! The commit of an exchange through the store itself: code spent, grant used, refresh token added, with so many waiting at once.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::names::Issuer;
use grantd_store::{Location, Options, Store};
use tokio::task::{JoinSet, LocalSet};

use crate::fault::Fault;
use crate::process::own_cpu;
use crate::stock::Stock;
use crate::{clock, process};

/// How many wait at once.
pub const AT_ONCE: [usize; 4] = [1, 32, 128, 512];

/// What commits cost when so many wait at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Commits {
    /// So many.
    pub at_once: usize,
    /// In a second.
    pub per_second: f64,
    /// Microseconds of CPU of all threads, for each.
    pub cpu_each: f64,
}

/// All of [`AT_ONCE`], on a database of its own.
pub async fn measure(folder: &Path, each: Duration) -> Result<[Commits; AT_ONCE.len()], Fault> {
    let mut measured = [Commits::default(); AT_ONCE.len()];
    for (slot, at_once) in measured.iter_mut().zip(AT_ONCE) {
        *slot = at(folder, &Options::default(), at_once, each).await?;
    }
    Ok(measured)
}

/// With these options, and so many at once, on a SQLite file of its own.
pub async fn at(folder: &Path, options: &Options, at_once: usize, for_about: Duration) -> Result<Commits, Fault> {
    let folder =
        tempfile::TempDir::with_prefix_in("commits-", folder).map_err(Fault::file("making a folder in", folder))?;
    let store = Store::open_with(&Location::File(folder.path().join("grantd.db")), options)?;
    let is_alone = at_once == 1 || options.most_in_a_commit == 1;
    within(store, at_once, if is_alone { ENOUGH_ALONE } else { ENOUGH }, for_about).await
}

/// In a store that is empty, at most `enough` of them.
pub async fn within(store: Store, at_once: usize, enough: usize, for_about: Duration) -> Result<Commits, Fault> {
    let mut stock = Stock::begin("commits", clock::now())?;
    stock.settle(&store).await?;
    let mut exchanges = Vec::new();
    while exchanges.len() < enough {
        let given = stock.give(&store, 500).await?;
        exchanges.extend(given.iter().map(|given| stock.exchange(given).0));
    }
    let counter = Rc::new(Counter { exchanges: RefCell::new(exchanges), ..Counter::default() });
    let (before, began) = (process::own_cpu()?, clock::instant());
    let committed = LocalSet::new()
        .run_until(async {
            let mut tasks = JoinSet::new();
            for _ in 0..at_once {
                tasks.spawn_local(commit(store.clone(), stock.issuer().clone(), Rc::clone(&counter)));
            }
            tokio::time::timeout(for_about, async {
                while let Some(ended) = tasks.join_next().await {
                    ended.map_err(|error| Fault::Part(error.to_string()))??;
                }
                Ok::<_, Fault>(())
            })
            .await
            // Out of time rather than out of work; what is under way is not counted.
            .unwrap_or(Ok(()))?;
            Ok::<_, Fault>(f64::from(counter.done.get()))
        })
        .await?;
    let (wall, cpu) = (began.elapsed(), own_cpu()?.saturating_sub(before));
    Ok(Commits {
        at_once,
        per_second: committed / wall.as_secs_f64(),
        cpu_each: cpu.as_secs_f64() * 1e6 / committed.max(1.0),
    })
}

/// About as many as are committed in a second; with fewer left, the measurement ends earlier.
pub const ENOUGH: usize = 12_000;
/// The same, where each waits for the disk by itself.
const ENOUGH_ALONE: usize = 3_000;

#[derive(Debug, Default)]
struct Counter {
    exchanges: RefCell<Vec<Vec<Change>>>,
    done: Cell<u32>,
}

async fn commit(store: Store, issuer: Issuer, counter: Rc<Counter>) -> Result<(), Fault> {
    loop {
        let Some(changes) = counter.exchanges.borrow_mut().pop() else { return Ok(()) };
        match store.commit(&issuer, changes).await? {
            Commit::Done => counter.done.set(counter.done.get() + 1),
            other => return Err(Fault::Part(format!("an exchange could not be committed: {other:?}"))),
        }
    }
}
