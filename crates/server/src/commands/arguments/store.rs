//! `grantd store`: what can be typed about the database as a whole.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(in crate::commands) enum StoreCommand {
    /// Copies the database into a new file, while the server runs
    #[command(after_help = "\
The copy is of one moment, readable by its owner alone, and checked before it gets its name. Nothing is overwritten. The
key-encryption key is not in it: keep that elsewhere. For a PostgreSQL server use pg_dump, or its own archiving.

Examples:
  grantd store backup --to grantd.backup
  grantd store backup --to monday.backup --json")]
    Backup {
        /// The file to make
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Puts a backup in the place of the database, while the server is stopped, and ends what was given before
    #[command(after_help = "\
A backup does not know what was spent, taken back or ended since. So all grants, sessions and codes end, what users agreed to is asked
again, and the signing keys are replaced, by which every token ends that is out there. Users, clients and resources are as they
were in the backup: who was disabled, removed or given a new password since has to be looked through.

Examples:
  grantd store restore --from grantd.backup --yes
  grantd store restore --from grantd.backup --keep-grants-of-client mail-reader --yes")]
    Restore {
        /// The backup
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[command(flatten)]
        keep: KeepArguments,
        /// Does it, although a database is replaced
        #[arg(long)]
        yes: bool,
    },
    /// Ends what was given before, in a database that was restored by other means: on a PostgreSQL server, or by copying files
    #[command(after_help = "\
Does what `grantd store restore` does after the copy. Stop every node before; run it before the first one is started again.

Examples:
  grantd store restored --yes
  grantd store restored --keep-consents --yes")]
    Restored {
        #[command(flatten)]
        keep: KeepArguments,
        /// Does it: it cannot be undone
        #[arg(long)]
        yes: bool,
    },
    /// Copies all records into another database, while the server is stopped, and compares the two
    #[command(after_help = "\
From a file to a PostgreSQL server or back. What is left out is the database that is configured. The other one must be empty; a
copy that came to an end half-way goes on when it is run again, and until then nothing serves from it. At the end every table is
counted and digested on both sides; the exit code is not 0 if they differ.

Examples:
  grantd store copy --to copy.db
  grantd store copy --from copy.db --to another.db --json")]
    Copy {
        /// A file, or a URL as in database.url without a password [default: the database that is configured]
        #[arg(long, value_name = "FILE or URL", required_unless_present = "to")]
        from: Option<String>,
        /// A file, or a URL as in database.url without a password [default: the database that is configured]
        #[arg(long, value_name = "FILE or URL")]
        to: Option<String>,
        /// The password for the URL
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

/// What is not ended by a restore.
#[derive(Clone, Debug, Args)]
pub(in crate::commands) struct KeepArguments {
    /// Keeps this grant, although it may have been taken back since; repeat it for several
    #[arg(long = "keep-grant", value_name = "ID")]
    pub(in crate::commands) grants: Vec<String>,
    /// Keeps all grants to this client, although they may have been taken back since; repeat it for several
    #[arg(long = "keep-grants-of-client", value_name = "ID")]
    pub(in crate::commands) grants_of: Vec<String>,
    /// Does not ask users again for what they agreed to, although they may have taken that back since
    #[arg(long = "keep-consents")]
    pub(in crate::commands) consents: bool,
}
