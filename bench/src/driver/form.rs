//! Just enough HTML to send a form of grantd's pages back filled in, as a browser would.

/// The fields of one form: what the page put into it.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The form with this id, every box that can be ticked ticked.
    pub fn of(page: &str, id: &str) -> Option<Self> {
        let named = format!("id=\"{id}\"");
        let form =
            page.split("<form").skip(1).find(|form| form.split('>').next().is_some_and(|tag| tag.contains(&named)))?;
        let (tag, inside) = form.split_once('>')?;
        let inside = inside.split("</form>").next()?;
        let inputs = inside.split("<input").skip(1).filter_map(|input| input.split('>').next());
        let field = |tag: &str| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()));
        Some(Self { action: attribute(tag, "action")?, fields: inputs.filter_map(field).collect() })
    }

    /// With this value in this field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What is sent.
    pub fn fields(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    let entities = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    Some(entities.iter().fold(value.to_owned(), |text, (entity, character)| text.replace(entity, character)))
}
