//! The same request over more and more connections: what a crowd costs, and how long it waits.

use super::catalogue::{
    CLIENT_CREDENTIALS_AT_1, CLIENT_CREDENTIALS_AT_16, CLIENT_CREDENTIALS_AT_64, CLIENT_CREDENTIALS_AT_128,
    CLIENT_CREDENTIALS_AT_512, REFRESH_AT_1, REFRESH_AT_16, REFRESH_AT_64, REFRESH_AT_128, REFRESH_AT_512,
};
use super::town::Town;
use crate::book::{Book, Line};
use crate::fault::Fault;
use crate::visitors::{Refreshing, Repeating};

/// What is measured here, and over how many connections.
pub const LINES: &[(Line, Asked, usize)] = &[
    (CLIENT_CREDENTIALS_AT_1, Asked::ClientCredentials, 1),
    (CLIENT_CREDENTIALS_AT_16, Asked::ClientCredentials, 16),
    (CLIENT_CREDENTIALS_AT_64, Asked::ClientCredentials, 64),
    (CLIENT_CREDENTIALS_AT_128, Asked::ClientCredentials, 128),
    (CLIENT_CREDENTIALS_AT_512, Asked::ClientCredentials, 512),
    (REFRESH_AT_1, Asked::Refresh, 1),
    (REFRESH_AT_16, Asked::Refresh, 16),
    (REFRESH_AT_64, Asked::Refresh, 64),
    (REFRESH_AT_128, Asked::Refresh, 128),
    (REFRESH_AT_512, Asked::Refresh, 512),
];

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing is written.
    ClientCredentials,
    /// Durable.
    Refresh,
}

/// One round of one of them.
pub async fn measure(line: Line, asked: Asked, connections: usize, town: &Town, book: &mut Book) -> Result<(), Fault> {
    let load = match asked {
        Asked::ClientCredentials => town.load(vec![Repeating::client_credentials(); connections]).await?.0,
        Asked::Refresh => {
            let tokens = town.refresh_tokens(connections * GRANTS_EACH).await?;
            let each = tokens.chunks(GRANTS_EACH).map(|tokens| Refreshing::new(tokens.to_vec()));
            town.load(each.collect()).await?.0
        }
    };
    book.add_load(line, &load, None);
    Ok(())
}

/// Grants that each connection refreshes in turn.
const GRANTS_EACH: usize = 2;
