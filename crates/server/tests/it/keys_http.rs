//! Keys that follow each other while tokens are made and checked, and keys that are given up.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use grantd::env;
use grantd::keys::timeline::{KeyState, PUBLISH_AHEAD, Start, states};
use grantd::keys::{KekSource, KeyEvent, Keys};
use grantd_protocol::names::Issuer;
use grantd_resource::{Clock, Guard, SteppedClock};
use grantd_store::Store;
use grantd_tokens::{AccessTokenClaims, Algorithm, JwkSet, PrivateKey, Seconds, Time};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::rig::{Rig, Setup, database};

const ALGORITHM: Algorithm = Algorithm::Es256;
const RESOURCE: &str = "http://127.0.0.1:9/";
const TWO_DAYS: Seconds = Seconds::days(2);

/// The keys as another process has them: nothing but the files is shared.
async fn another_process(folder: &Path, issuer: &str) -> Keys {
    let store = Store::open(&database::of(folder)).unwrap();
    let kek = KekSource::File(folder.join("grantd.db.key"));
    Keys::open_existing(store, Issuer::new(issuer), &kek).await.unwrap()
}

/// The name of the key of a token that the server gives to a service.
async fn kid_of_a_token(rig: &Rig) -> String {
    let asked = [("grant_type", "client_credentials"), ("scope", "boxes:list")];
    let token = rig.token_by("robot", &asked).await.member("access_token");
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn published(rig: &Rig) -> Vec<String> {
    let set = rig.browser().get(&rig.path("/jwks")).await.json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

// proves: KEYS-03
#[tokio::test]
async fn a_key_that_another_process_removed_signs_nothing_more_and_is_not_published() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in(folder.path()).start().await;
    let elsewhere = another_process(folder.path(), &rig.issuer).await;

    // The very next token.
    let leaked = kid_of_a_token(&rig).await;
    elsewhere.remove(&leaked, env::now()).await.unwrap();
    let heir = kid_of_a_token(&rig).await;
    assert_ne!(heir, leaked);
    assert!(rig.app.keys.ring().public.find(&leaked).is_none(), "nobody here takes its tokens for ours");
    assert_eq!(published(&rig).await, [heir.as_str()]);

    // The very next look at the key set.
    elsewhere.remove(&heir, env::now()).await.unwrap();
    let after = published(&rig).await;
    assert!(after.len() == 1 && after[0] != heir && after[0] != leaked, "{after:?}");
    assert_eq!(kid_of_a_token(&rig).await, after[0]);
}

// proves: KEYS-03
#[tokio::test]
async fn an_announced_key_takes_over_from_one_that_is_removed_and_a_retired_one_never_does() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in(folder.path()).start().await;
    let keys = &rig.app.keys;
    let first = kid_of_a_token(&rig).await;
    let at = |seconds| env::now() + Seconds(seconds);
    let made = keys.rotate(Start::AtOnce, at(100)).await.unwrap();
    let [KeyEvent::Made(second)] = &made[..] else { panic!("{made:?}") };
    let made = keys.rotate(Start::Announced, at(200)).await.unwrap();
    let [KeyEvent::Made(third)] = &made[..] else { panic!("{made:?}") };
    let signing = || keys.ring().signing(ALGORITHM, at(300)).unwrap().kid().to_owned();
    assert_eq!(signing(), second.kid);
    let done = keys.remove(&second.kid, at(300)).await.unwrap();
    assert!(matches!(&done[..], [KeyEvent::Removed(_), KeyEvent::Activated(key)] if key.kid == third.kid), "{done:?}");
    assert_eq!(signing(), third.kid);
    assert!(published(&rig).await.contains(&first), "the retired one is still needed");
}

// proves: KEYS-02
#[tokio::test(flavor = "multi_thread")]
async fn of_many_processes_that_find_the_next_key_due_one_makes_it() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in(folder.path()).start_empty().await;
    let due = env::now() + TWO_DAYS;
    let mut processes = Vec::new();
    for _ in 0..8 {
        processes.push(another_process(folder.path(), &rig.issuer).await);
    }
    // All at once: each has read the keys before one of them writes.
    let at_once = Arc::new(Barrier::new(processes.len()));
    let mut tending = JoinSet::new();
    for keys in processes {
        let at_once = Arc::clone(&at_once);
        tending.spawn(async move {
            at_once.wait().await;
            keys.tend(due, TWO_DAYS).await.unwrap()
        });
    }
    let events: Vec<_> = tending.join_all().await.into_iter().flatten().collect();
    assert!(matches!(&events[..], [KeyEvent::Made(next)] if next.active_from == due + PUBLISH_AHEAD), "{events:?}");
    assert_eq!(published(&rig).await.len(), 2, "and it is published at once, everywhere");
}

// ---- under load ----

const TASKS: usize = 4;
/// No divisor of any length of the timeline.
const STEP: Seconds = Seconds(293);
/// Five days.
const STEPS: i64 = 5 * 24 * 60 * 60 / STEP.0;

/// What all who take part share.
#[derive(Clone)]
struct Scene {
    clock: SteppedClock,
    processes: [Arc<Keys>; 2],
    guards: [Guard; 2],
    issuer: String,
    /// Everybody has done what there was to do in one step of the clock, and the next begins.
    step: Arc<Barrier>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn token(&self, key: &PrivateKey, now: Time, lifetime: Seconds) -> String {
        let claims = AccessTokenClaims {
            iss: self.issuer.clone(),
            sub: "ann".to_owned(),
            aud: RESOURCE.to_owned(),
            client_id: "web".to_owned(),
            exp: now + lifetime,
            iat: now,
            jti: "t".to_owned(),
            scope: None,
            authorization_details: Vec::new(),
            auth_time: None,
            acr: None,
        };
        claims.mint(key).unwrap()
    }

    /// Makes tokens as the processes would, and shows each from its first moment to its last.
    async fn use_tokens(self, number: usize) {
        const LIFETIME: Seconds = Seconds::hours(1);
        let mut living: VecDeque<(String, Time)> = VecDeque::new();
        for _ in 0..STEPS {
            let ring = self.processes[number % 2].fresh().await.unwrap();
            let now = self.clock.now();
            let key = ring.signing(ALGORITHM, now).unwrap();
            living.push_back((self.token(&key, now, LIFETIME), now + LIFETIME));
            while living.front().is_some_and(|(_, exp)| self.clock.now().is_past(*exp)) {
                living.pop_front();
            }
            for (token, exp) in [living.front(), living.back()].into_iter().flatten() {
                for guard in &self.guards {
                    let verdict = guard.verify(token).await;
                    // The clock may have gone on meanwhile.
                    if let Err(refusal) = verdict
                        && !self.clock.now().is_past(*exp)
                    {
                        self.refused.lock().unwrap().push(refusal.to_string());
                    }
                }
            }
            self.step.wait().await;
        }
    }
}

// proves: KEYS-02
#[tokio::test(flavor = "multi_thread")]
async fn no_resource_server_refuses_a_good_token_while_keys_follow_each_other() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::development().kept_in(folder.path()).start_empty().await;
    let clock = SteppedClock::at(env::now());
    let guard = || Guard::builder(&rig.issuer, RESOURCE).development().clock(Clock::Stepped(clock.clone()));
    let scene = Scene {
        clock: clock.clone(),
        processes: [
            Arc::new(another_process(folder.path(), &rig.issuer).await),
            Arc::new(another_process(folder.path(), &rig.issuer).await),
        ],
        guards: [guard().build().unwrap(), guard().build().unwrap()],
        issuer: rig.issuer.clone(),
        step: Arc::new(Barrier::new(TASKS + 1)),
        refused: Arc::default(),
    };
    let mut users = JoinSet::new();
    for number in 0..TASKS {
        users.spawn(scene.clone().use_tokens(number));
    }

    // One that looks once in 23 hours and never in between, whatever it is told.
    let mut stubborn: Option<(JwkSet, Time)> = None;
    let (mut signed, mut retired) = (Vec::new(), 0);
    for _ in 0..STEPS {
        let now = clock.now();
        for process in &scene.processes {
            let events = process.tend(now, TWO_DAYS).await.unwrap();
            retired += events.iter().filter(|event| matches!(event, KeyEvent::Retired(_))).count();
        }
        let kid = scene.processes[0].ring().signing(ALGORITHM, now).unwrap().kid().to_owned();
        if stubborn.as_ref().is_none_or(|(_, until)| now.is_past(*until)) {
            let body = rig.browser().get("/jwks").await.body;
            stubborn = Some((JwkSet::parse(body.as_bytes()).unwrap(), now + Seconds::hours(23)));
        }
        assert!(stubborn.as_ref().unwrap().0.find(&kid).is_some(), "a key signs that was not published in time");
        if !signed.contains(&kid) {
            signed.push(kid);
        }
        // While the others are at work.
        clock.advance(STEP);
        scene.step.wait().await;
    }
    users.join_all().await;
    assert_eq!(*scene.refused.lock().unwrap(), Vec::<String>::new(), "no good token is refused");
    assert_eq!(
        (signed.len(), retired),
        (3, 2),
        "each key signed for two days and went when it was not needed any more"
    );
    let last = scene.processes[0].fresh().await.unwrap();
    assert!(states(last.dates(), clock.now()).iter().any(|state| matches!(state, KeyState::Active { .. })));
}
