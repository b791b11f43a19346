//! Flag over variable over file over default: for each setting, the value that counts and where it stood.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use grantd_tokens::Secret;
use toml::de::{DeTable, DeValue};

use super::Sources;
use super::declared::Declarations;
use super::fault::{ConfigFault, ConfigFaults, Origin};
use super::file::{File, Value};
use super::keys::{KEYS, Key, Kind, PREFIX};
use super::suggest::{did_you_mean, nearest};

/// A value that counts.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) origin: Origin,
    /// Where a relative path begins.
    pub(super) base: PathBuf,
}

/// What was said, everywhere.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) values: BTreeMap<&'static str, Found>,
    pub(super) secrets: BTreeMap<&'static str, (Secret, Origin)>,
    pub(super) declarations: Declarations,
    pub(super) faults: Vec<ConfigFault>,
}

impl Layers {
    /// The lowest layer first; each overwrites what lies below.
    ///
    /// A file that is not TOML says nothing, and what follows from that would hide where it is not: only those places are told.
    pub(super) fn collect(sources: &Sources, file: Option<&File>) -> Result<Self, ConfigFaults> {
        let mut layers = Self::default();
        if let Some(file) = file {
            layers.add_file(file).map_err(ConfigFaults)?;
        }
        layers.add_environment(sources);
        for (name, value) in &sources.settings {
            layers.add_flag(name, value, &sources.directory);
        }
        Ok(layers)
    }

    /// A secret, and where it came from.
    pub(super) fn secret(&self, name: &str) -> Option<&(Secret, Origin)> {
        self.secrets.get(name)
    }

    /// Where a setting or a secret was said.
    pub(super) fn origin(&self, name: &str) -> Origin {
        let said = self.values.get(name).map(|found| &found.origin).or(self.secret(name).map(|(_, origin)| origin));
        said.cloned().unwrap_or(Origin::Default)
    }

    fn add_file(&mut self, file: &File) -> Result<(), Vec<ConfigFault>> {
        let root = file.parse()?;
        self.add_table(file, root.get_ref(), "");
        self.declarations.read(file, root.get_ref(), &mut self.faults);
        Ok(())
    }

    fn add_table(&mut self, file: &File, table: &DeTable<'_>, prefix: &str) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let origin = file.at(value.span().start);
            if prefix.is_empty() && Declarations::HEADINGS.contains(&name.as_str()) {
                continue;
            }
            match (Key::named(&name), value.get_ref()) {
                (Some(key), _) if key.kind == Kind::Secret => {
                    let why = "a secret in this file would be read by everybody who may read the file";
                    let fix = format!("take it out, and name a file with the secret in {}_FILE", key.variable());
                    self.faults.push(ConfigFault::new(origin, name, why, fix));
                }
                (Some(key), value) => {
                    let found = Found { value: Value::of(value), origin, base: file.directory() };
                    self.values.insert(key.name, found);
                }
                (None, DeValue::Table(table)) if is_section(&name) => self.add_table(file, table, &format!("{name}.")),
                (None, other) if is_section(&name) => {
                    let why = format!("{} stands where a table belongs", Value::of(other).in_words());
                    self.faults.push(ConfigFault::new(
                        origin,
                        name.clone(),
                        why,
                        format!("write [{name}], and settings below it"),
                    ));
                }
                (None, _) => self.add_unknown(file.at(key.span().start), &name),
            }
        }
    }

    fn add_environment(&mut self, sources: &Sources) {
        for (variable, value) in &sources.environment {
            let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
            if rest == "CONFIG" || is_made_by_an_orchestrator(rest) {
                continue;
            }
            let name = rest.to_ascii_lowercase().replace("__", ".");
            let origin = Origin::Variable(variable.clone());
            if let Some(key) = Key::named(&name) {
                if key.kind == Kind::Secret {
                    self.secrets.insert(key.name, (Secret::new(value), origin));
                } else {
                    self.add_text(key, value, origin, &sources.directory);
                }
            } else if self.declarations.takes(rest) {
                self.declarations.add_secret(rest, value, &origin, &sources.directory, &mut self.faults);
            } else if let Some(heading) = Declarations::heading_of(rest) {
                let why = format!("no [[{heading}]] of that name is declared in the file");
                let fix = "declare it, or unset the variable; ids are written in capitals, with _ for - . and ~";
                self.faults.push(ConfigFault::new(origin, "this secret", why, fix));
            } else {
                let fix = variable_for(&name)
                    .unwrap_or_else(|| "unset it; `grantd check --show` lists all settings".to_owned());
                self.faults.push(ConfigFault::new(origin, name, "there is no such setting", fix));
            }
        }
    }

    fn add_flag(&mut self, name: &str, value: &str, directory: &Path) {
        let origin = Origin::Flag(format!("--set {name}"));
        match Key::named(name) {
            Some(key) if key.kind == Kind::Secret => {
                let why = "a secret on the command line is seen by everybody on this machine";
                let fix = format!("use {} or {}_FILE", key.variable(), key.variable());
                self.faults.push(ConfigFault::new(origin, name, why, fix));
            }
            Some(key) => self.add_text(key, value, origin, directory),
            None => self.add_unknown(origin, name),
        }
    }

    /// A value from a place that knows text alone.
    fn add_text(&mut self, key: &'static Key, text: &str, origin: Origin, directory: &Path) {
        let value = match key.kind {
            Kind::Count(..) => text.trim().parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Number),
            Kind::Texts => texts(text),
            Kind::Text | Kind::Url | Kind::Path | Kind::Address | Kind::Duration | Kind::Choice(_) | Kind::Secret => {
                Value::Text(text.to_owned())
            }
        };
        self.values.insert(key.name, Found { value, origin, base: directory.to_owned() });
    }

    fn add_unknown(&mut self, origin: Origin, name: &str) {
        let sections = KEYS.iter().filter_map(|key| key.name.split_once('.')).map(|(section, _)| section);
        let names = KEYS.iter().map(|key| key.name).chain(Declarations::HEADINGS).chain(sections);
        let fix = did_you_mean(name, names)
            .unwrap_or_else(|| "leave it out; `grantd check --show` lists all settings".to_owned());
        self.faults.push(ConfigFault::new(origin, name, "there is no such setting", fix));
    }
}

/// The variable of the setting that is near to what another variable names. One underscore for two is the usual slip.
fn variable_for(name: &str) -> Option<String> {
    let spread = |name: &str| name.replace('.', "_");
    let key = KEYS.iter().find(|key| spread(key.name) == spread(name));
    let meant = key.map(|key| key.name).or_else(|| nearest(name, KEYS.iter().map(|key| key.name)))?;
    Key::named(meant).map(|key| format!("did you mean {}?", key.variable()))
}

/// `a,b` or `["a","b"]`.
fn texts(text: &str) -> Value {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_or(Value::Other("a list that is not JSON"), Value::Texts);
    }
    Value::Texts(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// Kubernetes and Docker tell every container about a service called "grantd" in variables of these names.
fn is_made_by_an_orchestrator(rest: &str) -> bool {
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}
