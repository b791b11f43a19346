//! A user who wants to be added.

use grantd_tokens::{Random, Secret, Time};

use super::client::random_id;
use super::{Faults, MAX_NAME_CHARS, PasswordPolicy, RegistrationFault, check_password, is_unreserved};
use crate::names::{UserId, Username};
use crate::records::{PasswordHash, Status, User};

/// A user as somebody described them, in text.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// What becomes `sub`: 1 to 255 unreserved characters. Default: random, which is what it should be.
    pub id: Option<String>,
    /// What they type to sign in. Required.
    pub username: String,
    /// What they are called. Default: nothing.
    pub name: Option<String>,
    /// How they sign in. Default: not with a password.
    pub password: NewPassword,
}

/// What is known of a password.
#[derive(Clone, Debug, Default)]
pub enum NewPassword {
    /// There is none.
    #[default]
    Absent,
    /// As it was typed: held against the policy, and hashed by the caller.
    Typed(Secret),
    /// An argon2id hash that was made elsewhere. Whether the password behind it is good cannot be seen.
    Hashed(PasswordHash),
}

/// A user who may be added, but for the hash of a typed password.
#[derive(Clone, Debug)]
pub struct CheckedUser {
    id: Option<UserId>,
    username: Username,
    name: Option<String>,
    password: NewPassword,
}

impl NewUser {
    /// The stored form of the username. `None` if no username can look like this.
    pub fn stored_username(&self) -> Option<Username> {
        Username::parse(&self.username)
    }

    /// The names that nobody else may have, as username or as subject: whose they are must be known to [`NewUser::check`].
    pub fn claimed_names(&self) -> Vec<String> {
        let username = self.stored_username().map(|username| username.as_str().to_owned());
        username.into_iter().chain(self.id.clone()).collect()
    }

    /// Holds the user against every rule, and lists all they break.
    ///
    /// `existing` are the users who have one of the [`NewUser::claimed_names`]; that there are no others is the caller's word,
    /// and the guard of the write.
    pub fn check(&self, policy: PasswordPolicy, existing: &[User]) -> Result<CheckedUser, Vec<RegistrationFault>> {
        let mut faults = Faults::default();
        self.check_id(existing, &mut faults);
        if let Some(name) = &self.name {
            faults.text("name", name, MAX_NAME_CHARS);
        }
        let username = self.check_username(existing, &mut faults);
        let password = self.check_password(username.as_ref(), policy, &mut faults);
        match username {
            Some(username) if faults.0.is_empty() => {
                Ok(CheckedUser { id: self.id.as_ref().map(UserId::new), username, name: self.name.clone(), password })
            }
            _ => Err(faults.0),
        }
    }

    fn check_id(&self, existing: &[User], faults: &mut Faults) {
        let Some(id) = &self.id else { return };
        let fix = "write 1 to 255 letters, digits, '-', '.', '_' or '~', or leave it out and get a random one";
        if id.starts_with("client:") {
            let problem = format!("{id:?} is the form of a client's own subject");
            faults.add("id", "TOKEN-11", problem, fix);
        } else if id.is_empty() || id.len() > MAX_ID_BYTES || !is_unreserved(id) {
            faults.add("id", "TOKEN-11", format!("{id:?} is not a subject that is safe everywhere"), fix);
        } else if existing.iter().any(|user| user.id.as_str() == id) {
            faults.add(
                "id",
                "LOGIN-16",
                format!("{id:?} is another user's subject"),
                "choose another, or leave it out",
            );
        } else if existing.iter().any(|user| user.username.as_str() == id) {
            let problem = format!("{id:?} is another user's username");
            faults.add("id", "LOGIN-16", problem, "choose another, or leave it out");
        }
    }

    fn check_username(&self, existing: &[User], faults: &mut Faults) -> Option<Username> {
        let Some(username) = self.stored_username() else {
            let problem = format!("{:?} cannot be a username", self.username);
            faults.add("username", "LOGIN-05", problem, "write letters, digits and common signs, without spaces");
            return None;
        };
        if username.mixes_scripts() {
            let problem =
                format!("{:?} mixes letters of several scripts, as look-alikes of other names do", self.username);
            faults.add("username", "LOGIN-05", problem, "write it in one script");
        }
        if existing.iter().any(|user| user.username == username) {
            let problem = format!("{:?} is taken", username.as_str());
            faults.add("username", "LOGIN-05", problem, "choose another");
        }
        if existing.iter().any(|user| user.id.as_str() == username.as_str()) {
            let problem = format!("{:?} is another user's subject", username.as_str());
            faults.add("username", "LOGIN-16", problem, "choose another");
        }
        Some(username)
    }

    fn check_password(&self, username: Option<&Username>, policy: PasswordPolicy, faults: &mut Faults) -> NewPassword {
        match (&self.password, username) {
            (NewPassword::Typed(typed), Some(username)) => match check_password(typed, username, policy) {
                Ok(password) => return NewPassword::Typed(password),
                Err(fault) => faults.0.push(fault),
            },
            (NewPassword::Hashed(hash), _) if !is_argon2id(hash) => {
                let problem = "is not an argon2id hash in PHC form ($argon2id$v=19$m=…,t=…,p=…$salt$hash)";
                let fix = "hash the password with argon2id, or give the password itself in a file";
                faults.add("password_hash", "LOGIN-03", problem, fix);
            }
            (NewPassword::Typed(_) | NewPassword::Hashed(_) | NewPassword::Absent, _) => {}
        }
        self.password.clone()
    }
}

impl CheckedUser {
    /// The stored form of the username.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The password as typed, in its stored form: what the caller must hash for [`CheckedUser::add`].
    pub fn typed_password(&self) -> Option<&Secret> {
        match &self.password {
            NewPassword::Typed(password) => Some(password),
            NewPassword::Absent | NewPassword::Hashed(_) => None,
        }
    }

    /// The record. `hash` is that of [`CheckedUser::typed_password`], where there is one.
    pub fn add(self, hash: Option<PasswordHash>, now: Time, random: &mut dyn Random) -> User {
        let password = match self.password {
            NewPassword::Hashed(given) => Some(given),
            NewPassword::Typed(_) => hash,
            NewPassword::Absent => None,
        };
        User {
            id: self.id.unwrap_or_else(|| UserId::new(random_id(random))),
            username: self.username,
            name: self.name,
            password,
            status: Status::Active,
            credentials_generation: 0,
            created_at: now,
        }
    }
}

/// The form only; its cost is the business of whoever verifies it.
fn is_argon2id(hash: &PasswordHash) -> bool {
    let parts: Vec<&str> = hash.expose().split('$').collect();
    matches!(parts.as_slice(), ["", "argon2id", "v=19", parameters, salt, output]
        if parameters.starts_with("m=") && salt.len() >= 11 && output.len() >= 22)
}

/// OpenID Connect Core §2: `sub` has at most 255 ASCII characters.
const MAX_ID_BYTES: usize = 255;
