use grantd_demo::script::forms::{ControlKind, Document, Submission};

const PAGE: &str = r#"<!doctype html><html><head><meta charset=utf-8><link rel="stylesheet" href="/s.css">
<script>if (a < b) { document.write("<form id=fake action=/fake>") }</script></head>
<body><!-- <form id="comment"> --><h1 id="title">What may <bdi>A &amp; B</bdi>
 use?</h1>
<form method="post" action="/consent?a=1&amp;b=2" id="consent">
<input type="hidden" id="request" name="request" value="r&quot;1&#x27;&#39;">
<label class="door" for="t0"><input type="checkbox" id="t0" name="thing" value="d0.t0" checked>
 <span>Box 1</span> <span>the bank</span></label>
<label for=t1><input type=checkbox id=t1 name=thing value=d0.t1 CHECKED><span>Box 10</span></label>
<label for="t2"><input type="checkbox" id="t2" name="thing" value="d0.t2"><span>Box 3</span></label>
<input type="text" name="note">
<button type="submit" id="deny" name="decision" value="deny">Deny</button>
<button type="submit" id="allow" name="decision" value="allow">Allow</button>
</form><form id="plain"><button id="only">Go</button></form></body></html>"#;

fn sent(action: &str, pairs: &[(&str, &str)]) -> Submission {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Submission { action: action.to_owned(), pairs }
}

#[test]
fn a_form_is_sent_as_a_browser_would_send_it_untouched() {
    let document = Document::parse(PAGE);
    let form = document.form("consent").unwrap();
    let expected = [("request", "r\"1''"), ("thing", "d0.t0"), ("thing", "d0.t1"), ("note", ""), ("decision", "allow")];
    assert_eq!(form.pressed("decision", "allow"), Some(sent("/consent?a=1&b=2", &expected)));
}

#[test]
fn what_is_unticked_is_not_sent() {
    let document = Document::parse(PAGE);
    let form = document.form("consent").unwrap().clone();
    let form = form.ticked("thing", |thing| thing.label.starts_with("Box 3")).typed("note", "x y");
    let expected = [("request", "r\"1''"), ("thing", "d0.t2"), ("note", "x y"), ("decision", "deny")];
    assert_eq!(form.pressed("decision", "deny"), Some(sent("/consent?a=1&b=2", &expected)));
}

#[test]
fn labels_belong_to_their_boxes() {
    let document = Document::parse(PAGE);
    let labels: Vec<_> = document.form("consent").unwrap().named("thing").map(|thing| thing.label.clone()).collect();
    assert_eq!(labels, ["Box 1 the bank", "Box 10", "Box 3"]);
}

#[test]
fn a_button_that_is_not_there_cannot_be_pressed() {
    let document = Document::parse(PAGE);
    assert_eq!(document.form("consent").unwrap().pressed("decision", "maybe"), None);
    assert_eq!(document.form_of_button("only").unwrap().pressed("", ""), Some(sent("", &[])));
    assert!(document.form_of_button("request").is_none());
}

#[test]
fn what_stands_in_scripts_and_comments_is_no_form() {
    let document = Document::parse(PAGE);
    assert!(document.form("fake").is_none() && document.form("comment").is_none());
}

#[test]
fn marked_texts_are_read_without_their_markup() {
    let document = Document::parse(PAGE);
    assert_eq!(document.text_of("title"), Some("What may A & B use?"));
    assert_eq!(document.text_of("nothing"), None);
}

#[test]
fn whatever_comes_is_read_without_a_panic_or_a_hang() {
    for end in 0..PAGE.len() {
        PAGE.get(..end).map(Document::parse);
    }
    for odd in [
        "<",
        "<>",
        "</",
        "<a",
        "<a =",
        "<a ='",
        "<a b=>",
        "<é é=é>",
        "&",
        "&#",
        "&#xffffffff;",
        "<!--",
        "<!",
        "<input/>",
        "<script>",
    ] {
        Document::parse(odd);
        Document::parse(&odd.repeat(100));
    }
}

#[test]
fn a_field_is_a_field_whatever_its_type() {
    let document = Document::parse(
        r#"<form id="f"><input name="a" type="password"><input type="submit" name="go" value="1"></form>"#,
    );
    let kinds: Vec<_> = ["a", "go"]
        .iter()
        .flat_map(|name| document.form("f").unwrap().named(name))
        .map(|control| control.kind)
        .collect();
    assert_eq!(kinds, [ControlKind::Field, ControlKind::Button]);
}

#[test]
fn a_button_may_send_its_form_elsewhere() {
    let page = r#"<form id="f" action="/here"><button name="to" value="a">A</button>
<button name="to" value="b" formaction="http://127.0.0.1:1/there">B</button></form>"#;
    let document = Document::parse(page);
    let form = document.form("f").unwrap();
    assert_eq!(form.pressed("to", "a"), Some(sent("/here", &[("to", "a")])));
    assert_eq!(form.pressed("to", "b"), Some(sent("http://127.0.0.1:1/there", &[("to", "b")])));
}

#[test]
fn a_control_belongs_to_the_form_that_it_names() {
    let document = Document::parse(
        "<form id=end action=/end><input name=app value=a></form>
         <form id=save action=/save><input name=app value=b>
         <button form=end name=do value=end>End</button><button name=do value=save>Save</button></form>
         <button form=nowhere name=do value=lost>Lost</button>",
    );
    let end = document.form("end").unwrap().pressed("do", "end");
    assert_eq!(end, Some(sent("/end", &[("app", "a"), ("do", "end")])));
    assert_eq!(document.form("save").unwrap().pressed("do", "end"), None);
    assert_eq!(document.forms().count(), 2);
}
