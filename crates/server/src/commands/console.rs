//! Where answers go: what was asked for on stdout, for people or for machines; notes on stderr.

use std::io::{self, BufRead as _, BufReader, Read, Write};

use grantd_tokens::{Secret, Time};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::failure::Failure;

/// Stdin, stdout and stderr, as they were handed in.
pub struct Console<'a> {
    /// Where secrets may come from.
    pub input: &'a mut (dyn Read + Send),
    /// What was asked for, and nothing else.
    pub output: &'a mut (dyn Write + Send),
    /// Notes and errors.
    pub errors: &'a mut (dyn Write + Send),
    /// For people or for machines.
    pub form: Form,
}

/// For whom answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines to read.
    Human,
    /// One JSON value.
    Json,
}

/// What there is to say about one thing, in the order of its importance.
#[derive(Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    pub(super) fn with_all<T: ToString>(self, name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        self.with(name, values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>())
    }

    /// These, and after them those; one of a name that is there takes its place.
    pub(super) fn and(mut self, others: Self) -> Self {
        for (name, value) in others.0 {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some(place) => place.1 = value,
                None => self.0.push((name, value)),
            }
        }
        self
    }

    /// The others first; what stands in both is said by them alone.
    pub(super) fn after(self, first: Self) -> Self {
        self.0.into_iter().fold(first, |all, (name, value)| {
            let is_there = all.0.iter().any(|(known, _)| *known == name);
            if is_there { all } else { all.with(name, value) }
        })
    }

    /// For people, a line for each that there is something to say about.
    pub(super) fn lines(&self) -> Vec<String> {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let said = self.0.iter().filter(|(_, value)| !is_nothing(value));
        said.map(|(name, value)| format!("{name:width$}  {}", in_words(value))).collect()
    }

    /// One of them, for people.
    pub(super) fn in_words(&self, name: &str) -> String {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| in_words(value)).unwrap_or_default()
    }

    pub(super) fn json(self) -> Value {
        Value::Object(self.0.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    }
}

impl Console<'_> {
    /// One thing.
    pub(super) fn show(&mut self, fields: Fields) -> Result<(), Failure> {
        self.print(|output, form| match form {
            Form::Json => writeln!(output, "{}", fields.json()),
            Form::Human => fields.lines().iter().try_for_each(|line| writeln!(output, "{line}")),
        })
    }

    /// Many things of a kind; people see the columns named, machines everything.
    pub(super) fn list(&mut self, things: Vec<Fields>, columns: &[&str], none: &str) -> Result<(), Failure> {
        self.print(|output, form| match form {
            Form::Json => writeln!(output, "{}", Value::Array(things.into_iter().map(Fields::json).collect())),
            Form::Human if things.is_empty() => writeln!(output, "{none}"),
            Form::Human => write_table(output, &things, columns),
        })
    }

    /// Lines of the command's own making.
    pub(super) fn print(&mut self, write: impl FnOnce(&mut dyn Write, Form) -> io::Result<()>) -> Result<(), Failure> {
        let output = &mut *self.output;
        write(output, self.form).and_then(|()| output.flush()).map_err(|source| Failure::Output { source })
    }

    /// Something to know, apart from what was asked for.
    pub(super) fn note(&mut self, text: &str) {
        // Where nobody listens, nothing is lost but the note.
        let _ = writeln!(self.errors, "note: {text}");
    }

    /// All of stdin, up to so many bytes. What is no text is not read as one.
    pub(super) fn read_text(&mut self, limit: u64) -> Result<Zeroizing<String>, Failure> {
        let mut text = Zeroizing::new(String::new());
        let read = (&mut *self.input).take(limit).read_to_string(&mut text);
        read.map_err(|source| Failure::Input { source })?;
        Ok(text)
    }

    /// One line of stdin.
    pub(super) fn read_secret(&mut self) -> Result<Secret, Failure> {
        let mut line = Zeroizing::new(String::new());
        BufReader::new((&mut *self.input).take(MAX_SECRET_BYTES))
            .read_line(&mut line)
            .map_err(|source| Failure::Input { source })?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
    }
}

fn write_table(output: &mut dyn Write, things: &[Fields], columns: &[&str]) -> io::Result<()> {
    let cell = |thing: &Fields, column: &str| thing.in_words(column);
    let widths: Vec<usize> = columns
        .iter()
        .map(|column| {
            things.iter().map(|thing| cell(thing, column).chars().count()).max().unwrap_or(0).max(column.len())
        })
        .collect();
    let mut line = |cells: Vec<String>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(output, "{}", padded.join("  ").trim_end())
    };
    line(columns.iter().map(|column| column.to_uppercase()).collect())?;
    things.iter().try_for_each(|thing| line(columns.iter().map(|column| cell(thing, column)).collect()))
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !is_nothing(value));
            members.map(|(name, value)| format!("{name}: {}", in_words(value))).collect::<Vec<_>>().join("; ")
        }
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// A moment as RFC 3339 writes it, in UTC.
pub(super) fn date(time: Time) -> String {
    let (days, second) = (time.0.div_euclid(86_400), time.0.rem_euclid(86_400));
    // Years that begin in March, in eras of 400, so that the leap day comes last.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year_of_era + next_year;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

const MAX_SECRET_BYTES: u64 = 4096;
