//! Reads the forms and the marked texts of an HTML page, as a browser would, so that the script can fill in what a person fills in and send
//! back what a browser sends back.
//!
//! Forgiving, as HTML readers are: whatever it does not understand it passes over. Start at [`Document::parse`].

use std::collections::BTreeMap;

/// The parts of a page that the script looks at.
#[derive(Debug, Default)]
pub struct Document {
    forms: Vec<Form>,
    texts: BTreeMap<String, String>,
}

/// A form and its controls, in the order of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// `id`; empty if there is none.
    pub id: String,
    action: String,
    controls: Vec<Control>,
}

/// Something in a form that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// What sort it is, which decides when it is sent.
    pub kind: ControlKind,
    /// `name`.
    pub name: String,
    /// `value`.
    pub value: String,
    /// What its label says.
    pub label: String,
    id: String,
    /// Where a button sends the form instead of to its `action`.
    form_action: Option<String>,
}

/// A form as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Where to, as the page says it.
    pub action: String,
    /// Names and values, in order.
    pub pairs: Vec<(String, String)>,
}

/// What sort of control it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// Always sent.
    Field,
    /// Sent if ticked.
    Ticked,
    /// Not sent unless it gets ticked.
    Unticked,
    /// Sent if it is the one that is pressed.
    Button,
}

impl Document {
    /// Reads a page.
    pub fn parse(html: &str) -> Self {
        let mut reading = Reading::default();
        for piece in Pieces(html) {
            match piece {
                Piece::Text(text) => reading.text(&text),
                Piece::Open(tag) => reading.open(&tag),
                Piece::Close(name) => reading.close(&name),
            }
        }
        reading.finish()
    }

    /// The form with this id.
    pub fn form(&self, id: &str) -> Option<&Form> {
        self.forms.iter().find(|form| form.id == id)
    }

    /// All forms, in the order of the page.
    pub fn forms(&self) -> impl Iterator<Item = &Form> {
        self.forms.iter()
    }

    /// The form with this button in it.
    pub fn form_of_button(&self, id: &str) -> Option<&Form> {
        let is_it = |control: &Control| control.kind == ControlKind::Button && control.id == id;
        self.forms.iter().find(|form| form.controls.iter().any(is_it))
    }

    /// All text within the element with this id, spaces collapsed.
    pub fn text_of(&self, id: &str) -> Option<&str> {
        self.texts.get(id).map(String::as_str)
    }
}

impl Form {
    /// The controls with this name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Control> {
        self.controls.iter().filter(move |control| control.name == name)
    }

    /// Types into a field.
    #[must_use]
    pub fn typed(mut self, name: &str, text: &str) -> Self {
        let fields =
            self.controls.iter_mut().filter(|control| control.name == name && control.kind == ControlKind::Field);
        for field in fields {
            text.clone_into(&mut field.value);
        }
        self
    }

    /// Ticks exactly those boxes of this name for which `wanted` holds.
    #[must_use]
    pub fn ticked(mut self, name: &str, wanted: impl Fn(&Control) -> bool) -> Self {
        for control in self.controls.iter_mut().filter(|control| control.name == name) {
            if matches!(control.kind, ControlKind::Ticked | ControlKind::Unticked) {
                control.kind = if wanted(control) { ControlKind::Ticked } else { ControlKind::Unticked };
            }
        }
        self
    }

    /// What is sent when the button with this name and value is pressed. `None` if there is no such button.
    pub fn pressed(&self, name: &str, value: &str) -> Option<Submission> {
        let is_it =
            |control: &Control| control.kind == ControlKind::Button && control.name == name && control.value == value;
        let pressed = self.controls.iter().find(|control| is_it(control))?;
        let sent = |control: &&Control| match control.kind {
            ControlKind::Field | ControlKind::Ticked => !control.name.is_empty(),
            ControlKind::Unticked => false,
            ControlKind::Button => std::ptr::eq(*control, pressed) && !control.name.is_empty(),
        };
        let pairs = self.controls.iter().filter(sent).map(|control| (control.name.clone(), control.value.clone()));
        let action = pressed.form_action.as_ref().unwrap_or(&self.action).clone();
        Some(Submission { action, pairs: pairs.collect() })
    }
}

#[derive(Default)]
struct Reading {
    document: Document,
    open_form: Option<Form>,
    /// Elements that are open, with their ids.
    stack: Vec<(String, Option<String>)>,
    /// The label that is being read: for which id, and the text so far.
    label: Option<(String, String)>,
    labels: BTreeMap<String, String>,
    /// Controls that name the form they belong to.
    strays: Vec<(String, Control)>,
}

impl Reading {
    fn text(&mut self, text: &str) {
        if let Some((_, label)) = &mut self.label {
            append(label, text);
        }
        for id in self.stack.iter().filter_map(|(_, id)| id.as_ref()) {
            append(self.document.texts.entry(id.clone()).or_default(), text);
        }
    }

    fn open(&mut self, tag: &Tag) {
        let id = tag.attribute("id").map(str::to_owned);
        match tag.name.as_str() {
            "form" => {
                self.keep_form();
                let action = tag.attribute("action").unwrap_or_default().to_owned();
                self.open_form = Some(Form { id: id.clone().unwrap_or_default(), action, controls: Vec::new() });
            }
            "input" | "button" => {
                // HTML, "form owner": the form that a control names, or else the one around it.
                match (tag.attribute("form"), &mut self.open_form) {
                    (Some(owner), _) => self.strays.push((owner.to_owned(), tag.control())),
                    (None, Some(form)) => form.controls.push(tag.control()),
                    (None, None) => {}
                }
            }
            "label" => self.label = Some((tag.attribute("for").unwrap_or_default().to_owned(), String::new())),
            _ => {}
        }
        if !VOID.contains(&tag.name.as_str()) {
            self.stack.push((tag.name.clone(), id));
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "form" => self.keep_form(),
            "label" => {
                if let Some((id, text)) = self.label.take() {
                    self.labels.insert(id, text);
                }
            }
            _ => {}
        }
        if let Some(position) = self.stack.iter().rposition(|(open, _)| open == name) {
            self.stack.truncate(position);
        }
    }

    fn keep_form(&mut self) {
        self.document.forms.extend(self.open_form.take());
    }

    fn finish(mut self) -> Document {
        self.keep_form();
        for (owner, control) in self.strays {
            if let Some(form) = self.document.forms.iter_mut().find(|form| form.id == owner) {
                form.controls.push(control);
            }
        }
        for control in self.document.forms.iter_mut().flat_map(|form| &mut form.controls) {
            control.label = self.labels.get(&control.id).cloned().unwrap_or_default();
        }
        self.document
    }
}

/// Elements that have no end.
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

fn append(to: &mut String, text: &str) {
    for word in text.split_whitespace() {
        if !to.is_empty() {
            to.push(' ');
        }
        to.push_str(word);
    }
}

enum Piece {
    Text(String),
    Open(Tag),
    Close(String),
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn control(&self) -> Control {
        let text = |name| self.attribute(name).unwrap_or_default().to_owned();
        let kind = match (self.name.as_str(), self.attribute("type")) {
            ("button", _) | (_, Some("submit")) => ControlKind::Button,
            (_, Some("checkbox" | "radio")) if self.attribute("checked").is_some() => ControlKind::Ticked,
            (_, Some("checkbox" | "radio")) => ControlKind::Unticked,
            _ => ControlKind::Field,
        };
        Control {
            kind,
            name: text("name"),
            value: text("value"),
            label: String::new(),
            id: text("id"),
            form_action: self.attribute("formaction").map(str::to_owned),
        }
    }
}

/// Cuts a page into tags and the text between them.
struct Pieces<'a>(&'a str);

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            if self.0.is_empty() {
                return None;
            }
            let Some(rest) = self.0.strip_prefix('<') else {
                let end = self.0.find('<').unwrap_or(self.0.len());
                let (text, rest) = self.0.split_at(end);
                self.0 = rest;
                return Some(Piece::Text(unescaped(text)));
            };
            if let Some(comment) = rest.strip_prefix("!--") {
                self.0 = comment.split_once("-->").map_or("", |(_, after)| after);
            } else if rest.starts_with('!') {
                self.0 = rest.split_once('>').map_or("", |(_, after)| after);
            } else if let Some(close) = rest.strip_prefix('/') {
                let (name, after) = close.split_once('>').unwrap_or((close, ""));
                self.0 = after;
                return Some(Piece::Close(name.trim().to_ascii_lowercase()));
            } else {
                let (tag, after) = tag(rest);
                // What stands in a script or a style is not markup.
                self.0 = match tag.name.as_str() {
                    "script" | "style" => after.find("</").and_then(|end| after.get(end..)).unwrap_or_default(),
                    _ => after,
                };
                return Some(Piece::Open(tag));
            }
        }
    }
}

/// Reads `name a="b" c>`; the `<` is gone already.
fn tag(text: &str) -> (Tag, &str) {
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/').unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut tag = Tag { name: name.to_ascii_lowercase(), attributes: Vec::new() };
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        if rest.is_empty() {
            return (tag, rest);
        }
        let (attribute, after) = attribute(rest);
        tag.attributes.push(attribute);
        rest = after;
    }
}

fn attribute(text: &str) -> ((String, String), &str) {
    let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
    // The first character counts whatever it is, so that each round gets on.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text.get(first..).and_then(|rest| rest.find(is_end)).map_or(text.len(), |end| end + first);
    let (name, rest) = text.split_at(end);
    let name = name.to_ascii_lowercase();
    let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else {
        return ((name, String::new()), rest);
    };
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, rest) = quoted.split_once(quote).unwrap_or((quoted, ""));
            return ((name, unescaped(value)), rest);
        }
    }
    let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len());
    let (value, rest) = value.split_at(end);
    ((name, unescaped(value)), rest)
}

/// Resolves the character references that servers write.
fn unescaped(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        resolved.push_str(before);
        let character = after.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        let (resolves_to, after) = character.unwrap_or(('&', after));
        resolved.push(resolves_to);
        rest = after;
    }
    resolved.push_str(rest);
    resolved
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}
