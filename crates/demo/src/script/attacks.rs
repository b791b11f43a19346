//! What must fail on the front channel: addresses that were changed, swapped, or invented.

use std::io::Write;

use url::Url;

use super::browser::{Browser, Page};
use super::dance::notice;
use super::{ADA, Answered, BOX_ONE, Choice, GRACE, Stage};
use crate::fault::DemoFault;

impl<W: Write> Stage<'_, W> {
    pub(super) async fn attacks(&mut self) -> Result<(), DemoFault> {
        self.changed_state().await?;
        self.foreign_browser().await?;
        self.other_issuer().await?;
        self.injected_code().await?;
        self.other_redirect_uri().await
    }

    async fn changed_state(&mut self) -> Result<(), DemoFault> {
        self.tell.step("Somebody changes the state of an answer")?;
        let answered = self.fresh_mailroom_answer().await?;
        let last_changed = |state: &str| {
            let mut letters: Vec<char> = state.chars().collect();
            // The first letter: in the last one of 43, two bits do not count.
            if let Some(first) = letters.first_mut() {
                *first = if *first == 'A' { 'B' } else { 'A' };
            }
            letters.into_iter().collect::<String>()
        };
        let changed = with_parameter(&answered.address, "state", last_changed);
        self.tell.front("thief → browser → Mailroom", "a good code with a state that is not quite right")?;
        let browser = self.browser.clone();
        let page = self.deliver(&browser, &answered.from, &changed).await?;
        self.dropped(&page, "state", "Mailroom stopped it before the code was used (STATE-01)")?;
        let page = self.deliver(&browser, &answered.from, &answered.address).await?;
        self.tell.must(got_key(&page), "the answer as it was sent is good", page.seen())?;

        self.tell.step("The same answer once more")?;
        let page = self.deliver(&browser, &answered.from, &answered.address).await?;
        self.dropped(&page, "state", "Mailroom stopped it: a state is good once (STATE-01)")
    }

    /// Login CSRF: the victim would be signed in as the attacker.
    async fn foreign_browser(&mut self) -> Result<(), DemoFault> {
        self.tell.step(&format!("{} sends her answer to Ada's browser", GRACE.name))?;
        let graces = Browser::new()?;
        let address = self.mailroom_asks(&graces).await?;
        let answered = self.walk(&graces, &address, GRACE, Choice::Boxes(&["Box 2"])).await?;
        self.tell.front("Grace → Ada's browser → Mailroom", "a good code and a good state, of another browser")?;
        let browser = self.browser.clone();
        let page = self.deliver(&browser, &answered.from, &answered.address).await?;
        self.dropped(&page, "state", "Mailroom stopped it: Ada's browser never asked (STATE-05)")?;
        let page = self.deliver(&graces, &answered.from, &answered.address).await?;
        self.tell.must(got_key(&page), "in Grace's own browser it is good", page.seen())
    }

    /// Mix-up: the answer claims to come from another authorization server.
    async fn other_issuer(&mut self) -> Result<(), DemoFault> {
        self.tell.step("An answer in the name of another server (mix-up)")?;
        let answered = self.fresh_mailroom_answer().await?;
        let changed = with_parameter(&answered.address, "iss", |_| "https://attacker.example".to_owned());
        self.tell.front("thief → browser → Mailroom", "iss = https://attacker.example")?;
        let browser = self.browser.clone();
        let page = self.deliver(&browser, &answered.from, &changed).await?;
        self.dropped(&page, "(iss)", "Mailroom stopped it: it asked another server (STATE-02)")
    }

    /// What PKCE adds for a client with a secret.
    async fn injected_code(&mut self) -> Result<(), DemoFault> {
        self.tell.step("Grace's code in Ada's answer (code injection)")?;
        let graces = Browser::new()?;
        let address = self.mailroom_asks(&graces).await?;
        let stolen = self.walk(&graces, &address, GRACE, Choice::Boxes(&["Box 2"])).await?;
        let code = super::dance::parameter(&stolen, "code").unwrap_or_default();
        let answered = self.fresh_mailroom_answer().await?;
        let injected = with_parameter(&answered.address, "code", |_| code.clone());
        self.tell.front("thief → browser → Mailroom", "Ada's state with Grace's code: the state is right")?;
        let browser = self.browser.clone();
        let page = self.deliver(&browser, &answered.from, &injected).await?;
        self.tell.back("Mailroom → grantd", "Grace's code with Ada's verifier, and Mailroom's real secret")?;
        let refused = notice(&page).contains("invalid_grant");
        self.tell.stopped(refused, &format!("grantd stopped it (PKCE-04): {}", notice(&page)), page.seen())
    }

    async fn other_redirect_uri(&mut self) -> Result<(), DemoFault> {
        self.tell.step("A redirect URI that is registered but for its last slash")?;
        let browser = self.browser.clone();
        let address = self.mailroom_asks(&browser).await?;
        let changed = with_parameter(&address, "redirect_uri", |uri| format!("{uri}/"));
        self.tell.front("thief → browser → grantd", "the question with another place for the answer")?;
        let page = browser.open(changed.as_str()).await?;
        let stays = page.location().is_none() && page.answer.status.is_client_error();
        self.tell.stopped(stays, "grantd shows a page and redirects nowhere (REDIR-01, REDIR-10)", page.seen())?;
        let answered = self.walk(&browser, &address, ADA, BOX_ONE).await?;
        let good = super::dance::parameter(&answered, "code").is_some();
        self.tell.must(good, "with the slash away, grantd answers", answered.from.seen())
    }

    /// A good answer to Mailroom's question in Ada's browser, on its way.
    pub(super) async fn fresh_mailroom_answer(&mut self) -> Result<Answered, DemoFault> {
        let browser = self.browser.clone();
        let address = self.mailroom_asks(&browser).await?;
        let answered = self.ask_ada(&address).await?;
        if super::dance::parameter(&answered, "code").is_none() {
            return Err(self.tell.fault("a code", answered.from.seen()));
        }
        Ok(answered)
    }

    fn dropped(&mut self, page: &Page, because_of: &str, what: &str) -> Result<(), DemoFault> {
        let notice = notice(page);
        let dropped = notice.starts_with("Mailroom dropped") && notice.contains(because_of);
        self.tell.stopped(dropped, what, page.seen())
    }
}

fn got_key(page: &Page) -> bool {
    notice(page).starts_with("Mailroom has a key")
}

/// The address with one parameter changed, all else as it was.
fn with_parameter(address: &Url, name: &str, change: impl Fn(&str) -> String) -> Url {
    let pairs: Vec<(String, String)> = address.query_pairs().into_owned().collect();
    let mut changed = address.clone();
    changed.query_pairs_mut().clear().extend_pairs(pairs.iter().map(|(known, value)| {
        let value = if known == name { change(value) } else { value.clone() };
        (known.clone(), value)
    }));
    changed
}
