use bench::lines::catalogue;
use bench::options::Options;
use bench::run::run;
use clap::Parser as _;

#[test]
fn every_line_has_a_name_of_its_own() {
    let mut names: Vec<_> = catalogue::ALL.iter().map(|line| line.id).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), catalogue::ALL.len());
}

#[tokio::test]
async fn a_line_that_there_is_not_is_refused_before_anything_starts() {
    let options = Options::try_parse_from(["bench", "--only", "refresh", "refrehs"]).unwrap();
    let fault = run(&options).await.unwrap_err().to_string();
    assert!(fault.contains("no line refrehs") && fault.contains("--list"), "{fault}");
}

#[test]
fn the_examples_of_the_help_are_understood() {
    let help = <Options as clap::CommandFactory>::command().render_long_help().to_string();
    let examples: Vec<_> =
        help.lines().filter_map(|line| line.trim().strip_prefix("cargo run --release -p bench -- ")).collect();
    assert!(examples.len() >= 3, "{help}");
    for example in examples {
        let options = Options::try_parse_from(["bench"].into_iter().chain(example.split(' '))).unwrap();
        for line in options.only {
            assert!(catalogue::ALL.iter().any(|known| known.id == line), "{line}");
        }
    }
}
