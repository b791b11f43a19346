//! What can be typed: every command, flag and example. What the commands do stands in the files named after them.

mod events;
mod grants;
mod store;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use grantd_tokens::Seconds;

pub(super) use events::EventsArguments;
pub(super) use grants::{GrantCommand, GrantFilter, GrantStates, TokenCommand};
pub(super) use store::{KeepArguments, StoreCommand};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "grantd",
    version,
    about = "The authorization server you can understand: OAuth 2.1 in one binary",
    after_help = THREE_THINGS,
    disable_help_subcommand = true
)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub(super) struct Common {
    /// The configuration file [default: ./grantd.toml, else /etc/grantd/grantd.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub(super) config: Option<PathBuf>,
    /// Development mode: plain http on this computer, data in ./grantd-data, short passwords. Not for production
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(super) dev: bool,
    /// Overrides a setting: --set http.listen=127.0.0.1:9000. `grantd check --show` lists them all
    #[arg(long, global = true, value_name = "SETTING=VALUE", value_parser = setting, help_heading = "Everywhere")]
    pub(super) set: Vec<(String, String)>,
    /// Prints JSON on stdout, for machines
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Runs the server
    #[command(after_help = "\
Examples:
  grantd serve --dev
  grantd serve --dev --ephemeral --listen 127.0.0.1:9000
  grantd serve --config grantd.toml")]
    Serve {
        /// Keeps nothing: the database is gone at the end. Only with --dev
        #[arg(long)]
        ephemeral: bool,
        /// Where to listen; the same as --set http.listen=…
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<String>,
    },
    /// Opens the post office: a small world of apps and APIs around grantd, on this computer
    #[command(after_help = "\
Examples:
  grantd demo
  grantd demo --script")]
    Demo {
        /// Walks the whole dance without a browser, tries what must fail, and ends with 0 if all went as it must
        #[arg(long)]
        script: bool,
        /// Runs the native app of the demo beside an open post office: prints the address to visit, waits for the answer on a
        /// loopback port, and reads the letters
        #[arg(long, conflicts_with = "script")]
        native: bool,
        /// Where grantd is, for --native
        #[arg(long, value_name = "URL", requires = "native", default_value = "http://localhost:8420")]
        issuer: String,
        /// The lockbox API, for --native
        #[arg(long, value_name = "URI", requires = "native", default_value = "http://127.0.0.1:8421/boxes")]
        lockbox: String,
    },
    /// Checks the configuration, the files it names, and the database, without changing anything
    #[command(after_help = "\
Every fault comes with its place, its reason and its remedy.

Examples:
  grantd check
  grantd check --show
  grantd check --config grantd.toml --json")]
    Check {
        /// Prints every setting with its value and where that came from; secrets are masked
        #[arg(long)]
        show: bool,
    },
    /// What happened: who, what, which grant, by which rule
    #[command(after_help = "\
The newest come last. With --json, one object a line. docs/operations/events.md explains every kind.

Examples:
  grantd events
  grantd events --user ann --since 2h
  grantd events --client mail-reader --kind refresh_token_reused --kind code_replayed
  grantd events --since 2026-05-01 --until 2026-05-02 --limit 1000 --json
  grantd events --follow")]
    Events(EventsArguments),
    /// Applications that may ask for access
    #[command(
        subcommand,
        after_help = "\
Examples:
  grantd client add --id mail-reader --name Mail --kind web --redirect-uri https://reader.example/cb
  grantd client list"
    )]
    Client(ClientCommand),
    /// People who sign in and decide
    #[command(
        subcommand,
        after_help = "\
Examples:
  grantd user add ann --name Ann --password-stdin < password.txt
  grantd user list"
    )]
    User(UserCommand),
    /// APIs that access is given to
    #[command(
        subcommand,
        after_help = "\
Examples:
  grantd resource add --id https://lockbox.example/ --name Lockboxes --scope 'mail.read=Read mail'
  grantd resource list"
    )]
    Resource(ResourceCommand),
    /// What users granted to clients
    #[command(
        subcommand,
        after_help = "\
Examples:
  grantd grant list --user ann
  grantd grant revoke --client mail-reader --yes"
    )]
    Grant(GrantCommand),
    /// Tokens: where one comes from, and whether it is good
    #[command(
        subcommand,
        after_help = "\
Examples:
  grantd token inspect < token.txt"
    )]
    Token(TokenCommand),
    /// What tokens are signed with
    #[command(
        subcommand,
        after_help = "\
Keys are renewed by themselves; keys.rotate_every says how often.

Examples:
  grantd key list
  grantd key rotate"
    )]
    Key(KeyCommand),
    /// Brings the schema of the database to this version's, as every start does, or says what would be done
    #[command(after_help = "\
All steps are one transaction. --dry-run says whether nodes of the older version may go on serving meanwhile.

Examples:
  grantd migrate --dry-run
  grantd migrate")]
    Migrate {
        /// Says what would be done, and does nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// The database as a whole: backups, and moving to another one
    #[command(
        subcommand,
        after_help = "\
docs/operations/backup.md says what to back up, and what a restore ends.

Examples:
  grantd store backup --to grantd.backup
  grantd store restore --from grantd.backup --yes"
    )]
    Store(StoreCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Registers a client; a secret that is made for it is shown this once
    #[command(after_help = "\
Examples:
  grantd client add --id mail-reader --name Mail --kind web --redirect-uri https://reader.example/cb
  grantd client add --id mail-cli --name CLI --kind native --redirect-uri http://127.0.0.1/cb
  grantd client add --name Backup --kind service --scope mail.read --json
  grantd client add --name API --kind service --introspects https://lockbox.example/")]
    Add(Box<NewClientArguments>),
    /// Lists all clients
    #[command(after_help = "\
Examples:
  grantd client list
  grantd client list --json")]
    List,
    /// Shows a client
    #[command(after_help = "\
Examples:
  grantd client show mail-cli")]
    Show {
        /// Its client_id
        id: String,
    },
    /// Removes a client, and ends all that users granted it
    #[command(after_help = "\
Examples:
  grantd client remove mail-cli")]
    Remove {
        /// Its client_id
        id: String,
    },
    /// Switches a client off; ends all that users granted it, and what it holds for itself
    #[command(after_help = "\
Examples:
  grantd client disable mail-cli")]
    Disable {
        /// Its client_id
        id: String,
    },
    /// Lets a client ask again; what ended stays ended
    #[command(after_help = "\
Examples:
  grantd client enable mail-cli")]
    Enable {
        /// Its client_id
        id: String,
    },
    /// Gives a client a new secret, shown this once; the old one is accepted for a while longer
    #[command(after_help = "\
How long the old secret is accepted is decided by lifetimes.replaced_secret.

Examples:
  grantd client rotate-secret mail-reader
  grantd client rotate-secret mail-reader --now")]
    RotateSecret {
        /// Its client_id
        id: String,
        /// Ends the old secret at once
        #[arg(long)]
        now: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct NewClientArguments {
    /// Its client_id [default: random]
    #[arg(long)]
    pub(super) id: Option<String>,
    /// What users read when they are asked
    #[arg(long)]
    pub(super) name: String,
    /// Where it runs: web (on a server), browser, native (on a device) or service (without users)
    #[arg(long)]
    pub(super) kind: String,
    /// Where answers may go, in full; repeat it for several
    #[arg(long, value_name = "URI")]
    pub(super) redirect_uri: Vec<String>,
    /// client_secret_basic, client_secret_post or none [default: by kind]
    #[arg(long, value_name = "METHOD")]
    pub(super) auth_method: Option<String>,
    /// authorization_code, refresh_token or client_credentials; repeat it for several [default: by kind; none for a service that
    /// only introspects]
    #[arg(long, value_name = "TYPE")]
    pub(super) grant_type: Vec<String>,
    /// A resource it may ask for; repeat it for several [default: the only one there is]
    #[arg(long, value_name = "URI")]
    pub(super) resource: Vec<String>,
    /// A resource whose server this is: it may ask about the tokens it is shown; repeat it for several [default: none]
    #[arg(long, value_name = "URI")]
    pub(super) introspects: Vec<String>,
    /// A scope it may ask for; repeat it for several [default: all of its resources'; none for a service]
    #[arg(long)]
    pub(super) scope: Vec<String>,
    /// A scope it gets when it asks for nothing; repeat it for several [default: none]
    #[arg(long, value_name = "SCOPE")]
    pub(super) default_scope: Vec<String>,
    /// A type of authorization details it may ask for; repeat it for several [default: all of its resources'; none for a service]
    #[arg(long, value_name = "TYPE")]
    pub(super) details_type: Vec<String>,
    /// The algorithm of its access tokens: ES256, EdDSA or RS256 [default: the server's]
    #[arg(long, value_name = "ALG")]
    pub(super) access_token_algorithm: Option<String>,
    /// Where people find the application
    #[arg(long, value_name = "URL")]
    pub(super) homepage: Option<String>,
    /// Its token requests must repeat the redirect URI, as OAuth 2.0 had it
    #[arg(long)]
    pub(super) require_redirect_uri_at_token: bool,
    #[command(flatten)]
    pub(super) secret: SecretArguments,
}

/// A secret that was made elsewhere.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct SecretArguments {
    /// Takes the secret from this file instead of making one
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
    /// Takes the secret from stdin instead of making one
    #[arg(long)]
    pub(super) secret_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Adds a user
    #[command(after_help = "\
Examples:
  grantd user add ann --name Ann --password-stdin < password.txt
  grantd user add bob --password-file bob.password
  grantd user add carol")]
    Add {
        /// What they type to sign in
        username: String,
        /// What they are called
        #[arg(long)]
        name: Option<String>,
        /// Their subject (sub), forever [default: random]
        #[arg(long)]
        id: Option<String>,
        #[command(flatten)]
        password: PasswordArguments,
    },
    /// Lists all users
    #[command(after_help = "\
Examples:
  grantd user list
  grantd user list --json")]
    List,
    /// Shows a user
    #[command(after_help = "\
Examples:
  grantd user show ann")]
    Show {
        /// What they type to sign in
        username: String,
    },
    /// Removes a user, and ends all that they granted
    #[command(after_help = "\
Examples:
  grantd user remove ann")]
    Remove {
        /// What they type to sign in
        username: String,
    },
    /// Sets a new password; ends the user's sessions and what they granted
    #[command(after_help = "\
Examples:
  grantd user set-password ann --password-stdin < password.txt
  grantd user set-password ann --password-file ann.password")]
    SetPassword {
        /// What they type to sign in
        username: String,
        #[command(flatten)]
        password: PasswordArguments,
    },
    /// Locks a user out; ends their sessions and what they granted
    #[command(after_help = "\
Examples:
  grantd user disable ann")]
    Disable {
        /// What they type to sign in
        username: String,
    },
    /// Lets a user in again
    #[command(after_help = "\
Examples:
  grantd user enable ann")]
    Enable {
        /// What they type to sign in
        username: String,
    },
}

/// Where a password comes from. Never from the command line, which everybody on the machine can see.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct PasswordArguments {
    /// Takes the password from this file
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// Takes the password from stdin, one line
    #[arg(long)]
    pub(super) password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ResourceCommand {
    /// Adds a resource, or puts another description in place of one of the same id
    #[command(after_help = "\
A file given with --from holds [[resource]] tables as the configuration does, with types of authorization details as well.

Examples:
  grantd resource add --id https://lockbox.example/ --name Lockboxes --scope 'mail.read=Read mail'
  grantd resource add --id https://lockbox.example/ --name Lockboxes --access-tokens opaque
  grantd resource add --from lockbox.toml")]
    Add(NewResourceArguments),
    /// Lists all resources
    #[command(after_help = "\
Examples:
  grantd resource list
  grantd resource list --json")]
    List,
    /// Shows a resource
    #[command(after_help = "\
Examples:
  grantd resource show https://lockbox.example/")]
    Show {
        /// Its identifier, byte for byte
        id: String,
    },
    /// Removes a resource; no token is issued for it any more
    #[command(after_help = "\
Examples:
  grantd resource remove https://lockbox.example/")]
    Remove {
        /// Its identifier, byte for byte
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Lists all signing keys: the next ones, those that sign, those that did, and those that were removed
    #[command(after_help = "\
Examples:
  grantd key list
  grantd key list --json")]
    List,
    /// Makes the next key of each algorithm now, whatever the age of the one that signs
    #[command(after_help = "\
It is published now and signs in a day, so that everybody who checks tokens has heard of it by then.

Examples:
  grantd key rotate
  grantd key rotate --now")]
    Rotate {
        /// Lets it sign at once: servers that check tokens may refuse them for a minute
        #[arg(long)]
        now: bool,
    },
    /// Gives up a key that is not to be trusted any more: every token that it signed is refused
    #[command(after_help = "\
If it is the key that signs, another one takes over in the same moment.

Examples:
  grantd key remove kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --yes")]
    Remove {
        /// Its name, as `grantd key list` shows it and as it stands in the header of tokens
        // Random: one in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Does it without asking back
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct NewResourceArguments {
    /// A TOML file with [[resource]] tables
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "name", "scope", "access_token_lifetime", "access_tokens"])]
    pub(super) from: Option<PathBuf>,
    /// What stands in `resource` and in `aud`: an https URI, compared byte for byte
    #[arg(long, value_name = "URI", required_unless_present = "from")]
    pub(super) id: Option<String>,
    /// What users read
    #[arg(long, required_unless_present = "from")]
    pub(super) name: Option<String>,
    /// A scope it understands, and what that lets a client do; repeat it for several
    #[arg(long, value_name = "SCOPE=WORDS", value_parser = described)]
    pub(super) scope: Vec<(String, String)>,
    /// How long its access tokens live: 90s, 5m; at most 1h [default: lifetimes.access_token]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) access_token_lifetime: Option<Seconds>,
    /// What its access tokens look like: jwt, or opaque, which only introspection can resolve [default: jwt]
    #[arg(long, value_name = "FORM")]
    pub(super) access_tokens: Option<String>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    pair(text).ok_or_else(|| "write SETTING=VALUE, such as http.listen=127.0.0.1:9000".to_owned())
}

fn described(text: &str) -> Result<(String, String), String> {
    pair(text).ok_or_else(|| "write SCOPE=WORDS, such as 'mail.read=See which letters have arrived'".to_owned())
}

fn pair(text: &str) -> Option<(String, String)> {
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn duration(text: &str) -> Result<Seconds, String> {
    crate::config::parse_duration(text).ok_or_else(|| "write a duration, such as 90s or 5m".to_owned())
}

const THREE_THINGS: &str = "\
Three things to try:
  grantd demo                 a small world of apps and APIs on this computer, in your browser
  grantd serve --dev          a server to develop against, without any configuration
  grantd check                what is wrong with a configuration, and how to mend it

Every command has --help, with examples.";
