//! Just enough HTML to fill in a form as a browser does: what the page says is what is sent.

/// A form of a page, filled in.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    /// What would be sent, but for the button.
    fields: Vec<(String, String)>,
    /// The boxes that could be ticked.
    boxes: Vec<(String, String)>,
}

impl Form {
    /// The form with this id, as the page opens.
    pub(crate) fn of(page: &str, id: &str) -> Option<Self> {
        let forms = page.split("<form").skip(1);
        let (tag, rest) = forms
            .filter_map(|form| form.split_once('>'))
            .find(|(tag, _)| attribute(tag, "id").as_deref() == Some(id))?;
        assert_eq!(attribute(tag, "method").as_deref(), Some("post"));
        let mut form = Self { action: attribute(tag, "action")?, fields: Vec::new(), boxes: Vec::new() };
        for input in rest.split("</form>").next()?.split("<input").skip(1) {
            let tag = input.split('>').next()?;
            let (name, value) = (attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default());
            let is_box = attribute(tag, "type").as_deref() == Some("checkbox");
            if is_box {
                form.boxes.push((name.clone(), value.clone()));
            }
            if !is_box || tag.ends_with(" checked") {
                form.fields.push((name, value));
            }
        }
        Some(form)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn boxes(&self) -> Vec<(&str, &str)> {
        self.boxes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Types into a field, or presses a button.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn tick(mut self, name: &str, value: &str) -> Self {
        assert!(self.boxes().contains(&(name, value)), "{:?} has no {name} {value}", self.boxes);
        self = self.untick(name, value);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn untick(mut self, name: &str, value: &str) -> Self {
        assert!(self.boxes().contains(&(name, value)), "{:?} has no {name} {value}", self.boxes);
        self.fields.retain(|(known, sent)| (known.as_str(), sent.as_str()) != (name, value));
        self
    }
}

/// The value of an attribute in the inside of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescaped(rest.split_once('"')?.0))
}

/// What askama escapes, back.
fn unescaped(text: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}
