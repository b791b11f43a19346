//! What becomes of a voucher: traded without the person, sent twice, raced for, and stolen. Each time grantd has to tell one from the other.

use std::io::Write;
use std::time::Duration;

use oauth2::TokenResponse;
use tokio::time::{Instant, sleep};

use super::{ADA, BOX_ONE, Stage, refusal, refused_with};
use crate::back_channel::Answer;
use crate::declarations::FEED_SECONDS;
use crate::fault::DemoFault;
use crate::journal::Carried;
use crate::native::NativeSession;

/// The lockboxes ask every second what has ended, and one answer may take five.
pub(super) const FEED_AT_MOST: Duration = Duration::from_secs(FEED_SECONDS as u64 + 5);
/// How often the script looks whether they have heard.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A key and the voucher that came with it.
struct Pair {
    key: String,
    voucher: String,
}

impl Pair {
    fn of(answer: &Answer) -> Option<Self> {
        let body = answer.json();
        let word = |name| body.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        Some(Self { key: word("access_token")?, voucher: word("refresh_token")? })
    }

    fn carried(&self) -> [Carried; 2] {
        [Carried::secret("access_token", &self.key), Carried::secret("refresh_token", &self.voucher)]
    }
}

impl<W: Write> Stage<'_, W> {
    pub(super) async fn life(&mut self) -> Result<(), DemoFault> {
        self.silent_refresh().await?;
        self.lost_answer().await?;
        self.two_tabs().await?;
        self.thief_is_first().await
    }

    async fn silent_refresh(&mut self) -> Result<(), DemoFault> {
        self.tell.step("An app gives its key back, and keeps its voucher")?;
        let mut session = self.native_session(BOX_ONE).await?;
        let given_back = session.key();
        let ended = session.client.give_back(session.tokens.access_token().clone()).await;
        ended.map_err(|fault| self.tell.fault("200 for a key that is given back", fault))?;
        self.tell.back("the app → grantd, /revoke", "the key")?;
        self.ends_at_the_lockboxes(&given_back, "one key, and nothing else, has ended (REVOKE-04)").await?;

        self.tell.step("The next time it looks into the box, it renews its key silently")?;
        let letters = session.letters("box-1").await?;
        self.tell.back("the app → lockbox API", "the key; 401")?;
        self.tell.back("the app → grantd", "its voucher; there comes a new key, and the next voucher")?;
        let expected = ADA.boxes.first().map(|lockbox| lockbox.letters.len()).unwrap_or_default();
        let renewed = session.key() != given_back && letters.len() == expected;
        self.tell.must(renewed, "it reads box 1 again, and nobody was asked", letters.len())
    }

    async fn lost_answer(&mut self) -> Result<(), DemoFault> {
        self.tell.step("The answer to a refresh is lost on its way")?;
        let voucher = self.voucher_of_an_app().await?;
        let lost = self.traded(&voucher).await?;
        self.tell.back("the app → grantd", "its voucher")?;
        self.tell.back("grantd → nowhere", "the answer, which does not arrive")?;
        self.tell.carries(&lost.carried())?;

        self.tell.step("The app knows no better than to send the same voucher again")?;
        let held = self.traded(&voucher).await?;
        self.tell.back("the app → grantd", "the voucher that is spent already")?;
        self.tell.carries(&held.carried())?;
        let opens = self.read_box("box-1", &held.key).await?;
        let retry = opens.status.is_success() && held.voucher != lost.voucher;
        let what = "within 30 seconds, and as nobody used what it was traded for, this is a retry: another key, another voucher (REFRESH-10)";
        self.tell.must(retry, what, refusal(&opens))?;
        self.ends_at_the_lockboxes(&lost.key, "the key in the lost answer (REFRESH-10)").await?;

        self.tell.step("Somebody finds the lost answer, and tries its voucher")?;
        let held = self.traded(&held.voucher).await?;
        self.tell.back("the app → grantd", "meanwhile its next voucher, which is good")?;
        let answer = self.trade(&lost.voucher).await?;
        self.tell.back("finder → grantd", "the voucher that was replaced")?;
        self.stopped_by_grantd("REFRESH-11", &answer)?;
        let answer = self.trade(&held.voucher).await?;
        let ended = refused_with(&answer, "invalid_grant");
        self.tell.must(ended, "and ended everything: two hold what one was given", refusal(&answer))
    }

    async fn two_tabs(&mut self) -> Result<(), DemoFault> {
        self.tell.step("Two tabs of one app refresh at the same moment")?;
        let voucher = self.voucher_of_an_app().await?;
        let (one, other) = tokio::join!(self.arrives(&voucher), self.arrives(&voucher));
        self.tell.back("both tabs → grantd", "the one voucher that they share")?;
        let ((one, at_one), (other, at_other)) = (one?, other?);
        let (last, replaced) = if at_one > at_other { (one, other) } else { (other, one) };
        let (Some(last), Some(replaced)) = (Pair::of(&last), Pair::of(&replaced)) else {
            return Err(self.tell.fault("an answer for each of the tabs", "a refusal"));
        };
        let apart = at_one.max(at_other) - at_one.min(at_other);
        let what = format!("both are answered, {} ms apart: a race, no theft (REFRESH-10)", apart.as_millis());
        self.tell.must(last.voucher != replaced.voucher, &what, "one voucher twice")?;
        self.tell.say("The answer that arrives last overwrites the other in what the tabs share.")?;
        let opens = self.read_box("box-1", &last.key).await?;
        self.tell.must(opens.status.is_success(), "its key opens box 1", refusal(&opens))?;
        let answer = self.trade(&last.voucher).await?;
        let good = Pair::of(&answer).is_some();
        self.tell.must(good, "its voucher is the one that is good: nobody is logged out (REFRESH-08)", refusal(&answer))
    }

    async fn thief_is_first(&mut self) -> Result<(), DemoFault> {
        self.tell.step("A thief copies a voucher, and trades it before the app does")?;
        let copied = self.voucher_of_an_app().await?;
        self.tell.carries(&[Carried::secret("refresh_token", &copied)])?;
        let first = self.traded(&copied).await?;
        let loot = self.traded(&first.voucher).await?;
        self.tell.back("thief → grantd", "the voucher, and then the one that came of it")?;
        let opens = self.read_box("box-1", &loot.key).await?;
        self.tell.must(opens.status.is_success(), "the thief reads box 1; so far nobody can know", refusal(&opens))?;

        self.tell.step("The app refreshes, as it does every few minutes")?;
        let answer = self.trade(&copied).await?;
        self.tell.back("the app → grantd", "the voucher that the thief has copied")?;
        self.stopped_by_grantd("REFRESH-09", &answer)?;
        self.tell.say(
            "A lost answer explains a voucher that comes twice. It does not explain that somebody went on with its successor: one of the \
             two is a thief, so both are told no.",
        )?;
        let answer = self.trade(&loot.voucher).await?;
        self.tell.back("thief → grantd", "the latest voucher")?;
        self.stopped_by_grantd("REFRESH-16", &answer)?;
        self.ends_at_the_lockboxes(&loot.key, "the thief's key, with a good signature and minutes to go").await?;
        self.tell.say(
            "The app asks its person again. The operator of a server finds the theft, with its evidence, by: grantd events --kind \
             refresh_token_reused",
        )
    }

    /// Waits until the lockboxes refuse a key that was good. They ask nobody about it: they follow the list of what ended.
    pub(super) async fn ends_at_the_lockboxes(&mut self, key: &str, whose: &str) -> Result<(), DemoFault> {
        let began = Instant::now();
        let answer = loop {
            let answer = self.read_box("box-1", key).await?;
            if answer.status == http::StatusCode::UNAUTHORIZED || began.elapsed() > FEED_AT_MOST {
                break answer;
            }
            sleep(LOOK_AGAIN).await;
        };
        let seconds = began.elapsed().as_secs_f32();
        self.tell.back("lockbox API → grantd, /revocations", "its question of every second: what has ended?")?;
        let ended = refusal(&answer).contains("invalid_token");
        let what = format!("{whose}: the API stopped it within {seconds:.1} seconds (AT-11): {}", refusal(&answer));
        self.tell.stopped(ended, &what, refusal(&answer))
    }

    /// The voucher that an app has just got, for box 1.
    async fn voucher_of_an_app(&mut self) -> Result<String, DemoFault> {
        let session = self.native_session(BOX_ONE).await?;
        self.voucher_of(&session)
    }

    pub(super) fn voucher_of(&self, session: &NativeSession) -> Result<String, DemoFault> {
        let voucher = session.tokens.refresh_token().map(|voucher| voucher.secret().clone());
        voucher.ok_or_else(|| self.tell.fault("a refresh token", "none"))
    }

    async fn traded(&self, voucher: &str) -> Result<Pair, DemoFault> {
        let answer = self.trade(voucher).await?;
        Pair::of(&answer).ok_or_else(|| self.tell.fault("a key and a voucher", refusal(&answer)))
    }

    /// What is answered, and when it was here.
    async fn arrives(&self, voucher: &str) -> Result<(Answer, Instant), DemoFault> {
        let answer = self.trade(voucher).await?;
        Ok((answer, Instant::now()))
    }

    pub(super) fn stopped_by_grantd(&mut self, rule: &str, answer: &Answer) -> Result<(), DemoFault> {
        let what = format!("grantd stopped it ({rule}): {}", refusal(answer));
        self.tell.stopped(refused_with(answer, "invalid_grant"), &what, refusal(answer))
    }
}
