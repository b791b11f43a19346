//! What must fail on the back channel: codes and keys in the wrong hands or used twice. Stolen vouchers have a chapter of their own, in
//! `life.rs`.

use std::io::Write;

use oauth2::TokenResponse;

use super::{BOX_ONE, Stage, refusal, refused_with};
use crate::declarations::{MAIL_CLI, MAILROOM, POSTCARD};
use crate::fault::DemoFault;
use crate::journal::Carried;

impl<W: Write> Stage<'_, W> {
    pub(super) async fn thefts(&mut self) -> Result<(), DemoFault> {
        self.code_of_another_client().await?;
        self.replayed_code().await?;
        self.token_at_the_wrong_api().await
    }

    async fn code_of_another_client(&mut self) -> Result<(), DemoFault> {
        self.tell.step("A stolen code and its verifier, in the name of another client")?;
        let (client, arrival) = self.native_code(BOX_ONE).await?;
        let (code, verifier) = (arrival.code.secret().clone(), arrival.verifier.secret().clone());
        self.tell.carries(&[Carried::secret("code", &code), Carried::secret("code_verifier", &verifier)])?;
        let answer = self.redeem_as(POSTCARD, &code, &verifier).await?;
        self.tell.back("thief → grantd", "as Postcard")?;
        let refused = refused_with(&answer, "invalid_grant");
        self.tell.stopped(refused, &format!("grantd stopped it (CODE-06): {}", refusal(&answer)), refusal(&answer))?;
        let answer = self.redeem_as(MAILROOM, &code, &verifier).await?;
        self.tell.back("thief → grantd", "as Mailroom, without its secret")?;
        let refused = refused_with(&answer, "invalid_client");
        self.tell.stopped(refused, &format!("grantd stopped it (CAUTH-01): {}", refusal(&answer)), refusal(&answer))?;
        let own = client.redeem(arrival, &self.running.addresses.lockbox_resource()).await;
        let seen = own.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.tell.must(own.is_ok(), "the client it was made for still gets its key", seen)
    }

    async fn replayed_code(&mut self) -> Result<(), DemoFault> {
        self.tell.step("A code used a second time, with everything right")?;
        let (client, arrival) = self.native_code(BOX_ONE).await?;
        let (code, verifier) = (arrival.code.secret().clone(), arrival.verifier.secret().clone());
        let first = client.redeem(arrival, &self.running.addresses.lockbox_resource()).await;
        let first = first.map_err(|fault| self.tell.fault("tokens for a good code", fault))?;
        let answer = self.redeem_as(MAIL_CLI, &code, &verifier).await?;
        self.tell.back("thief → grantd", "the same code, the right client, the right verifier")?;
        let refused = refused_with(&answer, "invalid_grant");
        self.tell.stopped(refused, &format!("grantd stopped it (CODE-04): {}", refusal(&answer)), refusal(&answer))?;
        let voucher = first.refresh_token().map(|voucher| voucher.secret().clone()).unwrap_or_default();
        let answer = self.trade(&voucher).await?;
        let ended = refused_with(&answer, "invalid_grant");
        self.tell.must(ended, "and ended what the first use had brought: one of the two was a thief", refusal(&answer))
    }

    async fn token_at_the_wrong_api(&mut self) -> Result<(), DemoFault> {
        self.tell.step("A good key to the lockboxes, shown at the parcel counter")?;
        let session = self.native_session(BOX_ONE).await?;
        let answer = self.api(&self.running.addresses.parcels_resource(), &session.key()).await?;
        self.tell.back("thief → parcel counter", "Authorization: Bearer, a key to box 1")?;
        let refused = answer.status == http::StatusCode::UNAUTHORIZED && refusal(&answer).contains("invalid_token");
        self.tell.stopped(refused, &format!("the API stopped it (RS-03): {}", refusal(&answer)), refusal(&answer))?;
        let answer = self.read_box("box-1", &session.key()).await?;
        self.tell.must(answer.status.is_success(), "at the lockboxes it is good", refusal(&answer))
    }

    async fn redeem_as(
        &self,
        client_id: &str,
        code: &str,
        verifier: &str,
    ) -> Result<crate::back_channel::Answer, DemoFault> {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("code", code),
            ("code_verifier", verifier),
        ];
        self.token_request(&form).await
    }
}
