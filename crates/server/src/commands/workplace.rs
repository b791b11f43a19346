//! What the commands that keep records work on: the configuration, and the store it names.

use std::os::unix::fs::DirBuilderExt as _;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::events::Source;
use grantd_protocol::names::{Issuer, ResourceId, Username};
use grantd_protocol::records::{Client, PasswordHash, Resource, User};
use grantd_protocol::redirect_uri::LoopbackHttp;
use grantd_protocol::registration::PasswordPolicy;
use grantd_store::{Location, Store};
use grantd_tokens::{Random as _, Secret};

use super::arguments::Common;
use super::failure::Failure;
use crate::config::{Config, Sources};
use crate::env::OsRandom;
use crate::events::with_events;
use crate::keys::KekSource;
use crate::pages::Mode;
use crate::password::PasswordHasher;

/// One issuer's records.
pub(super) struct Workplace {
    pub(super) config: Config,
    pub(super) store: Store,
}

/// Reads the configuration as the flags say.
pub(super) fn load(common: &Common) -> Result<Config, Failure> {
    let mode = if common.dev { Mode::Development } else { Mode::Production };
    let sources = Sources::of_this_process(mode, common.config.clone(), common.set.clone());
    Ok(Config::load(&sources)?)
}

/// In development the folder of the database, or of the key to it, is made, for nobody else. In production somebody decides whose it is.
pub(super) fn make_folder(config: &Config) -> Result<(), Failure> {
    let kept = match (&config.database, &config.key_encryption_key) {
        (Location::File(path), _) | (Location::Postgres(_), KekSource::File(path)) => path,
        (Location::Postgres(_) | Location::Memory, _) => return Ok(()),
    };
    match (config.mode, kept.parent()) {
        (Mode::Development, Some(folder)) if !folder.as_os_str().is_empty() && !folder.exists() => {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|source| Failure::Folder { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

impl Workplace {
    pub(super) fn open(common: &Common) -> Result<Self, Failure> {
        let config = load(common)?;
        if config.database == Location::Memory {
            let why = "database.path is :memory:, where nothing would be left of this".to_owned();
            return Err(Failure::InTheWay { why, fix: "name the file that the server uses".to_owned() });
        }
        make_folder(&config)?;
        let store = Store::open(&config.database)?;
        Ok(Self { config, store })
    }

    pub(super) fn issuer(&self) -> &Issuer {
        &self.config.settings.issuer
    }

    pub(super) fn loopback_http(&self) -> LoopbackHttp {
        match self.config.mode {
            Mode::Development => LoopbackHttp::ForEveryClient,
            Mode::Production => LoopbackHttp::ForNativeClients,
        }
    }

    pub(super) fn password_policy(&self) -> PasswordPolicy {
        match self.config.mode {
            Mode::Development => PasswordPolicy::Development,
            Mode::Production => PasswordPolicy::OnlyFactor,
        }
    }

    /// Writes the changes with the events of them, or says that somebody else was first.
    pub(super) async fn commit(&self, changes: Vec<Change>) -> Result<(), Failure> {
        let changes = with_events(&self.store, self.issuer(), changes, Source::CommandLine).await?;
        match self.store.commit(self.issuer(), changes).await? {
            Commit::Done => Ok(()),
            Commit::Stale | Commit::Refused(_) => Err(Failure::Raced),
        }
    }

    pub(super) async fn clients(&self) -> Result<Vec<Client>, Failure> {
        let mut all: Vec<Client> = Vec::new();
        loop {
            let page = self.store.clients(self.issuer(), all.last().map(|last| last.id.clone()), PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub(super) async fn resources(&self) -> Result<Vec<Resource>, Failure> {
        let mut all: Vec<Resource> = Vec::new();
        loop {
            let after: Option<ResourceId> = all.last().map(|last| last.id.clone());
            let page = self.store.resources(self.issuer(), after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub(super) async fn users(&self) -> Result<Vec<User>, Failure> {
        let mut all: Vec<User> = Vec::new();
        loop {
            let after: Option<Username> = all.last().map(|last| last.username.clone());
            let page = self.store.users(self.issuer(), after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}

/// The hash that is kept of a password. One at a time: nobody else waits.
pub(super) async fn hash(password: &Secret) -> Result<PasswordHash, Failure> {
    let mut salt = [0_u8; 16];
    OsRandom.fill(&mut salt);
    let hasher = PasswordHasher::new(1, 1, std::time::Duration::from_mins(1));
    Ok(PasswordHash::new(hasher.hash(password.expose(), salt).await?))
}

const PAGE: u32 = 500;
