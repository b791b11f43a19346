use std::time::Duration;

use grantd::password::{HashAge, PasswordFault, PasswordHasher, Verification};
use tokio::time::Instant;

const SALT: [u8; 16] = *b"sixteen bytes ok";

fn hasher() -> PasswordHasher {
    PasswordHasher::new(2, 8, Duration::from_secs(20))
}

#[tokio::test]
async fn a_hash_fits_its_password_and_no_other() {
    let hasher = hasher();
    let phc = hasher.hash("correct horse battery", SALT).await.unwrap();
    let right = hasher.verify(Some(&phc), "correct horse battery").await.unwrap();
    assert_eq!(right, Verification::Correct(HashAge::Current));
    assert_eq!(hasher.verify(Some(&phc), "correct horse batterz").await.unwrap(), Verification::Wrong);
    assert_eq!(hasher.verify(Some(&phc), "").await.unwrap(), Verification::Wrong);
}

// proves: LOGIN-03
#[tokio::test]
async fn a_hash_is_argon2id_at_the_owasp_minimum() {
    let phc = hasher().hash("p", SALT).await.unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    assert_ne!(phc, hasher().hash("p", *b"another 16 bytes").await.unwrap());
}

// proves: LOGIN-03
#[tokio::test]
async fn a_cheaper_hash_still_fits_and_asks_to_be_made_anew() {
    // Made with the reference library at 8 KiB and one pass.
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let cheap = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let phc = argon2::PasswordHasher::hash_password_with_salt(&cheap, b"p", &SALT).unwrap().to_string();
    assert_eq!(hasher().verify(Some(&phc), "p").await.unwrap(), Verification::Correct(HashAge::NeedsRehash));
}

#[tokio::test]
async fn an_unknown_user_costs_as_much_time_as_a_wrong_password() {
    let hasher = hasher();
    let phc = hasher.hash("p", SALT).await.unwrap();
    let mut times = [Duration::MAX; 3];
    // The best of five: the machine may be busy, but it is never faster than the work.
    for _ in 0..5 {
        for (time, stored) in times.iter_mut().zip([Some(phc.as_str()), None, Some("not a hash")]) {
            let began = Instant::now();
            assert_eq!(hasher.verify(stored, "wrong").await.unwrap(), Verification::Wrong);
            *time = began.elapsed().min(*time);
        }
    }
    let [wrong, unknown, unusable] = times;
    assert!(unknown * 2 > wrong && unknown < wrong * 2, "{unknown:?} for nobody, {wrong:?} for somebody");
    assert!(unusable * 2 > wrong && unusable < wrong * 2, "{unusable:?} for a broken hash, {wrong:?} for somebody");
}

#[tokio::test]
async fn a_hash_of_absurd_cost_is_not_paid() {
    let phc = format!("$argon2id$v=19$m=4194304,t=100,p=1${}${}", "A".repeat(22), "A".repeat(43));
    let began = Instant::now();
    assert_eq!(hasher().verify(Some(&phc), "p").await.unwrap(), Verification::Wrong);
    assert!(began.elapsed() < Duration::from_secs(5));
}

// proves: LOGIN-03
#[tokio::test]
async fn more_than_fits_into_the_queue_is_told_to_come_back() {
    let hasher = PasswordHasher::new(1, 1, Duration::from_secs(20));
    let one = || hasher.verify(None, "p");
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    assert_eq!((a, b), (Ok(Verification::Wrong), Ok(Verification::Wrong)));
    assert_eq!((c, d), (Err(PasswordFault::Busy), Err(PasswordFault::Busy)));
}

#[tokio::test]
async fn whoever_waits_too_long_is_told_so() {
    let hasher = PasswordHasher::new(1, 8, Duration::from_millis(1));
    let (first, second) = tokio::join!(hasher.verify(None, "p"), hasher.verify(None, "p"));
    assert_eq!((first, second), (Ok(Verification::Wrong), Err(PasswordFault::Busy)));
}

#[tokio::test]
async fn hashing_leaves_the_event_loop_free() {
    let hasher = hasher();
    let mut ticks = 0;
    let ticking = async {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            ticks += 1;
        }
    };
    tokio::select! {
        _ = hasher.verify(None, "p") => {}
        () = ticking => {}
    }
    assert!(ticks > 2, "only {ticks} ticks while a password was hashed on a runtime of one thread");
}
