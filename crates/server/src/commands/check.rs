//! `grantd check`: everything that would stop the server, without starting it or changing anything.

use std::path::Path;

use grantd_store::{Inspection, Location, Store, StoreFault};
use serde_json::json;

use super::arguments::Common;
use super::block_on;
use super::console::{Console, Form};
use super::failure::Failure;
use super::workplace::load;
use crate::config::{Config, ConfigFault, ConfigFaults, Origin};
use crate::fetch::{FetchSettings, Fetcher};
use crate::keys::{KekFault, KekSource, KeyFault, Keys};
use crate::listen::{Tls, TlsFault};
use crate::pages::Mode;

pub(super) fn check(common: &Common, show: bool, console: &mut Console<'_>) -> Result<(), Failure> {
    let config = match load(common) {
        Err(Failure::Config(faults)) => return report(faults, console),
        other => other?,
    };
    if show {
        print_effective(&config, console)?;
    }
    let mut faults = Vec::new();
    check_files(&config, &mut faults);
    for warning in config.warnings() {
        console.note(&warning);
    }
    match Store::inspect(&config.database) {
        // In development the start makes the folder, too.
        Err(StoreFault::NoDirectory { .. }) if config.mode == Mode::Development => console.note(NOT_THERE_YET),
        Ok(Inspection::Current) => check_signing_keys(&config, &mut faults)?,
        Ok(Inspection::Absent) => console.note(NOT_THERE_YET),
        Ok(Inspection::Older { found, newest }) => {
            console.note(&format!(
                "the next start migrates the database from schema {found} to {newest}; make a backup first"
            ));
        }
        Err(fault) => {
            let (why, fix) = split(&fault.to_string());
            let name = database_setting(&config);
            faults.push(ConfigFault::new(origin(&config, name), name, why, fix));
        }
    }
    if !faults.is_empty() {
        return report(ConfigFaults(faults), console);
    }
    if show {
        return Ok(());
    }
    console.print(|output, form| match form {
        Form::Json => writeln!(output, "{}", json!({ "ok": true, "faults": [] })),
        Form::Human => writeln!(output, "ok"),
    })
}

/// For machines the faults are the answer; for people they are an error.
fn report(faults: ConfigFaults, console: &mut Console<'_>) -> Result<(), Failure> {
    if console.form == Form::Json {
        let described: Vec<_> = faults.0.iter().map(describe).collect();
        console.print(|output, _| writeln!(output, "{}", json!({ "ok": false, "faults": described })))?;
    }
    Err(Failure::Config(faults))
}

fn describe(fault: &ConfigFault) -> serde_json::Value {
    let (file, line, column) = match &fault.origin {
        Origin::File { path, line, column } => (Some(path.display().to_string()), Some(line), Some(column)),
        Origin::Default | Origin::Variable(_) | Origin::Flag(_) => (None, None, None),
    };
    json!({
        "origin": fault.origin.to_string(), "file": file, "line": line, "column": column,
        "what": fault.what, "why": fault.why, "fix": fault.fix,
    })
}

/// Reads every file that is named, as the start will.
fn check_files(config: &Config, faults: &mut Vec<ConfigFault>) {
    let mut refuse = |name: &'static str, says: String| {
        let (why, fix) = split(&says);
        faults.push(ConfigFault::new(origin(config, name), name, why, fix));
    };
    if let Some(tls) = &config.tls
        && let Err(fault) = Tls::from_pem_files(&tls.certificate, &tls.key)
    {
        let (name, fix) = match &fault {
            TlsFault::ReadableByAll(_) => ("tls.key", ""),
            TlsFault::File { path, .. } if *path == tls.key => {
                ("tls.key", "; name the PEM file of the certificate's key")
            }
            TlsFault::File { .. } => ("tls.certificate", "; name the PEM file of a certificate chain"),
            TlsFault::Refused(_) => ("tls.certificate", "; name PEM files of a certificate chain and its key"),
        };
        refuse(name, format!("{fault}{fix}"));
    }
    if let Some(path) = &config.fetch.extra_ca
        && let Err(says) = read_extra_ca(path)
    {
        refuse("fetch.extra_ca", says);
    }
    match config.key_encryption_key.open() {
        // One that is not there is made at the first start; whether this is one, the database says.
        Ok(_) | Err(KekFault::Gone(_)) => {}
        Err(fault) => refuse(key_encryption_setting(config), fault.to_string()),
    }
}

/// Opens the signing keys, as the start will. A key-encryption key that is none has its fault already.
fn check_signing_keys(config: &Config, faults: &mut Vec<ConfigFault>) -> Result<(), Failure> {
    let store = Store::open(&config.database)?;
    let opened =
        block_on(async { Ok(Keys::check(&store, &config.settings.issuer, &config.key_encryption_key).await) })?;
    if let Err(fault @ (KeyFault::Sealed { .. } | KeyFault::Kek(KekFault::Gone(_)) | KeyFault::Store(_))) = opened {
        let (why, fix) = split(&fault.to_string());
        let name = key_encryption_setting(config);
        faults.push(ConfigFault::new(origin(config, name), name, why, fix));
    }
    Ok(())
}

fn database_setting(config: &Config) -> &'static str {
    match config.database {
        Location::Postgres(_) => "database.url",
        Location::File(_) | Location::Memory => "database.path",
    }
}

fn key_encryption_setting(config: &Config) -> &'static str {
    match config.key_encryption_key {
        KekSource::Inline(_) => "keys.key_encryption_key",
        KekSource::File(_) | KekSource::Shared(_) | KekSource::Fleeting => "keys.key_encryption_key_file",
    }
}

fn read_extra_ca(path: &Path) -> Result<(), String> {
    let pem = std::fs::read(path).map_err(|error| format!("{}: {error}; name a readable file", path.display()))?;
    let settings = FetchSettings { extra_ca_pem: Some(pem), ..FetchSettings::default() };
    Fetcher::new(settings).map(drop).map_err(|fault| fault.to_string())
}

/// What is wrong, and what to do: faults of other parts say both in one sentence.
fn split(says: &str) -> (String, String) {
    let (why, fix) = says.split_once("; ").or_else(|| says.rsplit_once(": ")).unwrap_or((says, "mend it"));
    (why.to_owned(), fix.to_owned())
}

fn origin(config: &Config, name: &str) -> Origin {
    let found = config.effective.iter().find(|effective| effective.name == name);
    found.map_or(Origin::Default, |effective| effective.origin.clone())
}

fn print_effective(config: &Config, console: &mut Console<'_>) -> Result<(), Failure> {
    console.print(|output, form| match form {
        Form::Json => {
            let one = |effective: &crate::config::Effective| {
                json!({ "name": effective.name, "value": effective.value, "origin": effective.origin.to_string() })
            };
            writeln!(output, "{}", config.effective.iter().map(one).collect::<serde_json::Value>())
        }
        Form::Human => {
            let set = config.effective.iter().filter(|effective| !effective.value.is_empty());
            let lines: Vec<_> =
                set.map(|effective| (format!("{} = {}", effective.name, effective.value), &effective.origin)).collect();
            let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default().min(WIDEST);
            lines.iter().try_for_each(|(line, origin)| writeln!(output, "{line:width$}  # {origin}"))
        }
    })
}

const NOT_THERE_YET: &str = "the database is not there yet; the first start makes it";
const WIDEST: usize = 70;
