//! The tables: made or brought up to date in one transaction, whoever of many nodes comes first (STORE-11).
//!
//! Owns the table `schema_version`, which says what schema there is and from which binary's schema on it may be used. Start at
//! [`bring_up_to_date`].

use tokio_postgres::error::SqlState;

use super::connection::{Link, Way};
use crate::Inspection;
use crate::fault::StoreFault;
use crate::migrations;
use crate::statements::schema as sql;

/// Migrates if need be. Of several nodes that start at once, one is first, and the others find it done.
pub(super) async fn bring_up_to_date(way: &Way, link: &Link) -> Result<(), StoreFault> {
    let mut attempts = 0;
    loop {
        if look(way, link).await? == Inspection::Current {
            return Ok(());
        }
        match migrate(link).await {
            Ok(()) => {}
            Err((stage, error)) => {
                roll_back(link).await;
                attempts += 1;
                if attempts >= ATTEMPTS || !stage.is_a_collision(&error) {
                    return Err(way.fault(&error));
                }
                // Another one is migrating: it has the row, or has just made the same table.
                tokio::time::sleep(super::retry::pause(attempts, u64::from(attempts))).await;
            }
        }
    }
}

const ATTEMPTS: u32 = 50;

/// What is there. Changes nothing.
pub(super) async fn look(way: &Way, link: &Link) -> Result<Inspection, StoreFault> {
    let newest = migrations::newest();
    let found = match link.client().query_opt(sql::FIND_VERSION, &[]).await {
        Ok(row) => row,
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => return Ok(Inspection::Absent),
        Err(error) => return Err(way.fault(&error)),
    };
    let Some(row) = found else { return Ok(Inspection::Absent) };
    let read = || Ok((row.try_get(0)?, row.try_get(1)?));
    let (found, serves_from): (i64, i64) = read().map_err(|error| way.fault(&error))?;
    if found > newest && serves_from > newest {
        return Err(StoreFault::NewerSchema { place: way.server.place(), found, supported: newest });
    }
    Ok(if found < newest { Inspection::Older { found, newest } } else { Inspection::Current })
}

/// How far a migration came.
#[derive(Clone, Copy)]
enum Stage {
    /// It makes the one table that says which others there are.
    First,
    /// Nobody else migrates.
    Holding,
}

async fn migrate(link: &Link) -> Result<(), (Stage, tokio_postgres::Error)> {
    let client = link.client();
    let first = async {
        client.batch_execute("BEGIN").await?;
        client.batch_execute(sql::CREATE_VERSION).await?;
        client.execute(sql::BEGIN_VERSION, &[]).await?;
        // Waits for whoever is migrating, and holds up whoever comes later.
        client.execute(sql::HOLD_VERSION, &[]).await
    };
    first.await.map_err(|error| (Stage::First, error))?;
    let rest = async {
        let version: i64 = client.query_one(sql::FIND_VERSION, &[]).await?.try_get(0)?;
        for migration in migrations::after(version) {
            client.batch_execute(&in_order_of_bytes(migration)).await?;
        }
        client.execute(sql::SET_VERSION, &[&migrations::newest(), &migrations::SERVES_FROM]).await?;
        client.batch_execute("COMMIT").await
    };
    rest.await.map_err(|error| (Stage::Holding, error))
}

/// Texts are compared as their bytes, as SQLite does: no order depends on the server's language.
fn in_order_of_bytes(migration: &str) -> String {
    let lines = migration.lines().map(|line| {
        let (code, comment) = line.split_once("--").map_or((line, None), |(code, comment)| (code, Some(comment)));
        let code = code.replace(" TEXT", " TEXT COLLATE \"C\"");
        comment.map_or(code.clone(), |comment| format!("{code}--{comment}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Stage {
    /// Two that make the same table or row at once, or stand in each other's way.
    fn is_a_collision(self, error: &tokio_postgres::Error) -> bool {
        let collisions: &[&str] = match self {
            Self::First => &["40001", "40P01", "55P03", "23505", "42P07", "42710"],
            Self::Holding => &["40001", "40P01", "55P03"],
        };
        error.code().is_some_and(|code| collisions.contains(&code.code()))
    }
}

async fn roll_back(link: &Link) {
    if link.client().batch_execute("ROLLBACK").await.is_err() {
        link.give_up();
    }
}
