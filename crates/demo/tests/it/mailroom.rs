use grantd_demo::{PostOffice, Running};
use http::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use reqwest::{Client, Response};
use url::Url;

use crate::authorization_server::{Asked, authorization_server};
use crate::parameter;

struct World {
    running: Running,
    issuer: String,
    asked: Asked,
    http: Client,
}

impl World {
    async fn new() -> Self {
        let (issuer, asked) = authorization_server().await;
        let running = PostOffice::open().await.unwrap().start(&issuer).await.unwrap();
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { running, issuer, asked, http }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.running.addresses().mailroom)
    }

    async fn get(&self, path: &str, browser: &Browser) -> Response {
        self.http.get(self.at(path)).headers(browser.headers()).send().await.unwrap()
    }

    /// A browser on its way to the authorization server.
    async fn leave(&self) -> (Browser, Url) {
        let mut browser = Browser(None);
        let response = self.get("/login", &browser).await;
        browser.keep(&response);
        (browser, Url::parse(location(&response)).unwrap())
    }

    fn answer(&self, state: &str) -> String {
        format!("/callback?code=abc&state={state}&iss={}", self.issuer)
    }

    async fn notice(&self, browser: &Browser) -> String {
        let page = self.get("/", browser).await.text().await.unwrap();
        let document = grantd_demo::script::forms::Document::parse(&page);
        document.text_of("notice").unwrap_or_default().to_owned()
    }
}

/// One cookie is all that a browser has of this app.
struct Browser(Option<HeaderValue>);

impl Browser {
    fn headers(&self) -> HeaderMap {
        self.0.iter().map(|cookie| (COOKIE, cookie.clone())).collect()
    }

    fn keep(&mut self, response: &Response) {
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.0 = Some(pair.parse().unwrap());
        }
    }
}

fn location(response: &Response) -> &str {
    response.headers()[LOCATION].to_str().unwrap()
}

// proves: STATE-01, STATE-05
#[tokio::test]
async fn an_answer_that_is_not_this_browsers_reaches_no_token_endpoint() {
    let world = World::new().await;
    let (mut one, address) = world.leave().await;
    let (mut other, _) = world.leave().await;
    let state = parameter(&address, "state");
    for path in [world.answer("guessed"), "/callback?code=abc".to_owned(), world.answer("")] {
        one.keep(&world.get(&path, &one).await);
        assert!(world.notice(&one).await.starts_with("Mailroom dropped"), "{path}");
    }
    other.keep(&world.get(&world.answer(&state), &other).await);
    assert!(world.notice(&other).await.contains("state"));
    let mut nobody = Browser(None);
    nobody.keep(&world.get(&world.answer(&state), &nobody).await);
    assert!(world.notice(&nobody).await.contains("state"));
    assert_eq!(world.asked.requests().len(), 0);

    world.get(&world.answer(&state), &one).await;
    assert_eq!(world.asked.requests().len(), 1);
    world.get(&world.answer(&state), &one).await;
    assert_eq!(world.asked.requests().len(), 1);
}

// proves: STATE-02
#[tokio::test]
async fn an_answer_in_the_name_of_another_server_reaches_no_token_endpoint() {
    let world = World::new().await;
    for iss in ["", "&iss=https%3A%2F%2Fattacker.example"] {
        let (browser, address) = world.leave().await;
        let state = parameter(&address, "state");
        world.get(&format!("/callback?code=abc&state={state}{iss}"), &browser).await;
        assert!(world.notice(&browser).await.contains("(iss)"), "{iss}");
    }
    assert_eq!(world.asked.requests().len(), 0);
}

// proves: SESS-21
#[tokio::test]
async fn after_every_answer_the_browser_is_sent_to_an_address_without_it() {
    let world = World::new().await;
    let (browser, address) = world.leave().await;
    for path in [world.answer("guessed"), world.answer(&parameter(&address, "state")), "/callback?error=x".to_owned()] {
        let response = world.get(&path, &browser).await;
        assert_eq!((response.status(), location(&response)), (StatusCode::SEE_OTHER, "/"), "{path}");
    }
}

// proves: STATE-08
#[tokio::test]
async fn the_browser_comes_back_to_this_app_and_nowhere_else() {
    let world = World::new().await;
    for (return_to, comes_to) in
        [("/%3Fbox=1", "/?box=1"), ("//attacker.example", "/"), ("https://attacker.example", "/")]
    {
        let mut browser = Browser(None);
        let response = world.get(&format!("/login?return_to={return_to}"), &browser).await;
        browser.keep(&response);
        let state = parameter(&Url::parse(location(&response)).unwrap(), "state");
        let response = world.get(&world.answer(&state), &browser).await;
        assert_eq!(location(&response), comes_to);
    }
}

#[tokio::test]
async fn signing_in_gives_the_session_a_new_name() {
    let world = World::new().await;
    let (mut browser, address) = world.leave().await;
    let before = browser.headers();
    browser.keep(&world.get(&world.answer(&parameter(&address, "state")), &browser).await);
    assert_ne!(before, browser.headers());
    assert_eq!(world.notice(&Browser(before.get(COOKIE).cloned())).await, "");
    assert!(world.notice(&browser).await.contains("invalid_grant"));
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let world = World::new().await;
    let (browser, _) = world.leave().await;
    let own = world.running.addresses().mailroom.clone();
    for (name, value, expected) in [
        ("origin", "https://attacker.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "cross-site", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "same-site", StatusCode::FORBIDDEN),
        ("x-nothing", "", StatusCode::FORBIDDEN),
        ("origin", own.as_str(), StatusCode::SEE_OTHER),
        ("sec-fetch-site", "same-origin", StatusCode::SEE_OTHER),
    ] {
        let request = world.http.post(world.at("/parcels")).headers(browser.headers()).header(name, value);
        assert_eq!(request.send().await.unwrap().status(), expected, "{name}: {value}");
    }
}

#[tokio::test]
async fn what_an_answer_says_is_text_on_the_page() {
    let world = World::new().await;
    let (browser, address) = world.leave().await;
    let state = parameter(&address, "state");
    let path = format!("/callback?error=%3Cscript%3E&state={state}&iss={}", world.issuer);
    world.get(&path, &browser).await;
    let response = world.get("/", &browser).await;
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let page = response.text().await.unwrap();
    assert!(!page.contains("<script>") && page.contains("&#60;script&#62;"), "{page}");
}

#[tokio::test]
async fn no_api_answers_without_a_key() {
    let world = World::new().await;
    let addresses = world.running.addresses();
    for url in [
        addresses.lockbox_resource(),
        format!("{}/box-1", addresses.lockbox_resource()),
        format!("{}/things?type=lockbox", addresses.lockbox),
        addresses.parcels_resource(),
    ] {
        let response = world.http.get(&url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{url}");
        assert!(response.headers().contains_key("www-authenticate"), "{url}");
    }
}

#[tokio::test]
async fn an_api_lets_in_the_browser_app_and_no_other_origin() {
    let world = World::new().await;
    let addresses = world.running.addresses();
    let preflight = |origin: String| {
        let request = world.http.request(http::Method::OPTIONS, addresses.lockbox_resource()).header("origin", origin);
        request.header("access-control-request-method", "GET").header("access-control-request-headers", "authorization")
    };
    let own = preflight(addresses.browser.clone()).send().await.unwrap();
    assert_eq!(own.headers()["access-control-allow-origin"], addresses.browser.as_str());
    assert_eq!(own.headers()["access-control-allow-headers"], "Authorization");
    for other in [addresses.rogue.clone(), "null".to_owned(), format!("{}0", addresses.browser)] {
        let answer = preflight(other).send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    }
    let refused =
        world.http.get(addresses.lockbox_resource()).header("origin", &addresses.browser).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["access-control-allow-origin"], addresses.browser.as_str());
}
