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
    let counts = told.lines().find(|line| line.ends_with("attacks stopped.")).unwrap();
    let stopped = counts.split(", ").last().unwrap().split(' ').next().unwrap();
    let attacks = include_str!("../../../../docs/attacks.md");
    assert!(attacks.contains(&format!("tries {stopped} attacks")), "docs/attacks.md counts differently: {counts}");

    let (_, life) = told.split_once("The life of a grant").unwrap();
    let rules = [
        "REFRESH-08",
        "REFRESH-09",
        "REFRESH-10",
        "REFRESH-11",
        "REFRESH-16",
        "AT-11",
        "CONSENT-05",
        "INTRO-03",
        "REVOKE-04",
    ];
    for rule in rules {
        assert!(life.contains(rule), "{rule} is not told:\n{life}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_demos_that_start_at_the_same_moment_both_run() {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let (one_ran, other_ran) = tokio::join!(run(Demo::Script, &mut one), run(Demo::Script, &mut other));
    assert!(one_ran.is_ok() && other_ran.is_ok(), "{one_ran:?}, {other_ran:?}");
}
