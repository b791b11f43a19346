//! A browser's session with an app of the demonstration: a random name in a cookie, everything else here.

use std::collections::HashMap;

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use oauth2::CsrfToken;
use tokio::time::Instant;

/// More browsers than this demonstration will see; the one that was quiet longest gives way.
const MAX_SESSIONS: usize = 256;

/// The sessions of one app. `cookie` is its name for them.
#[derive(Debug)]
pub struct Sessions<T> {
    cookie: &'static str,
    open: HashMap<String, Open<T>>,
}

#[derive(Debug)]
struct Open<T> {
    used: Instant,
    session: T,
}

/// The name of a session: whoever has it *is* that browser. Only ever in a cookie (STATE-05).
#[derive(Clone)]
pub struct SessionId(String);

impl<T: Default> Sessions<T> {
    /// None yet.
    pub fn new(cookie: &'static str) -> Self {
        Self { cookie, open: HashMap::new() }
    }

    /// The session that the request's cookie names, if it is one of ours. A query is never looked at.
    pub fn of(&self, headers: &HeaderMap) -> Option<SessionId> {
        let mut named = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.cookie);
        // Two of them: somebody has planted one.
        let (Some((_, value)), None) = (named.next(), named.next()) else { return None };
        self.open.contains_key(value).then(|| SessionId(value.to_owned()))
    }

    /// A new session with a name of our own making: never one that the browser proposed.
    pub fn start(&mut self, now: Instant) -> SessionId {
        self.keep(T::default(), now)
    }

    /// The session under a new name, as after signing in; the old name is worth nothing any more.
    pub fn rename(&mut self, id: &SessionId, now: Instant) -> Option<SessionId> {
        let open = self.open.remove(&id.0)?;
        Some(self.keep(open.session, now))
    }

    /// What we know of this browser.
    pub fn get(&mut self, id: &SessionId, now: Instant) -> Option<&mut T> {
        let open = self.open.get_mut(&id.0)?;
        open.used = now;
        Some(&mut open.session)
    }

    /// Forgets the browser.
    pub fn end(&mut self, id: &SessionId) {
        self.open.remove(&id.0);
    }

    /// The value of `Set-Cookie`. `Lax`, because the answer of the authorization server comes from another site.
    ///
    /// Without `Secure`, for this is plain HTTP on loopback. Cookies know no ports (RFC 6265 §8.5): apps of the real world have
    /// a host name each.
    pub fn set_cookie(&self, id: &SessionId) -> Option<HeaderValue> {
        let mut value =
            HeaderValue::from_str(&format!("{}={}; Path=/; HttpOnly; SameSite=Lax", self.cookie, id.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn keep(&mut self, session: T, now: Instant) -> SessionId {
        if self.open.len() >= MAX_SESSIONS {
            let quietest = self.open.iter().min_by_key(|(_, open)| open.used).map(|(id, _)| id.clone());
            quietest.map(|id| self.open.remove(&id));
        }
        let id = CsrfToken::new_random_len(32).into_secret();
        self.open.insert(id.clone(), Open { used: now, session });
        SessionId(id)
    }
}

impl std::fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SessionId(..)")
    }
}
