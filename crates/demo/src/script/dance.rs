//! What must work: the web app with a back end, from the first click to the key that wears out and its successor.

use std::io::Write;
use std::time::Duration;

use super::browser::Page;
use super::{ADA, Answered, BOX_ONE, Choice, Stage};
use crate::declarations::PARCELS_SECONDS;
use crate::fault::DemoFault;
use crate::journal::{Carried, fingerprint};

/// The clocks of the machine tick in seconds: a token is surely past its end one second later.
const UNTIL_WORN_OUT: Duration = Duration::from_secs(PARCELS_SECONDS as u64 + 1);

impl<W: Write> Stage<'_, W> {
    pub(super) async fn dance(&mut self) -> Result<(), DemoFault> {
        self.denied().await?;
        let answered = self.ask_and_choose().await?;
        let page = self.come_back(&answered).await?;
        let page = self.read_box_one(page).await?;
        let page = self.wear_out(page).await?;
        self.refresh_lockbox(page).await
    }

    /// First the no: afterwards grantd remembers the yes.
    async fn denied(&mut self) -> Result<(), DemoFault> {
        self.tell.step(&format!("{} opens Mailroom, signs in at grantd, and says no", ADA.name))?;
        let browser = self.browser.clone();
        let page = self.mailroom(&browser).await?;
        let invited = page.document().text_of("connect").is_some();
        self.tell.must(invited, "Mailroom invites her, and knows nothing of her", page.seen())?;
        let address = self.mailroom_asks(&browser).await?;
        self.tell.front("Mailroom → browser → grantd", "the question")?;
        let answered = self.walk(&browser, &address, ADA, Choice::Deny).await?;
        self.tell.front("grantd → browser → Mailroom", "the answer is no")?;
        self.show_carried(&answered.address)?;
        let denied =
            parameter(&answered, "error").as_deref() == Some("access_denied") && parameter(&answered, "code").is_none();
        self.tell.must(denied, "access_denied, and no code", "another answer")?;
        let page = self.deliver(&browser, &answered.from, &answered.address).await?;
        let told = page.document().text_of("notice").is_some_and(|notice| notice.contains("access_denied"));
        let still_invited = page.document().text_of("connect").is_some();
        self.tell.must(told && still_invited, "Mailroom says that nothing was shared", page.seen())
    }

    async fn ask_and_choose(&mut self) -> Result<Answered, DemoFault> {
        self.tell.step("She changes her mind. Mailroom asks again")?;
        let browser = self.browser.clone();
        let address = self.mailroom_asks(&browser).await?;
        self.tell
            .front("Mailroom → browser → grantd", "the question, with the hash of a secret that stays at Mailroom")?;
        self.show_carried(&address)?;
        let query: Vec<_> = address.query_pairs().into_owned().collect();
        let has = |name: &str| query.iter().any(|(known, value)| known == name && value.len() >= 43);
        self.tell.must(has("state") && has("code_challenge"), "a fresh state and a fresh challenge", "none")?;
        let s256 = query.iter().any(|(name, value)| name == "code_challenge_method" && value == "S256");
        self.tell.must(s256, "PKCE with S256", "another method")?;

        self.tell.step("grantd asks her which boxes. She unticks 2 and 3")?;
        let answered = self.walk(&browser, &address, ADA, BOX_ONE).await?;
        self.tell.back("grantd → lockbox API", "which boxes does she have? (a token for this one question)")?;
        for box_line in &answered.offered {
            let ticked = if super::is_titled(box_line, "Box 1") { "[x]" } else { "[ ]" };
            self.tell.say(&format!("{ticked} {box_line}"))?;
        }
        let all = ADA.boxes.iter().all(|known| {
            answered.offered.iter().any(|line| super::is_titled(line, known.title) && line.contains(known.subtitle))
        });
        let three = all && answered.offered.len() == ADA.boxes.len();
        self.tell.must(three, "the page offers her own three boxes by name", answered.offered.join(", "))?;
        Ok(answered)
    }

    async fn come_back(&mut self, answered: &Answered) -> Result<Page, DemoFault> {
        self.tell.step("grantd answers with a receipt, the code")?;
        self.tell.front("grantd → browser → Mailroom", "the answer")?;
        self.show_carried(&answered.address)?;
        let names: Vec<String> = answered.address.query_pairs().map(|(name, _)| name.into_owned()).collect();
        let expected = ["code", "state", "iss"];
        let exactly =
            names.len() == expected.len() && expected.iter().all(|name| names.iter().any(|known| known == name));
        let no_fragment = answered.address.fragment().is_none();
        self.tell.must(
            exactly && no_fragment,
            "code, state and iss; no token anywhere in the address",
            names.join(", "),
        )?;

        self.tell.step("Mailroom trades the receipt for a key")?;
        let browser = self.browser.clone();
        let delivered = browser.follow(&answered.from, &answered.address).await?;
        self.tell.back("Mailroom → grantd", "the code, the verifier, and Mailroom's own secret")?;
        self.tell.back("grantd → Mailroom", "a key (access token) and a voucher (refresh token)")?;
        let clean = delivered.location().filter(|location| location.query().is_none() && location.path() == "/");
        let Some(clean) = clean else {
            return Err(self.tell.fault("a redirect to an address without a code", delivered.seen()));
        };
        self.tell.must(true, "the browser is sent on to an address without a code", "")?;
        let page = browser.follow(&delivered, &clean).await?;
        let connected = page.document().text_of("lockbox_key").is_some();
        self.tell.must(connected, "Mailroom has a key; the browser has seen none", page.seen())?;
        Ok(page)
    }

    async fn read_box_one(&mut self, page: Page) -> Result<Page, DemoFault> {
        self.tell.step("Mailroom reads box 1, and only box 1")?;
        self.tell.back("Mailroom → lockbox API", "Authorization: Bearer, the key")?;
        let document = page.document();
        let text = |id: &str| document.text_of(id).unwrap_or_default().to_owned();
        let letters = ADA.boxes.first().map(|lockbox| lockbox.letters).unwrap_or_default();
        for letter in letters {
            self.tell.say(&format!("“{}”, from {}", letter.subject, letter.from))?;
        }
        let read = letters.iter().all(|letter| text("box-1").contains(letter.subject));
        self.tell.must(read, "the letters of box 1", text("box-1"))?;
        let closed = ["box-2", "box-3"].iter().all(|id| text(id).contains("Closed"));
        self.tell.must(closed, "boxes 2 and 3 are closed to it", text("box-2"))?;

        self.tell.step("Mailroom tries box 2 all the same")?;
        self.tell.back("Mailroom → lockbox API", "GET …/boxes/box-2, with the key to box 1")?;
        let page = self.press(&page, "open_box-2").await?;
        let notice = notice(&page);
        let refused =
            notice.contains("403") && page.document().text_of("box-2").is_some_and(|text| text.contains("Closed"));
        self.tell.stopped(refused, &format!("the API stopped it: {notice}"), page.seen())?;
        Ok(page)
    }

    async fn wear_out(&mut self, page: Page) -> Result<Page, DemoFault> {
        self.tell.step("Mailroom trades its voucher for a key to another API")?;
        let voucher = shown(&page, "voucher");
        let page = self.press(&page, "ask_parcels").await?;
        self.tell.back("Mailroom → grantd", "the voucher and Mailroom's own secret")?;
        self.show_secrets(&[("refresh_token", &voucher), ("the next one", &shown(&page, "voucher"))])?;
        let parcels = page.document().text_of("parcels").unwrap_or_default().to_owned();
        let read = ADA.parcels.iter().all(|parcel| parcels.contains(parcel.number));
        self.tell.must(read, "the parcel counter answers: its key is for it alone", page.seen())?;
        let changed = voucher != shown(&page, "voucher") && !voucher.is_empty();
        self.tell.must(changed, "the voucher was spent, and there is a new one", "the same voucher")?;

        self.tell.step(&format!("That key wears out after {PARCELS_SECONDS} seconds. We wait"))?;
        self.tell.flush()?;
        tokio::time::sleep(UNTIL_WORN_OUT).await;
        let worn_out = shown(&page, "parcels_key");
        let page = self.press(&page, "ask_parcels").await?;
        self.tell.back("Mailroom → parcel counter", "the same key")?;
        let journal = page.document().text_of("journal").unwrap_or_default().to_owned();
        let expired = journal.contains("takes the key no more: 401") && journal.contains("expired");
        self.tell.stopped(expired, "the API stopped it: 401, the key has expired", page.seen())?;

        self.tell.step("Mailroom fetches another, silently, and goes on")?;
        self.tell.back("Mailroom → grantd", "the next voucher")?;
        self.show_secrets(&[("the worn-out key", &worn_out), ("the new key", &shown(&page, "parcels_key"))])?;
        let renewed = worn_out != shown(&page, "parcels_key") && notice(&page).contains("answered");
        self.tell.must(renewed, "the parcel counter answers again; the person was not even told", page.seen())?;
        Ok(page)
    }

    async fn refresh_lockbox(&mut self, page: Page) -> Result<(), DemoFault> {
        self.tell.step("The same for the lockboxes: the choice holds")?;
        let old_key = shown(&page, "lockbox_key");
        let page = self.press(&page, "refresh_lockbox").await?;
        self.tell.back("Mailroom → grantd", "the voucher; asks for a key to the lockboxes")?;
        self.show_secrets(&[("the old key", &old_key), ("the new key", &shown(&page, "lockbox_key"))])?;
        self.tell.must(old_key != shown(&page, "lockbox_key"), "a new key", "the same key")?;
        let page = self.press(&page, "open_box-2").await?;
        let refused = notice(&page).contains("403");
        self.tell.must(refused, "the new key opens box 1 and no other", page.seen())
    }

    /// What the page shows of them already is a fingerprint.
    fn show_secrets(&mut self, fingerprints: &[(&str, &str)]) -> Result<(), DemoFault> {
        let carried: Vec<Carried> = fingerprints.iter().map(|(name, value)| Carried::new(name, *value)).collect();
        self.tell.carries(&carried)
    }
}

pub(super) fn parameter(answered: &Answered, name: &str) -> Option<String> {
    answered.address.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

pub(super) fn notice(page: &Page) -> String {
    page.document().text_of("notice").unwrap_or_default().trim_end_matches('.').to_owned()
}

fn shown(page: &Page, id: &str) -> String {
    let text = page.document().text_of(id).unwrap_or_default().to_owned();
    // A page that showed a whole secret would be a fault of its own; it is not repeated here.
    if text.starts_with('…') { text } else { fingerprint(&text) }
}
