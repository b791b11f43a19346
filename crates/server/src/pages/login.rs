//! Signing in with a username and a password.

use askama::Template;

use super::{AnswerTo, Chrome, Lasting, PlainText};

/// The sign-in page. Its form posts `request`, `csrf`, `username`, `password` to `action` by the button `sign_in`.
#[derive(Clone, Debug, Template)]
#[template(path = "login.html")]
pub struct Login {
    /// Around the page.
    pub chrome: Chrome,
    /// Path the form posts to.
    pub action: String,
    /// Opaque name of the pending request.
    pub request: String,
    /// Anti-forgery token of this form.
    pub csrf: String,
    /// What was typed before, so that it need not be typed again; empty at first. Never the password.
    pub username: String,
    /// Why the page is shown again.
    pub problem: LoginProblem,
    /// Who sent the browser here; `None` when the person came by themselves.
    pub asking: Option<Asking>,
}

/// The client for which a person signs in.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Name of the client, as it claims it; its `client_id` if that leaves nothing to show.
    pub client_name: PlainText,
    /// Who will receive the answer.
    pub answer_to: AnswerTo,
}

/// Why the sign-in page is shown again. There is one variant for every wrong combination, by LOGIN-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// It is shown for the first time.
    None,
    /// No username was sent.
    UsernameMissing,
    /// No password was sent.
    PasswordMissing,
    /// Neither was sent.
    BothMissing,
    /// The pair does not open an account, for whatever reason.
    NotAccepted,
    /// Too many attempts (LOGIN-04); the pair was not looked at.
    Throttled {
        /// How long to wait.
        wait: Lasting,
    },
}

impl Login {
    fn username_missing(&self) -> bool {
        matches!(self.problem, LoginProblem::UsernameMissing | LoginProblem::BothMissing)
    }

    fn password_missing(&self) -> bool {
        matches!(self.problem, LoginProblem::PasswordMissing | LoginProblem::BothMissing)
    }
}
