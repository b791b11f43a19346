//! From an event to one line of harmless text (LOG-03).
//!
//! Whatever a value holds, a line stays one line, and its characters show in the order in which they stand: control
//! characters, line separators and bidirectional controls are written as escapes.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::LogFormat;

/// Writes each event as one line, with the fields of the spans around it.
#[derive(Debug)]
pub struct LogLines<W> {
    format: LogFormat,
    writer: W,
}

impl<W> LogLines<W> {
    /// In this form, to this writer.
    pub fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer }
    }
}

impl<S, W> Layer<S> for LogLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.0.extend(outer.0.iter().cloned());
            }
        }
        event.record(&mut fields);
        let line = match self.format {
            LogFormat::Human => human(event, fields),
            LogFormat::Json => json(event, fields),
        };
        // A log that cannot be written has nobody to be told.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(line.as_bytes());
    }
}

fn human(event: &Event<'_>, mut fields: Fields) -> String {
    let metadata = event.metadata();
    let mut line = format!("{} {:>5} ", now(), metadata.level().as_str());
    escape(&mut line, &fields.take_message(), Notation::Rust);
    for (name, value) in &fields.0 {
        let _ = write!(line, " {name}=");
        match value {
            Value::String(text) if is_plain(text) => line.push_str(text),
            // Quoted as JSON, so that a value cannot pretend to be the next field.
            _ => escape(&mut line, &value.to_string(), Notation::Rust),
        }
    }
    let _ = writeln!(line, " ({})", metadata.target());
    line
}

fn json(event: &Event<'_>, mut fields: Fields) -> String {
    let metadata = event.metadata();
    let own = [
        ("timestamp", now()),
        ("level", metadata.level().as_str().to_owned()),
        ("target", metadata.target().to_owned()),
        ("message", fields.take_message()),
    ];
    let mut text = String::from("{");
    for (name, value) in &own {
        let _ = write!(text, "{}:{},", Value::from(*name), Value::from(value.as_str()));
    }
    for (name, value) in fields.0.iter().filter(|(name, _)| own.iter().all(|(taken, _)| taken != name)) {
        let _ = write!(text, "{}:{value},", Value::from(*name));
    }
    text.pop();
    text.push('}');
    let mut line = harmless_json(&text);
    line.push('\n');
    line
}

/// RFC 3339, UTC.
fn now() -> String {
    let mut text = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// The text as one line of harmless text, for whatever else is read at a terminal.
pub fn harmless(text: &str) -> String {
    escaped(text, Notation::Rust)
}

/// JSON as one line of harmless text. Outside of its strings JSON is ASCII, so what is escaped here stands in one.
pub fn harmless_json(text: &str) -> String {
    escaped(text, Notation::Json)
}

fn escaped(text: &str, notation: Notation) -> String {
    let mut line = String::with_capacity(text.len() + 1);
    escape(&mut line, text, notation);
    line
}

#[derive(Clone, Copy)]
enum Notation {
    Rust,
    Json,
}

fn escape(line: &mut String, text: &str, notation: Notation) {
    for character in text.chars() {
        match notation {
            _ if !is_hostile(character) => line.push(character),
            Notation::Rust => line.extend(character.escape_unicode()),
            Notation::Json => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
        }
    }
}

/// What moves the cursor, ends the line, reorders what is shown, or cannot be seen.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:{}+[]%@".contains(&byte))
}

/// The fields of an event or a span. A name that comes again replaces the value.
#[derive(Clone, Debug, Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn take_message(&mut self) -> String {
        match self.0.iter().position(|(name, _)| *name == "message").map(|index| self.0.remove(index)) {
            Some((_, Value::String(message))) => message,
            Some((_, other)) => other.to_string(),
            None => String::new(),
        }
    }

    fn set(&mut self, field: &Field, value: Value) {
        self.0.retain(|(name, _)| *name != field.name());
        self.0.push((field.name(), value));
    }
}

impl Visit for Fields {
    /// Evidence comes as a JSON object (`events.rs`), and stays one.
    fn record_str(&mut self, field: &Field, value: &str) {
        let object = (field.name() == "evidence").then(|| serde_json::from_str(value).ok()).flatten();
        self.set(field, object.unwrap_or_else(|| value.into()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}
