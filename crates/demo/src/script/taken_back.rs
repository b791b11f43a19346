//! What a person gave, taken back: one box, then everything, on grantd's page; and what an app gives back by itself.

use std::io::Write;

use tokio::time::{Instant, sleep};

use super::browser::Page;
use super::dance::notice;
use super::life::{FEED_AT_MOST, LOOK_AGAIN};
use super::{ADA, BOX_ONE, Choice, Stage, is_titled, refusal};
use crate::declarations::{MAIL_CLI, MAILROOM};
use crate::fault::DemoFault;
use crate::script::forms::Form;

impl<W: Write> Stage<'_, W> {
    pub(super) async fn taken_back(&mut self) -> Result<(), DemoFault> {
        self.box_taken_back().await?;
        self.access_ended().await?;
        self.given_back().await
    }

    async fn box_taken_back(&mut self) -> Result<(), DemoFault> {
        self.tell.step(&format!("{} gave the command-line app boxes 1 and 2, and takes box 2 back", ADA.name))?;
        let mut session = self.native_session(Choice::Boxes(&["Box 1", "Box 2"])).await?;
        let opens = session.opens().join(", ");
        let reads = self.read_box("box-2", &session.key()).await?.status.is_success();
        self.tell.must(reads && opens == "box-1, box-2", "a key to boxes 1 and 2; it reads both", opens)?;
        let page = self.access_page().await?;
        self.tell.front("browser → grantd, /account/access", "what may the apps open?")?;
        let form = self.form_of(&page, MAIL_CLI, "narrow")?;
        let lists = form.named("thing").any(|thing| is_titled(&thing.label, "Box 2"));
        self.tell.must(lists, "the page shows box 2 in the app's hands", page.seen())?;
        let page = self.save(&page, &form.ticked("thing", |thing| !is_titled(&thing.label, "Box 2")), "narrow").await?;
        self.tell.front("browser → grantd", "box 2 is unticked")?;
        let form = self.form_of(&page, MAIL_CLI, "narrow")?;
        let gone = !form.named("thing").any(|thing| is_titled(&thing.label, "Box 2"));
        self.tell.must(gone, &format!("grantd says: {}", notice(&page)), page.seen())?;

        self.tell.step("The app goes on, with its next key")?;
        session.renew().await?;
        self.tell.back("the app → grantd", "its voucher, which is as good as before")?;
        let opens = session.opens().join(", ");
        self.tell.must(opens == "box-1", "the new key opens box 1 alone (CONSENT-05)", opens)?;
        let answer = self.read_box("box-1", &session.key()).await?;
        self.tell.must(answer.status.is_success(), "box 1 is open to it: nothing broke", refusal(&answer))?;
        let answer = self.read_box("box-2", &session.key()).await?;
        let closed = answer.status == http::StatusCode::FORBIDDEN;
        self.tell.stopped(closed, &format!("the API stopped it at box 2: {}", refusal(&answer)), refusal(&answer))
    }

    async fn access_ended(&mut self) -> Result<(), DemoFault> {
        self.tell.step("She ends all access of Mailroom")?;
        let page = self.connect_mailroom().await?;
        let page = self.press(&page, "ask_parcels").await?;
        self.tell.must(notice(&page).contains("answered"), "Mailroom is at work", page.seen())?;
        let page = self.access_page().await?;
        let form = self.form_of(&page, MAILROOM, "end")?;
        let page = self.save(&page, &form, "end").await?;
        self.tell.front("browser → grantd, /account/access", "end access")?;
        let ended = self.form_of(&page, MAILROOM, "narrow").is_err();
        self.tell.must(ended, &format!("grantd says: {}", notice(&page)), page.seen())?;

        self.tell.step("Mailroom goes on as if nothing had happened")?;
        let browser = self.browser.clone();
        let page = self.mailroom(&browser).await?;
        let page = self.press(&page, "ask_parcels").await?;
        self.tell.back("Mailroom → parcel counter", "its key")?;
        self.tell.back("parcel counter → grantd, /introspect", "is this key good now?")?;
        let refused = journal(&page).contains("takes the key no more: 401");
        self.tell.stopped(
            refused,
            "the API stopped it at once: grantd says that the key is not active (INTRO-03)",
            page.seen(),
        )?;
        self.tell.back("Mailroom → grantd", "its voucher, for another key")?;
        let refused = notice(&page).contains("invalid_grant");
        self.tell.stopped(refused, &format!("grantd stopped it (REFRESH-16): {}", notice(&page)), page.seen())?;
        self.closed_at_the_lockboxes(page).await
    }

    /// Mailroom's key to the lockboxes has minutes to go.
    async fn closed_at_the_lockboxes(&mut self, mut page: Page) -> Result<(), DemoFault> {
        let began = Instant::now();
        let refused = |page: &Page| journal(page).contains("was ended") && notice(page).contains("no voucher");
        while !refused(&page) && began.elapsed() <= FEED_AT_MOST {
            sleep(LOOK_AGAIN).await;
            page = self.press(&page, "open_box-2").await?;
        }
        self.tell.back("Mailroom → lockbox API", "the key it still has, with a good signature")?;
        let what = "the API stopped it: it has read in the list that the grant has ended (AT-11)";
        self.tell.stopped(refused(&page), what, page.seen())
    }

    async fn given_back(&mut self) -> Result<(), DemoFault> {
        self.tell.step("She connects Mailroom again, and then leaves it for good")?;
        let page = self.connect_mailroom().await?;
        let page = self.press(&page, "forget").await?;
        self.tell.back("Mailroom → grantd, /revoke", "its voucher and Mailroom's own secret")?;
        let forgot = notice(&page).starts_with("Mailroom gave back") && page.document().text_of("connect").is_some();
        self.tell.must(forgot, "Mailroom gave back what it held", page.seen())?;
        let page = self.access_page().await?;
        let ended = self.form_of(&page, MAILROOM, "narrow").is_err();
        self.tell.must(ended, "grantd lists Mailroom among those that can open nothing (REVOKE-04)", page.seen())?;

        self.tell.step("The command-line app does the same, and somebody has copies of what it held")?;
        let session = self.native_session(BOX_ONE).await?;
        let (key, voucher) = (session.key(), self.voucher_of(&session)?);
        session.give_back().await?;
        self.tell.back("the app → grantd, /revoke", "its voucher")?;
        let answer = self.trade(&voucher).await?;
        self.tell.back("thief → grantd", "the copy of the voucher")?;
        self.stopped_by_grantd("REVOKE-04", &answer)?;
        self.ends_at_the_lockboxes(&key, "the copy of the key").await
    }

    /// Mailroom's page, with Mailroom connected.
    async fn connect_mailroom(&mut self) -> Result<Page, DemoFault> {
        let answered = self.fresh_mailroom_answer().await?;
        let browser = self.browser.clone();
        self.deliver(&browser, &answered.from, &answered.address).await
    }

    async fn access_page(&self) -> Result<Page, DemoFault> {
        self.browser.open(&format!("{}/account/access", self.running.metadata.issuer.identifier)).await
    }

    /// The form by which the page changes what this client may do.
    fn form_of(&self, page: &Page, client_id: &str, action: &str) -> Result<Form, DemoFault> {
        let document = page.document();
        let mut forms = document.forms();
        let is_it = |form: &&Form| {
            let names = form.named("client").any(|field| field.value == client_id);
            names && form.named("action").any(|button| button.value == action)
        };
        let form = forms.find(is_it).cloned();
        form.ok_or_else(|| self.tell.fault(&format!("a form to {action} the access of {client_id}"), page.seen()))
    }

    async fn save(&self, page: &Page, form: &Form, action: &str) -> Result<Page, DemoFault> {
        let Some(sent) = form.pressed("action", action) else {
            return Err(self.tell.fault(&format!("a button to {action}"), page.seen()));
        };
        let answer = self.browser.submit(page, &sent).await?;
        match answer.location() {
            Some(location) => self.browser.follow(&answer, &location).await,
            None => Err(self.tell.fault("a redirect back to the page", answer.seen())),
        }
    }
}

fn journal(page: &Page) -> String {
    page.document().text_of("journal").unwrap_or_default().to_owned()
}
