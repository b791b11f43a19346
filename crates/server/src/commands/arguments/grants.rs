//! What can be typed about grants and tokens.

use clap::{Args, Subcommand};

use crate::commands::moment::Moment;

#[derive(Debug, Subcommand)]
pub(in crate::commands) enum GrantCommand {
    /// Lists grants, the newest first: those that stand, unless told otherwise
    #[command(after_help = "\
Several conditions together list what meets all of them. A moment is how long ago (2h, 14d), a date, or a date and a time in UTC.

Examples:
  grantd grant list
  grantd grant list --user ann
  grantd grant list --client mail-reader --since 30d --all
  grantd grant list --resource https://lockbox.example/ --used-since 2h --json")]
    List {
        #[command(flatten)]
        filter: GrantFilter,
        #[command(flatten)]
        states: GrantStates,
        /// How many to list
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Shows a grant: who let whom do what, and what became of its code and tokens
    #[command(after_help = "\
No token is shown, nor anything that opens one.

Examples:
  grantd grant show aK3s0v9XyRk2mQ7tZ1cPhwLd5uEoBn8iJfGxV4YqTsM
  grantd grant show aK3s0v9XyRk2mQ7tZ1cPhwLd5uEoBn8iJfGxV4YqTsM --json")]
    Show {
        /// Its id, as `grantd grant list` shows it, and as it stands before the dot in the jti of its access tokens
        // Random: one in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Ends a grant with every token under it, or all grants that meet the conditions
    #[command(after_help = "\
The users are asked again when the client comes back. With --resource, a grant that covers other resources as well stays for those, and
only this one is taken out of it.

Examples:
  grantd grant revoke aK3s0v9XyRk2mQ7tZ1cPhwLd5uEoBn8iJfGxV4YqTsM
  grantd grant revoke --user ann --yes
  grantd grant revoke --client mail-reader --dry-run
  grantd grant revoke --client mail-reader --yes
  grantd grant revoke --resource https://lockbox.example/ --used-since 2h --yes")]
    Revoke {
        /// The id of one grant
        #[arg(conflicts_with = "GrantFilter", allow_hyphen_values = true)]
        id: Option<String>,
        #[command(flatten)]
        filter: GrantFilter,
        /// Does it without asking back; needed for all but a single id
        #[arg(long, conflicts_with = "dry_run")]
        yes: bool,
        /// Shows what would end, and ends nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which grants are meant.
#[derive(Debug, Args)]
#[group(multiple = true)]
pub(in crate::commands) struct GrantFilter {
    /// What this user granted; the username or the id
    #[arg(long, value_name = "USER")]
    pub(in crate::commands) user: Option<String>,
    /// What this client was granted
    #[arg(long, value_name = "CLIENT_ID")]
    pub(in crate::commands) client: Option<String>,
    /// What opens this resource
    #[arg(long, value_name = "URI")]
    pub(in crate::commands) resource: Option<String>,
    /// What was granted then or later
    #[arg(long, value_name = "MOMENT", value_parser = Moment::parse)]
    pub(in crate::commands) since: Option<Moment>,
    /// What was granted before
    #[arg(long, value_name = "MOMENT", value_parser = Moment::parse)]
    pub(in crate::commands) until: Option<Moment>,
    /// That under which a token was issued then or later
    #[arg(long, value_name = "MOMENT", value_parser = Moment::parse)]
    pub(in crate::commands) used_since: Option<Moment>,
}

impl GrantFilter {
    /// Whether it is met by every grant.
    pub(in crate::commands) fn is_empty(&self) -> bool {
        let Self { user, client, resource, since, until, used_since } = self;
        user.is_none()
            && client.is_none()
            && resource.is_none()
            && since.is_none()
            && until.is_none()
            && used_since.is_none()
    }
}

/// In which state.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(multiple = false)]
pub(in crate::commands) struct GrantStates {
    /// Those that were revoked or have expired
    #[arg(long)]
    pub(in crate::commands) ended: bool,
    /// Those that stand and those that do not
    #[arg(long)]
    pub(in crate::commands) all: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::commands) enum TokenCommand {
    /// Says what a token is, where it comes from, and whether it would be accepted now
    #[command(after_help = "\
Takes access tokens, signed or opaque, refresh tokens and authorization codes; or the jti of an access token, or the id of a grant.
Changes nothing: a refresh token or a code that is shown here is as unused as before.
Ends with 0 if it would be accepted and with 1 if not.

Examples:
  grantd token inspect < token.txt
  grantd token inspect aK3s0v9XyRk2mQ7tZ1cPhwLd5uEoBn8iJfGxV4YqTsM --json")]
    Inspect {
        /// The token or the id; from stdin if left out or -. Arguments can be seen by everybody on this machine: pass tokens by stdin
        #[arg(value_name = "TOKEN|ID", allow_hyphen_values = true)]
        what: Option<String>,
    },
}
