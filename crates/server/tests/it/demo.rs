//! The whole demo, without a browser: real grantd, real services, real HTTP.

use grantd::demo::{Demo, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_script_walks_the_dance_and_every_theft_fails() {
    let mut told = Vec::new();
    let outcome = run(Demo::Script, &mut told).await;
    let told = String::from_utf8(told).unwrap();
    println!("{told}");
    if let Err(fault) = outcome {
        panic!("{fault}\n\n{told}");
    }
    assert!(told.contains("attacks stopped"), "{told}");
}
