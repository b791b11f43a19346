//! The manual page of the configuration, made from what the reader itself goes by.

use std::fmt::Write as _;

use super::keys::{KEYS, Key, Kind};
use super::{Config, Effective};

/// The tables of `docs/reference/configuration.md`, section by section. `defaults` is a configuration in which nothing was said
/// but what must be.
pub fn reference(defaults: &Config) -> String {
    let mut page = String::new();
    let mut section = None;
    for key in KEYS {
        let here = key.name.split_once('.').map(|(section, _)| section);
        if section != Some(here) {
            let heading = here.map_or_else(|| "At the top".to_owned(), |name| format!("`[{name}]`"));
            // Writing to a `String` cannot fail.
            let _ = write!(
                page,
                "\n### {heading}\n\n| Setting | Value | Default | What it decides | Variable |\n|---|---|---|---|---|\n"
            );
            section = Some(here);
        }
        let name = key.name.rsplit('.').next().unwrap_or(key.name);
        let variable = match key.kind {
            Kind::Secret => format!("`{0}` or `{0}_FILE`", key.variable()),
            _ => format!("`{}`", key.variable()),
        };
        let default = default(key, &defaults.effective);
        let _ = writeln!(page, "| `{name}` | {} | {default} | {} | {variable} |", key.kind.in_words(), key.says);
    }
    page
}

fn default(key: &Key, effective: &[Effective]) -> String {
    if let Some(words) = key.default_in_words {
        return words.to_owned();
    }
    let value = effective.iter().find(|effective| effective.name == key.name).map(|effective| effective.value.as_str());
    format!("`{}`", value.unwrap_or_default())
}
