//! `grantd store`: the database as a whole. Start at [`run`].

mod backup;
mod copy;
mod progress;
mod restore;

use super::arguments::{Common, StoreCommand};
use super::console::Console;
use super::failure::Failure;

pub(super) fn run(common: &Common, command: StoreCommand, console: &mut Console<'_>) -> Result<(), Failure> {
    match command {
        StoreCommand::Backup { to } => backup::run(common, &to, console),
        StoreCommand::Restore { from, keep, yes } => restore::run(common, &from, keep, yes, console),
        StoreCommand::Restored { keep, yes } => restore::in_place(common, keep, yes, console),
        StoreCommand::Copy { from, to, password_file } => {
            copy::run(common, &copy::Asked { from, to, password_file }, console)
        }
    }
}
