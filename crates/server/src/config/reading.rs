//! From what was said to what is meant: each setting read once, with its default where nobody said anything.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use grantd_tokens::Seconds;

use super::fault::{ConfigFault, Origin};
use super::file::Value;
use super::keys::{Key, Kind};
use super::layers::{Found, Layers};
use super::{database, duration};

/// A setting as it counts, for `check --show`. Secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Which setting.
    pub name: &'static str,
    /// Its value, as one would write it in the file.
    pub value: String,
    /// Who said so.
    pub origin: Origin,
}

/// Reads settings, and collects what is wrong with them.
pub(super) struct Reading<'a> {
    layers: &'a Layers,
    pub(super) faults: Vec<ConfigFault>,
    pub(super) effective: Vec<Effective>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(layers: &'a Layers) -> Self {
        Self { layers, faults: layers.faults.clone(), effective: Vec::new() }
    }

    /// Where the value of a setting stood.
    pub(super) fn origin(&self, name: &'static str) -> Origin {
        self.layers.values.get(name).map_or(Origin::Default, |found| found.origin.clone())
    }

    /// Whether anybody said anything.
    pub(super) fn is_set(&self, name: &'static str) -> bool {
        self.layers.values.contains_key(name)
    }

    /// A fault of a setting whose value could be read.
    pub(super) fn refuse(&mut self, name: &'static str, why: impl Into<String>, fix: impl Into<String>) {
        let what = match self.layers.values.get(name) {
            Some(found) if is_url(name) => format!("{name} = {}", shown_url(&found.value)),
            Some(found) => format!("{name} = {}", found.value.in_words()),
            None => name.to_owned(),
        };
        self.faults.push(ConfigFault::new(self.origin(name), what, why, fix));
    }

    pub(super) fn text(&mut self, name: &'static str, default: Option<&str>) -> Option<String> {
        let text = match self.found(name).map(|found| &found.value) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            Some(_) => self.unfit(name),
            None => None,
        };
        let text = text.or_else(|| default.map(str::to_owned));
        self.show(name, text.as_ref().map_or_else(String::new, |text| format!("{text:?}")));
        text
    }

    /// As it was written, shown without a password.
    pub(super) fn url(&mut self, name: &'static str) -> Option<String> {
        let url = match self.found(name).map(|found| &found.value) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            Some(_) => self.unfit(name),
            None => None,
        };
        let shown = url.as_deref().map(|url| format!("{:?}", database::without_password(url)));
        self.show(name, shown.unwrap_or_default());
        url
    }

    pub(super) fn path(&mut self, name: &'static str, default: Option<PathBuf>) -> Option<PathBuf> {
        let path = match self.found(name) {
            Some(Found { value: Value::Text(text), base, .. }) if !text.is_empty() => Some(base.join(text)),
            Some(_) => self.unfit(name),
            None => None,
        };
        let path = path.or(default);
        self.show(name, path.as_ref().map_or_else(String::new, |path| format!("{:?}", path.display().to_string())));
        path
    }

    /// Anything that is written as one text.
    pub(super) fn parsed<T: FromStr + Display>(&mut self, name: &'static str, default: T) -> T {
        let read = match self.found(name).map(|found| &found.value) {
            Some(Value::Text(text)) => text.parse().ok().or_else(|| self.unfit(name)),
            Some(_) => self.unfit(name),
            None => None,
        };
        let value = read.unwrap_or(default);
        self.show(name, format!("\"{value}\""));
        value
    }

    /// One of a few words.
    pub(super) fn choice<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Option<T>,
        default: Option<&str>,
    ) -> Option<T> {
        let said = match self.found(name).map(|found| &found.value) {
            Some(Value::Text(text)) if read(text).is_some() => Some(text.clone()),
            Some(_) => self.unfit(name),
            None => None,
        };
        let word = said.or_else(|| default.map(str::to_owned));
        self.show(name, word.as_ref().map_or_else(String::new, |word| format!("{word:?}")));
        word.and_then(|word| read(&word))
    }

    pub(super) fn duration(&mut self, name: &'static str, default: Seconds) -> Seconds {
        let read = match self.found(name).map(|found| &found.value) {
            Some(Value::Number(number)) => Some(Seconds(*number)),
            Some(Value::Text(text)) => duration::parse(text).or_else(|| self.unfit(name)),
            Some(_) => self.unfit(name),
            None => None,
        };
        let value = read.unwrap_or(default);
        self.show(name, format!("\"{}\"", duration::write(value)));
        value
    }

    pub(super) fn count<T: TryFrom<u64> + Copy + Display>(&mut self, name: &'static str, default: T) -> T {
        let bounds = match Key::named(name).map(|key| key.kind) {
            Some(Kind::Count(least, most)) => least..=most,
            _ => 0..=0,
        };
        let read = match self.found(name).map(|found| &found.value) {
            Some(Value::Number(number)) => u64::try_from(*number)
                .ok()
                .filter(|number| bounds.contains(number))
                .and_then(|number| T::try_from(number).ok())
                .or_else(|| self.unfit(name)),
            Some(_) => self.unfit(name),
            None => None,
        };
        let value = read.unwrap_or(default);
        self.show(name, value.to_string());
        value
    }

    /// A list, each item read on its own.
    pub(super) fn list<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Vec<T> {
        let texts = match self.found(name).map(|found| &found.value) {
            Some(Value::Texts(texts)) => texts.clone(),
            Some(_) => self.unfit(name).unwrap_or_default(),
            None => Vec::new(),
        };
        self.show(name, format!("{texts:?}"));
        let mut items = Vec::new();
        for text in &texts {
            match text.parse::<T>() {
                Ok(item) => items.push(item),
                Err(error) => {
                    let fault = ConfigFault::new(
                        self.origin(name),
                        format!("{name}, {text:?}"),
                        "cannot be read",
                        error.to_string(),
                    );
                    self.faults.push(fault);
                }
            }
        }
        items
    }

    /// Shows what cannot be shown.
    pub(super) fn show_masked(&mut self, name: &'static str, origin: Origin) {
        self.effective.push(Effective { name, value: "(secret)".to_owned(), origin });
    }

    fn found(&self, name: &'static str) -> Option<&'a Found> {
        self.layers.values.get(name)
    }

    fn unfit<T>(&mut self, name: &'static str) -> Option<T> {
        let wanted = Key::named(name).map(|key| key.kind.in_words()).unwrap_or_default();
        self.refuse(name, "does not fit there", format!("write {wanted}"));
        None
    }

    fn show(&mut self, name: &'static str, value: String) {
        let origin = self.origin(name);
        self.effective.push(Effective { name, value, origin });
    }
}

fn is_url(name: &str) -> bool {
    Key::named(name).is_some_and(|key| key.kind == Kind::Url)
}

fn shown_url(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{:?}", database::without_password(text)),
        Value::Number(_) | Value::Flag(_) | Value::Texts(_) | Value::Other(_) => "(not shown)".to_owned(),
    }
}
