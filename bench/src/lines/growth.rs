//! What a database that has grown costs: exchange and refresh with 10⁴, 10⁶ and more grants stored.
//!
//! The grants are written by the store's own commit, as the server writes them, five hundred in a transaction: a session, the grant,
//! its code, spent, and its first refresh token. The events that tell of them are left out.

use std::path::Path;

use grantd_store::{Location, Store};

use super::catalogue::{
    BYTES_A_GRANT, EXCHANGE_AT_10_4, EXCHANGE_AT_10_6, EXCHANGE_GROWN, REFRESH_AT_10_4, REFRESH_AT_10_6, REFRESH_GROWN,
};
use super::town::{Pace, Town};
use crate::book::{Book, Line};
use crate::clock;
use crate::driver::Load;
use crate::fault::Fault;
use crate::server::{Site, eprint_line};
use crate::stock::Stock;
use crate::visitors::{Redeeming, Refreshing};
use crate::world::Database;

/// Servers side by side, each with more grants than the one before.
#[derive(Debug)]
pub struct Growth {
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    exchange: Line,
    refresh: Line,
    town: Town,
    /// Of grants from all over the database; what is left of each after the last round.
    tokens: Vec<String>,
}

impl Growth {
    /// Fills a database for each stage. Takes minutes.
    pub async fn fill(
        binary: &Path,
        folder: &Path,
        pace: Pace,
        grown: Option<u64>,
        book: &mut Book,
    ) -> Result<Self, Fault> {
        let mut stages = Vec::new();
        let sizes = [
            (EXCHANGE_AT_10_4, REFRESH_AT_10_4, Some(10_000)),
            (EXCHANGE_AT_10_6, REFRESH_AT_10_6, Some(1_000_000)),
            (EXCHANGE_GROWN, REFRESH_GROWN, grown),
        ];
        for (exchange, refresh, grants) in sizes {
            let Some(grants) = grants else { continue };
            let folder = folder.join(format!("grown-{grants}"));
            let path = folder.join("grantd.db");
            let site = Site::on(Database::File(path.clone()), binary, folder, PEOPLE)?;
            let tokens = fill(&path, grants).await?;
            let bytes = std::fs::metadata(&path).map_err(Fault::file("reading", &path))?.len();
            #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
            book.add(BYTES_A_GRANT, bytes as f64 / grants as f64);
            let town = Town::at(site.start()?, PEOPLE, pace).await?;
            stages.push(Stage { exchange, refresh, town, tokens });
        }
        Ok(Self { stages })
    }

    /// One round: every stage, one after the other, so that their costs are of the same minute.
    pub async fn measure(&mut self, book: &mut Book) -> Result<(), Fault> {
        let mut first = None;
        for stage in &mut self.stages {
            let exchange = stage.exchange().await?;
            let refresh = stage.refresh().await?;
            let (first_exchange, first_refresh) = *first.get_or_insert((cost(&exchange), cost(&refresh)));
            note(book, stage.exchange, &exchange, first_exchange);
            note(book, stage.refresh, &refresh, first_refresh);
        }
        Ok(())
    }
}

impl Stage {
    async fn exchange(&self) -> Result<Load, Fault> {
        let (_, till) = self.town.codes(CONNECTIONS, CODES).await?;
        Ok(self.town.exhaust(vec![Redeeming::new(&till); CONNECTIONS]).await?.0)
    }

    async fn refresh(&mut self) -> Result<Load, Fault> {
        let each = self.tokens.len().div_ceil(CONNECTIONS).max(1);
        let visitors = self.tokens.chunks(each).map(|tokens| Refreshing::new(tokens.to_vec())).collect();
        let (load, visitors) = self.town.load(visitors).await?;
        self.tokens = visitors.into_iter().flat_map(Refreshing::into_tokens).collect();
        Ok(load)
    }
}

fn cost(load: &Load) -> f64 {
    1e6 / load.per_cpu_second()
}

fn note(book: &mut Book, line: Line, load: &Load, first: f64) {
    let cost = cost(load);
    let figure = if line.against.is_empty() { book.add(line, cost) } else { book.add_judged(line, cost, cost / first) };
    figure.beside("per second", load.per_second()).beside("p99", load.percentile(0.99));
    figure.wrong += load.wrong;
    if let Some(wrong) = &load.first_wrong {
        figure.remark(format!("a wrong answer: {wrong}"));
    }
}

/// Writes the grants, and keeps some of their refresh tokens, from all over.
async fn fill(path: &Path, grants: u64) -> Result<Vec<String>, Fault> {
    let store = Store::open(&Location::File(path.to_owned()))?;
    let mut stock = Stock::begin("growth", clock::now())?;
    stock.settle(&store).await?;
    let every = usize::try_from(grants / KEPT).unwrap_or(1).max(1);
    let mut tokens = Vec::new();
    let began = clock::instant();
    let mut written: u64 = 0;
    while written < grants {
        let given = stock.keep(&store, TOGETHER).await?;
        tokens.extend(given.iter().step_by(every.min(TOGETHER)).map(|token| token.expose().to_owned()));
        written += TOGETHER as u64;
        if written.is_multiple_of(100_000) {
            eprint_line(&format!("{written} of {grants} grants stored after {:.0} s", began.elapsed().as_secs_f64()));
        }
    }
    Ok(tokens)
}

/// Grants in a transaction while a database is filled.
const TOGETHER: usize = 500;
/// About as many refresh tokens are kept; each is used once, and its successor seldom, so that they are not always in the cache.
const KEPT: u64 = 20_000;
const CONNECTIONS: usize = 128;
const CODES: usize = 4000;
const PEOPLE: usize = 8;
