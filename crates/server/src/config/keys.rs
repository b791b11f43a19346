//! Every setting there is, once: the reader, the names of the variables, "did you mean" and the manual follow from this list.

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it stands in the file: `http.listen` is `listen` under `[http]`.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default in words, where it is not a value.
    pub default_in_words: Option<&'static str>,
    /// What it decides, for the manual.
    pub says: &'static str,
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Some text.
    Text,
    /// A URL that is never shown with a password.
    Url,
    /// A file; a relative one is relative to the configuration file, or to the working directory from elsewhere.
    Path,
    /// `address:port`.
    Address,
    /// A whole number between these two.
    Count(u64, u64),
    /// `90s`, `5m`, `12h`, `14d`, or a number of seconds.
    Duration,
    /// A list; in a variable, separated by commas or as JSON.
    Texts,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Never in the file: from a variable, or from the file that the variable with `_FILE` names.
    Secret,
}

impl Key {
    /// The variable that sets it: `GRANTD_HTTP__LISTEN`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "__").to_ascii_uppercase())
    }

    /// The setting of this name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }
}

impl Kind {
    /// For messages and the manual.
    pub fn in_words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Url => "a URL".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Address => "an address and port, such as 127.0.0.1:8420 or [::1]:8420".to_owned(),
            Self::Count(least, most) => format!("a number from {least} to {most}"),
            Self::Duration => "a duration, such as \"90s\", \"5m\", \"12h\" or \"14d\"".to_owned(),
            Self::Texts => "a list of texts".to_owned(),
            Self::Choice(choices) => choices.join(" or "),
            Self::Secret => "a secret, never in the file".to_owned(),
        }
    }
}

/// What every variable begins with.
pub(super) const PREFIX: &str = "GRANTD_";

const fn key(name: &'static str, kind: Kind, says: &'static str) -> Key {
    Key { name, kind, default_in_words: None, says }
}

const fn key_by(name: &'static str, kind: Kind, default: &'static str, says: &'static str) -> Key {
    Key { name, kind, default_in_words: Some(default), says }
}

/// All of them, in the order of the manual.
pub const KEYS: &[Key] = &[
    key_by(
        "issuer",
        Kind::Text,
        "none: it must be set; with `--dev`, `http://localhost` and the port of `http.listen`",
        "The address of this server as all the world sees it, byte for byte: https, no query, no fragment, no slash at the end.",
    ),
    key("http.listen", Kind::Address, "Where to listen. With `--dev`, a loopback address."),
    key(
        "http.hosts",
        Kind::Texts,
        "Names that requests may come in under (`Host`), beside the issuer's: `id.internal`, `id.internal:8443`.",
    ),
    key_by(
        "http.trusted_proxies",
        Kind::Texts,
        "none",
        "Addresses or ranges of the proxies in front that end TLS; only their `X-Forwarded-For` is believed. Required without `[tls]`.",
    ),
    key("http.max_connections", Kind::Count(1, 1_000_000), "Open connections in all."),
    key(
        "http.max_connections_per_source",
        Kind::Count(1, 1_000_000),
        "Open connections of one source; trusted proxies are exempt.",
    ),
    key_by(
        "tls.certificate",
        Kind::Path,
        "none: TLS ends at a proxy",
        "PEM file of the certificate chain, if TLS ends here.",
    ),
    key_by("tls.key", Kind::Path, "none", "PEM file of the certificate's key."),
    key_by(
        "database.path",
        Kind::Path,
        "`/var/lib/grantd/grantd.db`; with `--dev`, `grantd-data/grantd.db`",
        "The SQLite file. With `--dev`, `:memory:` keeps nothing.",
    ),
    key_by(
        "database.url",
        Kind::Url,
        "none: a SQLite file",
        "A PostgreSQL database instead of a file: `postgres://grantd@db.example/grantd`. Anywhere but on this machine it is reached by TLS, its certificate verified, unless `?sslmode=disable` says otherwise.",
    ),
    key_by(
        "database.password_file",
        Kind::Path,
        "none",
        "A file with the password of the user in `database.url`, in one line.",
    ),
    key_by("database.password", Kind::Secret, "none: the file is used", "The same password itself, instead of a file."),
    key_by(
        "database.root_certificates",
        Kind::Path,
        "none: those of the system",
        "PEM file of the authorities that the certificate of the database server may come from, and no others.",
    ),
    key_by(
        "keys.key_encryption_key_file",
        Kind::Path,
        "`key-encryption.key` beside the database file; none with `database.url`",
        "The key that encrypts the signing keys in the database. Beside a database file it is made on first start, for its owner alone; with `database.url` make it once, and give every node a copy. Back it up apart from the database.",
    ),
    key_by(
        "keys.key_encryption_key",
        Kind::Secret,
        "none: the file is used",
        "The same key itself, 32 bytes in base64url, instead of a file.",
    ),
    key(
        "keys.algorithm",
        Kind::Choice(&["ES256", "EdDSA"]),
        "How access tokens are signed, unless a client asked for another algorithm.",
    ),
    key(
        "keys.rotate_every",
        Kind::Duration,
        "How long one key signs until the next, which is published a day before, takes over: 2d to 366d.",
    ),
    key("lifetimes.authorization_code", Kind::Duration, "From the redirect to the token request: at most 60s."),
    key("lifetimes.access_token", Kind::Duration, "How long a stolen access token is worth something: at most 1h."),
    key("lifetimes.refresh_token_idle", Kind::Duration, "Unused for so long, a refresh token ends."),
    key(
        "lifetimes.refresh_token",
        Kind::Duration,
        "However used, everything that hangs from one approval ends: at most 366d.",
    ),
    key(
        "lifetimes.lost_response",
        Kind::Duration,
        "How long a refresh token that comes back is a retry rather than a theft, if nobody used what it was traded for: at most 60s. `0`: never.",
    ),
    key("lifetimes.pending_request", Kind::Duration, "How long a person may take to sign in and decide: at most 10m."),
    key("lifetimes.session_idle", Kind::Duration, "Unused for so long, a browser session ends."),
    key("lifetimes.session", Kind::Duration, "However used, a browser session ends: at most 31d."),
    key(
        "lifetimes.replaced_secret",
        Kind::Duration,
        "How long an old client secret is accepted beside its successor: at most 31d.",
    ),
    key(
        "limits.pending_per_network",
        Kind::Count(1, 1_000),
        "Requests that wait for their users, from one network (/24 or /56).",
    ),
    key("limits.pending_in_all", Kind::Count(1, 50_000), "Requests that wait for their users, in all."),
    key("limits.attempt_window", Kind::Duration, "The window in which attempts are counted: 1s to 1h."),
    key(
        "limits.sign_ins_per_account_and_network",
        Kind::Count(1, 1_000_000),
        "Sign-ins to one account from one network in a window.",
    ),
    key("limits.sign_ins_per_account", Kind::Count(1, 1_000_000), "Sign-ins to one account in a window."),
    key("limits.sign_ins_per_network", Kind::Count(1, 1_000_000), "Sign-ins from one network in a window."),
    key("limits.sign_ins_in_all", Kind::Count(1, 100_000_000), "Sign-ins in all in a window."),
    key("limits.wrong_secrets", Kind::Count(1, 1_000_000), "Wrong secrets of one client from one network in a window."),
    key(
        "limits.wrong_verifiers",
        Kind::Count(1, 100),
        "PKCE verifiers that do not fit before an authorization code is spent.",
    ),
    key("events.keep", Kind::Duration, "How long events are kept: at most 3660d."),
    key(
        "events.most",
        Kind::Count(1, 1_000_000_000),
        "How many events are kept, about 400 bytes each. Beyond it the oldest of what weighs least go.",
    ),
    key(
        "fetch.allow",
        Kind::Texts,
        "Hosts, as `host:port`, that grantd may call although their address, port or scheme is not allowed otherwise. For resources inside your network.",
    ),
    key("fetch.refuse", Kind::Texts, "Networks that grantd never calls, beside those that it never calls anyway."),
    key_by(
        "fetch.extra_ca",
        Kind::Path,
        "none",
        "PEM file of certificates that are trusted for calls, beside the system's.",
    ),
    key_by(
        "log.format",
        Kind::Choice(&["human", "json"]),
        "`human` on a terminal, else `json`",
        "The form of log lines on stderr.",
    ),
    key_by(
        "log.level",
        Kind::Text,
        "`RUST_LOG`, else `info`",
        "What is logged: a level, or `target=level` pairs as in `RUST_LOG`. Libraries never log below `info`.",
    ),
];
