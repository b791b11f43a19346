use std::time::Duration;

use grantd_demo::session::{SessionId, Sessions};
use http::HeaderMap;
use http::header::COOKIE;
use tokio::time::Instant;

fn cookie_of(sessions: &Sessions<u32>, id: &SessionId) -> String {
    let header = sessions.set_cookie(id).unwrap();
    header.to_str().unwrap().split(';').next().unwrap().to_owned()
}

fn headers(cookie: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, cookie.parse().unwrap());
    headers
}

#[test]
fn a_browser_is_known_by_its_cookie() {
    let now = Instant::now();
    let mut sessions = Sessions::<u32>::new("app");
    let id = sessions.start(now);
    *sessions.get(&id, now).unwrap() = 7;
    let cookie = cookie_of(&sessions, &id);
    let again = sessions.of(&headers(&format!("other=1; {cookie}"))).unwrap();
    assert_eq!(sessions.get(&again, now).copied(), Some(7));
}

#[test]
fn a_name_that_the_browser_proposes_is_no_session() {
    let sessions = Sessions::<u32>::new("app");
    assert!(sessions.of(&headers("app=chosen-by-somebody-else")).is_none());
    assert!(sessions.of(&HeaderMap::new()).is_none());
}

#[test]
fn two_cookies_of_the_name_are_none() {
    let mut sessions = Sessions::<u32>::new("app");
    let id = sessions.start(Instant::now());
    let cookie = cookie_of(&sessions, &id);
    assert!(sessions.of(&headers(&format!("app=planted; {cookie}"))).is_none());
    assert!(sessions.of(&headers(&format!("{cookie}; {cookie}"))).is_none());
}

#[test]
fn after_signing_in_the_old_name_is_worth_nothing() {
    let now = Instant::now();
    let mut sessions = Sessions::<u32>::new("app");
    let planted = sessions.start(now);
    *sessions.get(&planted, now).unwrap() = 7;
    let renamed = sessions.rename(&planted, now).unwrap();
    assert!(sessions.get(&planted, now).is_none());
    assert_eq!(sessions.get(&renamed, now).copied(), Some(7));
}

#[test]
fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites_forms() {
    let mut sessions = Sessions::<u32>::new("app");
    let id = sessions.start(Instant::now());
    let cookie = sessions.set_cookie(&id).unwrap();
    let text = cookie.to_str().unwrap();
    assert!(text.contains("HttpOnly") && text.contains("SameSite=Lax"), "{text}");
    assert!(!format!("{cookie:?} {id:?}").contains(text.split(';').next().unwrap()));
}

#[test]
fn the_quietest_browser_gives_way() {
    let now = Instant::now();
    let mut sessions = Sessions::<u32>::new("app");
    let quiet = sessions.start(now);
    let busy = sessions.start(now);
    for second in 1..400 {
        let later = now + Duration::from_secs(second);
        sessions.get(&busy, later);
        sessions.start(later);
    }
    assert!(sessions.get(&quiet, now).is_none());
    assert!(sessions.get(&busy, now).is_some());
}
