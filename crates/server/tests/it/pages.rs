//! Every page, with friendly and with hostile text.

mod samples;

use std::collections::HashSet;
use std::path::Path;

use grantd::pages::{
    AnswerTo, Assurance, Away, Comparison, Consent, Lasting, LoginProblem, Mode, Moment, PlainText, SafeLink, Template,
    assets, stylesheet,
};

use samples::{Text, access, consent, consent_unanswered, error_page, every_page, login};

// proves: CONSENT-06, RAR-08
#[test]
fn hostile_text_never_becomes_markup() {
    let honest: Vec<_> = every_page(&Text::honest()).into_iter().map(|(name, html)| (name, tags(&html))).collect();
    for ((name, html), (_, expected)) in every_page(&Text::hostile()).into_iter().zip(honest) {
        assert!(!html.contains("<img src=x") && !html.contains("<script"), "{name}: markup came through");
        assert!(!html.contains("\" autofocus onfocus=\"1"), "{name}: an attribute was left");
        assert_eq!(tags(&html), expected, "{name}: other elements or attributes than with honest text");
    }
}

#[test]
fn no_page_has_a_script_an_inline_style_or_anything_from_elsewhere() {
    for (name, html) in every_page(&Text::honest()) {
        for tag in elements(&html) {
            let element = tag.split_whitespace().next().unwrap();
            assert!(!["script", "style", "iframe", "object", "base"].contains(&element), "{name}: <{tag}>");
            assert!(attribute(tag, "style").is_none(), "{name}: style attribute in <{tag}>");
            assert!(!tag.split_whitespace().any(|word| word.starts_with("on")), "{name}: handler in <{tag}>");
            for loaded in ["src", "srcset", "action", "formaction"].iter().filter_map(|key| attribute(tag, key)) {
                assert!(loaded.starts_with('/') && !loaded.starts_with("//"), "{name}: <{tag}> leaves this server");
            }
            match (element, attribute(tag, "href")) {
                ("link", Some(href)) => assert!(assets().iter().any(|asset| asset.path == href), "{name}: <{tag}>"),
                ("a", Some(href)) if href.starts_with('/') && !href.starts_with("//") => {}
                ("a", Some(_)) => {
                    assert_eq!(attribute(tag, "rel"), Some("noopener noreferrer nofollow"), "{name}: <{tag}>");
                }
                _ => {}
            }
        }
    }
    let css = String::from_utf8(stylesheet().bytes.to_vec()).unwrap();
    assert!(!css.contains("url(") && !css.contains("@import"), "the style sheet loads something");
}

#[test]
fn every_field_has_a_name_an_id_of_its_own_and_a_label() {
    for (name, html) in every_page(&Text::honest()) {
        let mut ids = HashSet::new();
        for tag in elements(&html) {
            if let Some(id) = attribute(tag, "id") {
                assert!(ids.insert(id.to_owned()), "{name}: id {id} twice");
            }
            if !tag.starts_with("input") && !tag.starts_with("button") {
                continue;
            }
            let id = attribute(tag, "id").unwrap_or_else(|| panic!("{name}: no id in <{tag}>"));
            assert!(attribute(tag, "name").is_some(), "{name}: no name in <{tag}>");
            if tag.starts_with("input") && attribute(tag, "type") != Some("hidden") {
                assert!(html.contains(&format!("for=\"{id}\"")), "{name}: no label for {id}");
            }
        }
        for referred in
            elements(&html).filter_map(|tag| attribute(tag, "aria-describedby").or(attribute(tag, "aria-labelledby")))
        {
            assert!(ids.contains(referred), "{name}: nothing has the id {referred}");
        }
    }
}

#[test]
fn every_form_is_posted_with_an_anti_forgery_token() {
    for (name, html) in every_page(&Text::honest()) {
        for form in html.split("<form").skip(1) {
            let (opening, rest) = form.split_once('>').unwrap();
            assert_eq!(attribute(opening, "method"), Some("post"), "{name}");
            let body = rest.split("</form>").next().unwrap();
            assert!(elements(body).any(|tag| attribute(tag, "name") == Some("csrf")), "{name}: a form without a token");
        }
    }
}

#[test]
fn every_page_says_where_it_is_and_under_which_reference() {
    for (name, html) in every_page(&Text::honest()) {
        assert!(html.contains("<html lang=\"en\">"), "{name}");
        let title = html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(title.ends_with(" – id.example") && !title.starts_with(' '), "{name}: {title}");
        assert!(html.contains("You are at <strong>id.example</strong>"), "{name}");
        assert!(html.contains("<code>7f3a-c0de</code>"), "{name}");
    }
}

#[test]
fn development_is_said_on_every_page_and_production_on_none() {
    let banner = "Development mode: not for production";
    assert!(every_page(&Text::honest()).iter().all(|(_, html)| !html.contains(banner)));
    assert!(every_page(&Text::development()).iter().all(|(_, html)| html.contains(banner)));
}

// proves: SESS-26
#[test]
fn the_note_for_the_developer_is_shown_in_development_only() {
    let page = |text: Text| error_page(&text).render().unwrap();
    assert!(!page(Text::honest()).contains("REDIR-01") && !page(Text::honest()).contains("/cb2"));
    let shown = page(Text::development());
    assert!(shown.contains("REDIR-01"));
    // `https://mailroom.example/cb2` against `https://mailroom.example/cb`: the nearest comes first.
    assert!(shown.contains("https://mailroom.example/cb<mark>2</mark>"), "{shown}");
    assert!(shown.contains("https://mailroom.example/cb<mark class=\"end\">ends here</mark>"));
    assert!(shown.find("character 28").unwrap() < shown.find("character 5").unwrap());
}

#[test]
fn a_look_alike_in_a_redirect_uri_is_shown_as_its_code_point() {
    let mut page = error_page(&Text::development());
    let registered = ["https://mailroom.example/cb".to_owned()];
    page.developer.as_mut().unwrap().comparison =
        Some(Comparison::new("redirect_uri", "https://m\u{430}ilroom.example/cb", &registered));
    let shown = page.render().unwrap();
    assert!(shown.contains("https://m<mark>\\u{430}</mark>ilroom.example/cb"), "{shown}");
    assert!(shown.contains("https://m<mark>a</mark>ilroom.example/cb"));
}

#[test]
fn an_enormous_redirect_uri_makes_a_small_error_page() {
    let mut page = error_page(&Text::development());
    let registered: Vec<_> = (0..40).map(|number| format!("https://a.example/{}/{number}", "y".repeat(8000))).collect();
    let sent = format!("https://a.example/{}", "\u{10ffff}".repeat(8000));
    page.developer.as_mut().unwrap().comparison = Some(Comparison::new("redirect_uri", &sent, &registered));
    let shown = page.render().unwrap();
    assert!(shown.len() < 60_000, "{} bytes", shown.len());
    assert!(shown.contains("35 more registered"));
}

// proves: CONSENT-01
#[test]
fn the_consent_page_names_client_host_account_scopes_things_and_absence() {
    let shown = consent(&Text::honest()).render().unwrap();
    for needed in [
        "<strong><bdi>Mailroom</bdi></strong>",
        "<dd id=\"answer_to\"><code>mailroom.example</code>",
        "<strong id=\"account\"><bdi>alice</bdi></strong>",
        "Lockbox storage <code>boxes.example</code>",
        "See the names of your boxes",
        "Which boxes may it open?",
        "<b>read the letters</b>",
        "<bdi>letters from the bank</bdi>",
        "Also while you are away",
        "for up to 30 days",
        "name=\"thing\" value=\"r0.t0.1\" autocomplete=\"off\" checked",
        "name=\"thing\" value=\"r0.t0.0\" autocomplete=\"off\">",
    ] {
        assert!(shown.contains(needed), "{needed} is missing in {shown}");
    }
    let never_away = Consent { away: Away::NotAsked, ..consent(&Text::honest()) }.render().unwrap();
    assert!(never_away.contains("no access while you are away") && !never_away.contains("name=\"away\""));
}

#[test]
fn the_consent_page_says_when_any_program_could_be_the_one_that_asks() {
    let assured = consent(&Text::honest()).render().unwrap();
    assert!(!assured.contains("id=\"unassured\""));
    let page = Consent {
        answer_to: AnswerTo::ThisComputer("127.0.0.1:5173".to_owned()),
        assurance: Assurance::AnyProgram,
        ..consent(&Text::honest())
    };
    let shown = page.render().unwrap();
    assert!(shown.contains("id=\"unassured\"") && shown.contains("<dd id=\"answer_to\">a program on this computer"));
}

#[test]
fn without_an_answer_of_the_resource_the_rest_is_offered_and_the_reason_told() {
    let shown = consent_unanswered(&Text::honest()).render().unwrap();
    assert!(shown.contains("could not ask <strong>Lockbox storage</strong> in time"));
    assert!(!shown.contains("name=\"thing\"") && shown.contains("name=\"scope\"") && shown.contains("id=\"allow\""));
}

#[test]
fn with_nothing_to_offer_there_is_only_deny() {
    let mut page = consent_unanswered(&Text::honest());
    page.resources.iter_mut().for_each(|resource| resource.scopes.clear());
    let shown = page.render().unwrap();
    assert!(shown.contains("id=\"deny\"") && !shown.contains("id=\"allow\""));
}

#[test]
fn deny_comes_first_so_that_the_enter_key_never_allows() {
    let shown = consent(&Text::honest()).render().unwrap();
    let form = shown.split("id=\"consent\"").nth(1).unwrap();
    assert!(form.find("id=\"deny\"").unwrap() < form.find("id=\"allow\"").unwrap());
}

#[test]
fn a_refused_sign_in_keeps_the_username_and_never_a_password() {
    let shown = login(&Text::honest(), LoginProblem::NotAccepted).render().unwrap();
    assert!(shown.contains("name=\"username\" value=\"alice\""));
    let password = elements(&shown).find(|tag| attribute(tag, "name") == Some("password")).unwrap();
    assert_eq!(attribute(password, "value"), None);
    let missing = login(&Text::honest(), LoginProblem::PasswordMissing).render().unwrap();
    assert!(missing.contains("aria-describedby=\"password_problem\"") && !missing.contains("username_problem"));
}

// proves: CONSENT-06
#[test]
fn text_of_outsiders_cannot_disguise_itself() {
    let shown = |text: &str| PlainText::new(text).to_string();
    assert_eq!(shown("Mail\u{202e}moor\u{202c}"), "Mailmoor");
    assert_eq!(shown("My\u{0}\u{7f}\u{200b}Bank\r\n\n  of\u{2028}trust\u{2067}"), "MyBank of trust");
    assert_eq!(shown("\u{3164}\u{e0041}"), "");
    assert_eq!(shown("می\u{200c}خواهم & <b>"), "می\u{200c}خواهم & <b>", "honest text stays as it is");
    assert_eq!(shown(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
    assert_eq!(shown(&"é".repeat(80)), "é".repeat(80));
}

// proves: CONSENT-06
#[test]
fn only_safe_addresses_become_links() {
    assert!(SafeLink::parse("https://mailroom.example/", Mode::Production).is_some());
    assert!(SafeLink::parse("http://127.0.0.1:9000/", Mode::Development).is_some());
    for (address, mode) in [
        ("http://127.0.0.1:9000/", Mode::Production),
        ("http://mailroom.example/", Mode::Development),
        ("javascript:alert(1)", Mode::Development),
        ("data:text/html,hello", Mode::Development),
        ("https://id.example@evil.example/", Mode::Production),
        ("/relative", Mode::Production),
    ] {
        assert_eq!(SafeLink::parse(address, mode), None, "{address}");
    }
}

#[test]
fn lengths_of_time_are_told_in_whole_units() {
    let told = |seconds| Lasting(seconds).to_string();
    assert_eq!([told(1), told(60), told(90), told(121)], ["1 second", "1 minute", "90 seconds", "3 minutes"]);
    assert_eq!([told(3600), told(5400), told(7201)], ["1 hour", "90 minutes", "3 hours"]);
    assert_eq!([told(86_400), told(2_592_000)], ["1 day", "30 days"]);
}

#[test]
fn moments_are_told_as_days_and_as_how_long_ago() {
    let at = |seconds: i64| Moment::new(seconds, seconds);
    let days = [0, 951_782_400, 951_868_800, 1_709_164_800, 1_795_348_800, 4_107_542_399, -1];
    let told = days.map(|seconds| at(seconds).day());
    let expected = [
        "1 January 1970",
        "29 February 2000",
        "1 March 2000",
        "29 February 2024",
        "22 November 2026",
        "28 February 2100",
        "31 December 1969",
    ];
    assert_eq!(told.each_ref().map(String::as_str), expected);
    assert_eq!(at(1_795_348_800 + 3_660).machine(), "2026-11-22T13:01Z");
    let ago = |seconds: i64| Moment::new(1_795_348_800 - seconds, 1_795_348_800).ago();
    assert_eq!([ago(-5), ago(59), ago(60), ago(3599)], ["just now", "just now", "1 minute ago", "59 minutes ago"]);
    assert_eq!(
        [ago(3600), ago(86_399), ago(86_400), ago(864_000)],
        ["1 hour ago", "23 hours ago", "1 day ago", "10 days ago"]
    );
}

// proves: CONSENT-05
#[test]
fn the_page_of_access_names_every_application_what_it_may_do_and_each_way_out() {
    let shown = access(&Text::honest()).render().unwrap();
    for needed in [
        "<bdi>Mailroom</bdi>",
        "<code>mailroom.example</code>, whichever app opens <code>com.example.mailroom:</code>",
        "<time datetime=\"2026-11-19T12:00Z\">19 November 2026</time>, 3 days ago",
        "5 minutes ago",
        "17 February 2027; until then also while you are away",
        "Lockbox storage <code>boxes.example</code>",
        "<b>read the letters</b>",
        "<bdi>letters from the bank</bdi>",
        "See the names of your boxes",
        "for at most 5 minutes more",
        "you agreed on 13 October 2026",
        "and in 10 others",
        "and 2 more",
    ] {
        assert!(shown.contains(needed), "{needed} is missing in {shown}");
    }
    for action in ["narrow", "end", "sign_out_elsewhere", "end_all"] {
        assert!(shown.contains(&format!("name=\"action\" value=\"{action}\"")), "no button for {action}");
    }
    assert!(shown.matches("name=\"thing\"").count() == shown.matches("name=\"thing\" value=\"r0.t0.").count());
    assert_eq!(shown.matches(" checked>").count(), 2 * 3 + 3 + 1, "what is held is ticked");
}

#[test]
fn pages_and_assets_stay_small() {
    assert!(stylesheet().bytes.len() < 10_000, "{} bytes of style", stylesheet().bytes.len());
    for (name, html) in every_page(&Text::honest()) {
        assert!(html.len() < if name.starts_with("login") { 8_000 } else { 16_000 }, "{name}: {} bytes", html.len());
    }
    for asset in assets() {
        let digest = asset.path.strip_prefix("/static/").and_then(|rest| rest.split_once('/')).unwrap().0;
        assert!(digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", asset.path);
    }
}

/// Not a check but a gallery: open `index.html` in a browser through any server of files on loopback.
#[test]
fn the_gallery_can_be_written() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    let mut pages = every_page(&Text::development());
    pages.extend(every_page(&Text::honest()).into_iter().map(|(name, html)| (format!("production-{name}"), html)));
    for asset in assets() {
        let path = folder.join(asset.path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, asset.bytes).unwrap();
    }
    let links: Vec<_> = pages.iter().map(|(name, _)| format!("<p><a href=\"{name}.html\">{name}</a>")).collect();
    std::fs::write(folder.join("index.html"), links.join("\n")).unwrap();
    for (name, html) in pages {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}

/// The opening tags of a page, without their brackets. Escaped text has no `<`, and attribute values no `>`.
fn elements(html: &str) -> impl Iterator<Item = &str> {
    html.split('<')
        .skip(1)
        .filter_map(|piece| piece.split_once('>').map(|(tag, _)| tag))
        .filter(|tag| !tag.starts_with(['/', '!']))
}

fn attribute<'a>(tag: &'a str, key: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {key}=\"")).and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value)
}

/// The shape of a page: its elements with the names of their attributes.
fn tags(html: &str) -> Vec<String> {
    let mut shape = Vec::new();
    for tag in elements(html) {
        let outside_values: String = tag.split('"').step_by(2).collect();
        shape.push(outside_values);
    }
    shape
}
