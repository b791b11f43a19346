//! What an error of the server or of the way to it means: try again, connect again, or say it to the operator.
//!
//! Owns the reading of SQLSTATEs. Carries no value of a record: of what a server says, only texts that name tables, roles and
//! settings are repeated.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::server::PostgresServer;
use crate::fault::StoreFault;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Two transactions stood in each other's way, and this one was undone.
    Conflict,
    /// Another transaction holds a row, and goes on holding it.
    HeldUp,
    /// The connection, or the server behind it, is no use any more.
    Gone,
    /// Nothing that another attempt would change.
    Final,
}

/// How long whoever waits for an answer is kept waiting while the server is away.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn meaning(error: &tokio_postgres::Error) -> Meaning {
    let Some(code) = error.code() else {
        // A value that does not fit its parameter is not a matter of the connection; all else without a code is.
        return if is_of_the_connection(error) { Meaning::Gone } else { Meaning::Final };
    };
    match code.code() {
        "40001" | "40P01" => Meaning::Conflict,
        "55P03" => Meaning::HeldUp,
        // A standby that was asked to write; a prepared statement that the server forgot or that has become another one.
        "25006" | "26000" | "0A000" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300" | "40003" => {
            Meaning::Gone
        }
        code if code.starts_with("08") => Meaning::Gone,
        _ => Meaning::Final,
    }
}

fn is_of_the_connection(error: &tokio_postgres::Error) -> bool {
    let is_io = |cause: &(dyn std::error::Error + 'static)| cause.is::<std::io::Error>();
    error.is_closed() || std::error::Error::source(error).is_none_or(is_io)
}

/// Whether a commit that failed like this is known to have been undone. After any other failure it may stand.
pub(super) fn is_undone(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.code().starts_with("40") && *code != SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN)
}

/// A little longer each time, and not the same for all: those who collided once shall not again.
pub(super) fn pause(attempt: u32, dice: u64) -> Duration {
    let most = 10_u64 << attempt.min(5);
    Duration::from_millis(most / 2 + dice % most)
}

/// What an operator is told.
pub(super) fn fault(error: &tokio_postgres::Error, server: &PostgresServer) -> StoreFault {
    let (place, user) = (server.place(), server.user().to_owned());
    let Some(said) = error.as_db_error() else { return fault_of_the_way(error, server) };
    let reason = said.message().to_owned();
    match said.code().code() {
        "3D000" => StoreFault::NoDatabase { place, user },
        code if code.starts_with("28") => StoreFault::NotLetIn { place, user, reason },
        "42501" => StoreFault::NoPrivilege { place, user, reason },
        "42P07" | "42710" => StoreFault::Occupied { place, reason },
        code if code.starts_with("42") => StoreFault::Damaged { place, reason },
        "53100" => StoreFault::Full { place },
        "55P03" | "40001" | "40P01" => StoreFault::Locked { place },
        "57P01" | "57P02" | "57P03" | "53300" | "25006" => StoreFault::Unreachable { place, reason },
        // The text could tell a value.
        code => StoreFault::Io { place, reason: format!("SQLSTATE {code}") },
    }
}

fn fault_of_the_way(error: &tokio_postgres::Error, server: &PostgresServer) -> StoreFault {
    let (place, user) = (server.place(), server.user().to_owned());
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    let mut is_tls = reason.contains("TLS");
    let is_of_tls =
        |io: &std::io::Error| io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some();
    while let Some(cause) = source {
        is_tls |= cause.is::<rustls::Error>() || cause.downcast_ref::<std::io::Error>().is_some_and(is_of_tls);
        let said = cause.to_string();
        if !reason.contains(&said) {
            reason = format!("{reason}: {said}");
        }
        source = cause.source();
    }
    if is_tls {
        StoreFault::Untrusted { place, reason }
    } else if reason.contains("password") || reason.contains("authentication") || reason.contains("channel binding") {
        StoreFault::NotLetIn { place, user, reason }
    } else {
        StoreFault::Unreachable { place, reason }
    }
}
