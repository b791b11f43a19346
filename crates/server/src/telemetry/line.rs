//! From an event to one line of harmless text (LOG-03).
//!
//! Whatever a value holds, a line stays one line, and its characters show in the order in which they stand: control
//! characters, line separators and bidirectional controls are written as escapes.

use std::borrow::Cow;
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
use super::access::current;

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
        let request = current();
        if let Some(id) = &request {
            fields.0.push(("request_id", Said::Text(id.as_str().to_owned())));
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
    let mut line = String::with_capacity(USUAL_LINE);
    write_now(&mut line);
    let _ = write!(line, " {:>5} ", metadata.level().as_str());
    escape(&mut line, &fields.take_message(), Notation::Rust);
    for (name, value) in &fields.0 {
        let _ = write!(line, " {name}=");
        match value {
            Said::Text(text) if is_plain(text) => line.push_str(text),
            // Quoted as JSON, so that a value cannot pretend to be the next field.
            Said::Text(text) => escape(&mut line, &Value::from(text.as_str()).to_string(), Notation::Rust),
            Said::Json(json) => escape(&mut line, json, Notation::Rust),
        }
    }
    let _ = writeln!(line, " ({})", metadata.target());
    line
}

fn json(event: &Event<'_>, mut fields: Fields) -> String {
    let metadata = event.metadata();
    let mut line = String::with_capacity(USUAL_LINE);
    line.push_str("{\"timestamp\":\"");
    write_now(&mut line);
    line.push_str("\",\"level\":\"");
    line.push_str(metadata.level().as_str());
    line.push_str("\",\"target\":");
    quote(&mut line, metadata.target());
    line.push_str(",\"message\":");
    quote(&mut line, &fields.take_message());
    for (name, value) in fields.0.iter().filter(|(name, _)| !OWN.contains(name)) {
        line.push(',');
        quote(&mut line, name);
        line.push(':');
        match value {
            Said::Text(text) => quote(&mut line, text),
            Said::Json(json) => escape(&mut line, json, Notation::Json),
        }
    }
    line.push_str("}\n");
    line
}

/// Long enough for most.
const USUAL_LINE: usize = 320;

/// What a JSON line says by itself. A field of such a name is not written beside it.
const OWN: [&str; 4] = ["timestamp", "level", "target", "message"];

/// A JSON string of harmless text.
fn quote(line: &mut String, text: &str) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        line.push('"');
        line.push_str(text);
        line.push('"');
    } else {
        escape(line, &Value::from(text).to_string(), Notation::Json);
    }
}

/// RFC 3339, UTC.
fn write_now(line: &mut String) {
    let _ = SystemTime.format_time(&mut Writer::new(line));
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
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return line.push_str(text);
    }
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
struct Fields(Vec<(&'static str, Said)>);

/// A value.
#[derive(Clone, Debug)]
enum Said {
    /// Any text.
    Text(String),
    /// JSON, as it stands: a number, true or false, an object.
    Json(Cow<'static, str>),
}

impl Fields {
    fn take_message(&mut self) -> String {
        match self.0.iter().position(|(name, _)| *name == "message").map(|index| self.0.remove(index)) {
            Some((_, Said::Text(message))) => message,
            Some((_, Said::Json(json))) => json.into_owned(),
            None => String::new(),
        }
    }

    fn set(&mut self, field: &Field, value: Said) {
        self.0.retain(|(name, _)| *name != field.name());
        self.0.push((field.name(), value));
    }
}

impl Visit for Fields {
    /// Evidence comes as a JSON object (`events.rs`), and stays one.
    fn record_str(&mut self, field: &Field, value: &str) {
        let object = (field.name() == "evidence").then(|| serde_json::from_str::<Value>(value).ok()).flatten();
        let said = object.map_or_else(|| Said::Text(value.to_owned()), |json| Said::Json(json.to_string().into()));
        self.set(field, said);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, Said::Text(format!("{value:?}")));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Said::Json(value.to_string().into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Said::Json(value.to_string().into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Said::Json(Value::from(value).to_string().into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Said::Json(if value { "true" } else { "false" }.into()));
    }
}
