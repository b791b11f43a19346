//! Every page once, with the text of choice. A new page is added to [`every_page`].

use grantd::pages::{
    Access, AccessNotice, AccessTokens, AnswerTo, Asking, Assurance, Away, Chrome, Comparison, Consent, ConsentProblem,
    DeveloperNote, ErrorPage, Expired, HeldApplication, HeldGroup, HeldResource, Home, Lasting, Login, LoginProblem,
    LogoutConfirm, Mode, Moment, Notice, PlainText, RememberedApplication, ResourceChoice, SafeLink, ScopeChoice,
    SessionLine, SignedIn, SwitchAccount, Template, Thing, ThingGroup, Things, Tick,
};

/// What outsiders and accounts bring into a page.
#[derive(Clone)]
pub(super) struct Text {
    mode: Mode,
    client: String,
    account: String,
    words: String,
    host: String,
    opaque: String,
}

impl Text {
    pub(super) fn honest() -> Self {
        let [client, account, words, host, opaque] =
            ["Mailroom", "alice", "letters from the bank", "boxes.example", "b0x-5f2e"].map(str::to_owned);
        Self { mode: Mode::Production, client, account, words, host, opaque }
    }

    pub(super) fn development() -> Self {
        Self { mode: Mode::Development, ..Self::honest() }
    }

    /// Markup in every place a stranger can write to. (Control and bidi characters are taken out before.)
    pub(super) fn hostile() -> Self {
        let attack = "\" autofocus onfocus=\"1</title></bdi><img src=x><script>alert(1)</script>'&amp;{{7*7}}";
        let [client, account, words, host, opaque] = [attack; 5].map(str::to_owned);
        Self { mode: Mode::Production, client, account, words, host, opaque }
    }

    fn chrome(&self) -> Chrome {
        Chrome { issuer_host: "id.example".to_owned(), mode: self.mode, correlation_id: "7f3a-c0de".to_owned() }
    }
}

pub(super) fn every_page(text: &Text) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut add = |name: &str, html: Result<String, askama::Error>| pages.push((name.to_owned(), html.unwrap()));
    add("login", login(text, LoginProblem::None).render());
    add("login-alone", Login { asking: None, username: String::new(), ..login(text, LoginProblem::None) }.render());
    add("login-missing", Login { username: String::new(), ..login(text, LoginProblem::BothMissing) }.render());
    add("login-refused", login(text, LoginProblem::NotAccepted).render());
    add("login-throttled", login(text, LoginProblem::Throttled { wait: Lasting(45) }).render());
    add("consent", consent(text).render());
    add("consent-untouched", consent_untouched(text).render());
    add("consent-native", consent_native(text).render());
    add("consent-unanswered", consent_unanswered(text).render());
    let private = AnswerTo::PrivateScheme("com.example.mailroom".to_owned());
    let nothing = Consent { problem: ConsentProblem::NothingTicked, answer_to: private, ..consent_untouched(text) };
    add("consent-nothing", nothing.render());
    add("error", error_page(text).render());
    let home = SafeLink::parse("https://mailroom.example/", text.mode);
    add(
        "expired",
        Expired { chrome: text.chrome(), client_name: Some(PlainText::new(&text.client)), client_home: home }.render(),
    );
    add("expired-unknown", Expired { chrome: text.chrome(), client_name: None, client_home: None }.render());
    let signed_in =
        SignedIn { account: text.account.clone(), sign_out_action: "/logout".to_owned(), csrf: text.opaque.clone() };
    let access_path = || "/account/access".to_owned();
    add("home", Home { chrome: text.chrome(), signed_in: Some(signed_in.clone()), access: access_path() }.render());
    add("home-stranger", Home { chrome: text.chrome(), signed_in: None, access: access_path() }.render());
    add("logout-confirm", LogoutConfirm { chrome: text.chrome(), signed_in, access: access_path() }.render());
    add("access", access(text).render());
    add("access-done", Access { notice: Some(AccessNotice::Narrowed), ..access(text) }.render());
    add("access-cut", Access { cut: true, notice: Some(AccessNotice::TooMany), ..access(text) }.render());
    add("access-nothing", access_to_nobody(text).render());
    add("signed-out", Notice::signed_out(text.chrome()).render());
    add("denied", Notice::denied(text.chrome(), &PlainText::new(&text.client)).render());
    add("not-found", Notice::not_found(text.chrome()).render());
    add("method-not-allowed", Notice::method_not_allowed(text.chrome()).render());
    add("forged", Notice::forged(text.chrome()).render());
    add("too-many", Notice::too_many(text.chrome(), Lasting(30)).render());
    add("unavailable", Notice::unavailable(text.chrome()).render());
    add("notice", Notice::new(text.chrome(), &text.words, &[&text.words]).render());
    pages
}

pub(super) fn login(text: &Text, problem: LoginProblem) -> Login {
    let answer_to = AnswerTo::Host(text.host.replace("boxes", "mailroom"));
    Login {
        chrome: text.chrome(),
        action: "/login".to_owned(),
        request: text.opaque.clone(),
        csrf: text.opaque.clone(),
        username: text.account.clone(),
        problem,
        asking: Some(Asking { client_name: PlainText::new(&text.client), answer_to }),
    }
}

/// Noon on 22 November 2026.
const NOW: i64 = 1_795_348_800;

pub(super) fn access(text: &Text) -> Access {
    let ago = |seconds: i64| Moment::new(NOW - seconds, NOW);
    let page = consent(text);
    let held = |choice: &ResourceChoice| HeldResource {
        name: choice.name.clone(),
        host: choice.host.clone(),
        groups: choice.groups.iter().map(held_group).collect(),
        scopes: choice.scopes.clone(),
    };
    let app = HeldApplication {
        client_id: text.opaque.clone(),
        name: PlainText::new(&text.client),
        answers_to: vec![page.answer_to.clone(), AnswerTo::PrivateScheme("com.example.mailroom".to_owned())],
        home: SafeLink::parse("https://mailroom.example/", text.mode),
        since: ago(3 * 86_400),
        last_used: ago(300),
        until: ago(-87 * 86_400),
        away: true,
        wears_out: Lasting(300),
        resources: page.resources.iter().map(held).collect(),
    };
    let mut other = HeldApplication { away: false, home: None, ..app.clone() };
    other.resources.truncate(1);
    Access {
        chrome: text.chrome(),
        action: "/account/access".to_owned(),
        sign_out: "/logout".to_owned(),
        tokens: AccessTokens {
            narrow: text.opaque.clone(),
            end: text.opaque.clone(),
            end_all: text.opaque.clone(),
            sign_out_elsewhere: text.opaque.clone(),
        },
        account: text.account.clone(),
        notice: None,
        applications: vec![app, other],
        remembered: vec![RememberedApplication {
            client_id: text.opaque.clone(),
            name: PlainText::new(&text.client),
            answers_to: vec![page.answer_to],
            given: ago(40 * 86_400),
        }],
        elsewhere: (1..=10).map(|hours| SessionLine { since: ago(hours * 3600), last_used: ago(hours * 60) }).collect(),
        cut: false,
    }
}

fn held_group(group: &ThingGroup) -> HeldGroup {
    let Things::Listed(things) = &group.things else { panic!("nothing is held of what is not known") };
    HeldGroup { title: "Lockboxes".to_owned(), actions: group.actions.clone(), things: things.clone() }
}

fn access_to_nobody(text: &Text) -> Access {
    Access { applications: Vec::new(), remembered: Vec::new(), elsewhere: Vec::new(), ..access(text) }
}

pub(super) fn consent(text: &Text) -> Consent {
    let things = [
        ("Box 1", text.words.as_str(), Tick::Off),
        ("Box 2", "magazines", Tick::On),
        ("Box 3", "from the family", Tick::Off),
    ];
    let things = things.iter().enumerate().map(|(index, (title, subtitle, tick))| Thing {
        key: format!("r0.t0.{index}"),
        title: PlainText::new(title),
        subtitle: PlainText::new(subtitle),
        tick: *tick,
    });
    let boxes = ThingGroup {
        question: "Which boxes may it open?".to_owned(),
        actions: vec!["read the letters".to_owned(), text.words.replace("letters from the bank", "mark them as read")],
        things: Things::Listed(things.collect()),
    };
    let scope = |resource, scope, label: &str, detail: Option<&str>| ScopeChoice {
        key: format!("r{resource}.s{scope}"),
        label: label.to_owned(),
        detail: detail.map(str::to_owned),
        tick: Tick::On,
    };
    let storage = ResourceChoice {
        name: "Lockbox storage".to_owned(),
        host: text.host.clone(),
        groups: vec![boxes],
        scopes: vec![scope(0, 0, "See the names of your boxes", Some("Also of those that it may not open."))],
    };
    let address = ResourceChoice {
        name: "Address book".to_owned(),
        host: "people.example".to_owned(),
        groups: vec![],
        scopes: vec![scope(1, 0, "See who writes to you", None), scope(1, 1, "Add people to your address book", None)],
    };
    Consent {
        chrome: text.chrome(),
        access: "/account/access".to_owned(),
        action: "/consent".to_owned(),
        request: text.opaque.clone(),
        csrf: text.opaque.clone(),
        client_name: PlainText::new(&text.client),
        answer_to: AnswerTo::Host(text.host.replace("boxes", "mailroom")),
        assurance: Assurance::Assured,
        account: text.account.clone(),
        switch_account: Some(SwitchAccount { action: "/consent".to_owned() }),
        problem: ConsentProblem::None,
        resources: vec![storage, address],
        lasts: Lasting(3600),
        away: Away::Asked { lasts: Lasting(2_592_000), tick: Tick::On },
    }
}

fn consent_untouched(text: &Text) -> Consent {
    let mut page = Consent { away: Away::NotAsked, ..consent(text) };
    page.resources.truncate(1);
    for resource in &mut page.resources {
        resource.scopes.clear();
        for group in &mut resource.groups {
            if let Things::Listed(things) = &mut group.things {
                for thing in things {
                    thing.tick = Tick::Off;
                }
            }
        }
    }
    page
}

fn consent_native(text: &Text) -> Consent {
    let mut page = consent(text);
    page.resources.truncate(1);
    Consent { answer_to: AnswerTo::ThisComputer("127.0.0.1:5173".to_owned()), assurance: Assurance::AnyProgram, ..page }
}

pub(super) fn consent_unanswered(text: &Text) -> Consent {
    let mut page = consent(text);
    page.resources.truncate(1);
    page.resources
        .iter_mut()
        .flat_map(|resource| &mut resource.groups)
        .for_each(|group| group.things = Things::NoAnswer);
    page
}

pub(super) fn error_page(text: &Text) -> ErrorPage {
    let registered = ["http://127.0.0.1/cb".to_owned(), "https://mailroom.example/cb".to_owned()];
    ErrorPage {
        chrome: text.chrome(),
        heading: "This app sent a request that cannot be answered".to_owned(),
        explanation:
            "The address to which it wants the answer is not one that it has registered here. Nothing was shared."
                .to_owned(),
        advice: "Go back to the app and try again. If this page comes again, tell the people who run the app."
            .to_owned(),
        developer: Some(DeveloperNote {
            rule: "REDIR-01".to_owned(),
            section: "RFC 9700 §2.1".to_owned(),
            reason: "The redirect_uri of the request must equal a registered one, byte for byte.".to_owned(),
            comparison: Some(Comparison::new("redirect_uri", "https://mailroom.example/cb2", &registered)),
        }),
    }
}
