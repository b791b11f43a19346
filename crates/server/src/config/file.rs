//! The TOML file: its places, its tables, and what nobody asked for.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{ConfigFault, Origin};
use super::suggest::did_you_mean;

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigFault> {
        let unreadable = |why: String, fix: &str| {
            let what = format!("the configuration file {}", path.display());
            ConfigFault::new(Origin::Default, what, why, fix)
        };
        let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        if size > MAX_FILE_BYTES {
            return Err(unreadable(format!("has {size} bytes"), "name a configuration file; this is hardly one"));
        }
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self { path: path.to_owned(), text }),
            Err(error) => Err(unreadable(
                format!("cannot be read: {error}"),
                "name a readable file of UTF-8 text with --config FILE",
            )),
        }
    }

    /// Where relative paths in the file begin.
    pub(super) fn directory(&self) -> PathBuf {
        self.path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Line and column of a byte.
    pub(super) fn at(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// The root table, or every place where the text is not TOML.
    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'_>>, Vec<ConfigFault>> {
        let (root, mut errors) = DeTable::parse_recoverable(&self.text);
        if errors.is_empty() {
            return Ok(root);
        }
        let fault = |error: &toml::de::Error| {
            let origin = self.at(error.span().map_or(0, |span| span.start));
            ConfigFault::new(
                origin,
                "this is not TOML",
                error.message(),
                "correct the text at this place (https://toml.io)",
            )
        };
        errors.sort_by_key(|error| error.span().map(|span| span.start));
        Err(errors.iter().map(fault).collect())
    }
}

/// A value as it stood somewhere, before anybody knows what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    Texts(Vec<String>),
    /// Nothing that any setting takes; in words.
    Other(&'static str),
}

impl Value {
    pub(super) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Self::Other("a number beyond all bounds"), Self::Number),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Array(items) => {
                let texts = items.iter().map(|item| match item.get_ref() {
                    DeValue::String(text) => Some(text.to_string()),
                    _ => None,
                });
                texts.collect::<Option<_>>().map_or(Self::Other("a list of something other than texts"), Self::Texts)
            }
            DeValue::Float(_) => Self::Other("a fraction"),
            DeValue::Datetime(_) => Self::Other("a date"),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }

    /// As somebody would write it, for messages.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Texts(texts) => format!("{texts:?}"),
            Self::Other(words) => (*words).to_owned(),
        }
    }
}

/// Where the parts of one declared object stand: `redirect_uris[1]` and so on.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) whole: Origin,
    pub(super) parts: BTreeMap<String, Origin>,
}

impl Places {
    /// The place of a part, or of the smallest known thing around it.
    pub(super) fn of(&self, field: &str) -> Origin {
        let mut known = field;
        loop {
            if let Some(origin) = self.parts.get(known) {
                return origin.clone();
            }
            match known.rfind(['.', '[']) {
                Some(end) => known = known.get(..end).unwrap_or_default(),
                None => return self.whole.clone(),
            }
        }
    }
}

/// Reads one table, remembers where everything stood, and knows what nobody asked for.
pub(super) struct Table<'a> {
    file: &'a File,
    entries: &'a DeTable<'a>,
    /// `detail_types[0].`, or nothing.
    path: String,
    asked: Vec<&'static str>,
    places: &'a mut BTreeMap<String, Origin>,
    faults: &'a mut Vec<ConfigFault>,
    /// `[[client]]`, for messages.
    heading: &'static str,
}

impl<'a> Table<'a> {
    /// Reads all of a declared object. Whatever `read` does not ask for is a fault.
    pub(super) fn read<T>(
        file: &'a File,
        heading: &'static str,
        (table, span): (&'a DeTable<'a>, Range<usize>),
        faults: &mut Vec<ConfigFault>,
        read: impl FnOnce(&mut Table<'_>) -> T,
    ) -> (T, Places) {
        let mut parts = BTreeMap::new();
        let mut reading =
            Table { file, entries: table, path: String::new(), asked: Vec::new(), places: &mut parts, faults, heading };
        let value = read(&mut reading);
        reading.refuse_the_rest();
        (value, Places { whole: file.at(span.start), parts })
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            other => self.wrong(name, &other, "write a text in quotes"),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        match self.value(name)? {
            Value::Texts(texts) => {
                self.remember_items(name);
                Some(texts)
            }
            other => self.wrong(name, &other, "write a list of texts: [\"one\", \"two\"]"),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.value(name)? {
            Value::Flag(flag) => Some(flag),
            other => self.wrong(name, &other, "write true or false"),
        }
    }

    /// A duration.
    pub(super) fn duration(&mut self, name: &'static str) -> Option<grantd_tokens::Seconds> {
        let value = self.value(name)?;
        let read = match &value {
            Value::Number(number) => Some(grantd_tokens::Seconds(*number)),
            Value::Text(text) => super::duration::parse(text),
            Value::Flag(_) | Value::Texts(_) | Value::Other(_) => None,
        };
        read.or_else(|| self.wrong(name, &value, "write a duration, such as \"5m\""))
    }

    /// What must not be there, and why.
    pub(super) fn forbid(&mut self, name: &'static str, why: &str, fix: &str) {
        if self.value(name).is_some() {
            let origin = self.origin(name);
            self.faults.push(ConfigFault::new(origin, format!("{} {name}", self.heading), why, fix));
        }
    }

    /// A list of tables.
    pub(super) fn tables<T>(&mut self, name: &'static str, read: impl Fn(&mut Table<'_>) -> T) -> Vec<T> {
        self.asked.push(name);
        let Some((_, value)) = self.entry(name) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong::<()>(name, &Value::of(value.get_ref()), "write a list of tables");
            return Vec::new();
        };
        let mut read_items = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let path = format!("{}{name}[{position}]", self.path);
            self.places.insert(path.clone(), self.file.at(item.span().start));
            let DeValue::Table(table) = item.get_ref() else {
                self.wrong::<()>(name, &Value::of(item.get_ref()), "write a list of tables");
                continue;
            };
            let mut reading = Table {
                file: self.file,
                entries: table,
                path: format!("{path}."),
                asked: Vec::new(),
                places: self.places,
                faults: self.faults,
                heading: self.heading,
            };
            read_items.push(read(&mut reading));
            reading.refuse_the_rest();
        }
        read_items
    }

    fn entry(&self, name: &str) -> Option<(&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)> {
        self.entries.iter().find(|(key, _)| key.get_ref() == name)
    }

    fn value(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        let (_, value) = self.entry(name)?;
        self.places.insert(format!("{}{name}", self.path), self.file.at(value.span().start));
        Some(Value::of(value.get_ref()))
    }

    fn remember_items(&mut self, name: &'static str) {
        let Some((_, value)) = self.entry(name) else { return };
        if let DeValue::Array(items) = value.get_ref() {
            for (position, item) in items.iter().enumerate() {
                let path = format!("{}{name}[{position}]", self.path);
                self.places.insert(path, self.file.at(item.span().start));
            }
        }
    }

    fn origin(&self, name: &str) -> Origin {
        self.entry(name).map_or(Origin::Default, |(_, value)| self.file.at(value.span().start))
    }

    fn wrong<T>(&mut self, name: &str, value: &Value, fix: &str) -> Option<T> {
        let what = format!("{} {}{name}", self.heading, self.path);
        let why = format!("{} does not fit there", value.in_words());
        self.faults.push(ConfigFault::new(self.origin(name), what, why, fix));
        None
    }

    fn refuse_the_rest(self) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.asked.iter().any(|asked| asked == key.get_ref())) {
            let fix = did_you_mean(key.get_ref(), self.asked.iter().copied())
                .unwrap_or_else(|| format!("leave it out, or write one of {}", self.asked.join(", ")));
            let what = format!("{} {}{}", self.heading, self.path, key.get_ref());
            let origin = self.file.at(key.span().start);
            self.faults.push(ConfigFault::new(origin, what, "there is no such setting", fix));
        }
    }
}

const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
