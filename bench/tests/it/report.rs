use bench::book::{Book, Check, Goal, Line, Unit, Verdict};
use bench::machine::{Machine, date};
use bench::report::{json, markdown, plot, text, write};
use grantd_tokens::Time;

const REFRESH: Line = Line {
    id: "refresh",
    section: "Endpoints",
    what: "refresh with <rotation>",
    unit: Unit::PerCpuSecond,
    against: "its parts",
    goal: Some(Goal::AtLeast(0.7)),
};
const START: Line = Line {
    id: "start",
    section: "Size",
    what: "start",
    unit: Unit::Milliseconds,
    against: "",
    goal: Some(Goal::AtMost(100.0)),
};

fn verdict_of(ratios: &[f64]) -> Verdict {
    let mut book = Book::default();
    book.add(REFRESH, 10_000.0).ratios.extend(ratios);
    book.find("refresh").unwrap().verdict()
}

#[test]
fn a_goal_is_reached_or_missed_by_every_repeat_or_by_the_middle_of_those_that_agree() {
    assert_eq!(verdict_of(&[0.71, 0.75, 0.9]), Verdict::Reached, "noisy, and above it all the same");
    assert_eq!(verdict_of(&[0.3, 0.5, 0.69]), Verdict::Missed);
    assert_eq!(verdict_of(&[0.69, 0.71, 0.72]), Verdict::Reached);
    assert_eq!(verdict_of(&[0.68, 0.69, 0.71]), Verdict::Missed);
    assert_eq!(verdict_of(&[0.6, 0.71, 0.8]), Verdict::TooNoisy);
    assert_eq!(verdict_of(&[f64::NAN]), Verdict::NoGoal, "nothing was measured");
}

#[test]
fn a_goal_without_a_ratio_is_about_the_value() {
    let mut book = Book::default();
    book.add(START, 99.0);
    assert_eq!(book.find("start").unwrap().verdict(), Verdict::Reached);
    book.add(START, 101.0);
    book.add(START, 102.0);
    assert_eq!(book.find("start").unwrap().verdict(), Verdict::Missed);
}

fn book() -> Book {
    let mut book = Book::default();
    for ratio in [0.72, 0.75, 0.74] {
        book.add_judged(REFRESH, 12_345.0, ratio).beside("p99", 2_500.0).beside("per second", 9_876.0);
    }
    book.add(START, 31.0).remark("measured | once");
    book.check(Check { store: "SQLite", what: "codes are spent", looked_at: 10, held: 10, first_wrong: None });
    book
}

fn machine() -> Machine {
    Machine {
        cpu: "A processor".to_owned(),
        cores: 2,
        disk: "ext4 on a disk".to_owned(),
        kernel: "6.1".to_owned(),
        date: "2026-11-22".to_owned(),
        commit: "0123456789".to_owned(),
        command: "cargo run --release -p bench".to_owned(),
    }
}

#[test]
fn the_table_has_a_row_for_each_line_with_ratio_spread_goal_and_what_stands_beside_it() {
    let table = markdown::figures(&book(), &machine(), Some("performance.svg"));
    assert!(
        table.contains("2026-11-22, commit 0123456789: A processor, 2 cores, ext4 on a disk, Linux 6.1."),
        "{table}"
    );
    let row = "| refresh with &lt;rotation> | 12,345/CPU s | ±0 % | 0.74 (±2 %) | its parts | ≥ 0.7 | reached | \
               p99 2,500 µs; 9,876 per second |";
    assert!(table.contains(row), "{table}");
    assert!(table.contains("| start | 31.0 ms | – |  |  | ≤ 100 | reached |  |"), "{table}");
    assert!(table.contains("- measured \\| once"), "{table}");
    assert!(table.contains("| SQLite, codes are spent | 10 | 10 |"), "{table}");
    assert!(table.contains("(performance.svg)"), "{table}");
}

#[test]
fn what_is_too_noisy_says_so() {
    let mut book = Book::default();
    for (value, ratio) in [(10_000.0, 0.5), (12_000.0, 0.6), (16_000.0, 0.8)] {
        book.add_judged(REFRESH, value, ratio);
    }
    assert!(text::table(&book).contains("too noisy to tell"), "{}", text::table(&book));
    assert!(markdown::figures(&book, &machine(), None).contains("| too noisy to tell |"));
    assert_eq!(json::report(&book, &machine())["figures"][0]["too_noisy"], true);
}

#[test]
fn a_wrong_answer_and_a_lost_one_make_the_run_unsound() {
    assert!(book().is_sound());
    let mut wrong = book();
    wrong.add(START, 1.0).wrong = 1;
    assert!(!wrong.is_sound());
    let mut lost = book();
    lost.check(Check {
        store: "SQLite",
        what: "tokens are good",
        looked_at: 10,
        held: 9,
        first_wrong: Some("one is not".to_owned()),
    });
    assert!(!lost.is_sound());
    assert!(markdown::figures(&lost, &machine(), None).contains("| SQLite, tokens are good **LOST** | 9 | 10 |"));
    let mut nothing_looked_at = book();
    nothing_looked_at.check(Check { store: "SQLite", what: "x", looked_at: 0, held: 0, first_wrong: None });
    assert!(!nothing_looked_at.is_sound(), "a check of nothing shows nothing");
}

#[test]
fn the_plot_has_a_bar_with_its_goal_for_each_ratio_and_is_readable_on_light_and_dark() {
    let svg = plot::svg(&book()).unwrap();
    assert_eq!(svg.matches("<rect").count(), 1, "{svg}");
    assert_eq!(svg.matches("class=\"goal\"").count(), 1, "{svg}");
    assert!(svg.contains("prefers-color-scheme: dark"));
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"));
    assert!(!svg.contains("NaN"));
    assert_eq!(plot::svg(&Book::default()), None);
}

#[test]
fn figures_are_put_between_the_markers_of_a_page_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("performance.md");
    let old = format!("# Performance\n\n{}\nold\n{}\n\nAfter.\n", markdown::BEGIN, markdown::END);
    std::fs::write(&page, old).unwrap();
    write(&book(), &machine(), &folder.path().join("performance")).unwrap();
    let first = std::fs::read_to_string(&page).unwrap();
    assert!(first.starts_with("# Performance\n") && first.ends_with("\n\nAfter.\n") && !first.contains("\nold\n"));
    assert!(std::fs::read_to_string(folder.path().join("performance.svg")).unwrap().contains("refresh"));
    write(&book(), &machine(), &folder.path().join("performance")).unwrap();
    assert_eq!(std::fs::read_to_string(&page).unwrap(), first, "written again, it is the same");
    assert!(markdown::insert("# A page without a place", "figures").is_err());
}

#[test]
fn a_moment_is_told_as_its_day() {
    for (seconds, day) in
        [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_795_305_600, "2026-11-22"), (4_107_542_399, "2100-02-28")]
    {
        assert_eq!(date(Time(seconds)), day);
    }
}

#[test]
fn numbers_are_shown_as_precisely_as_they_are_known() {
    let shown =
        [(1_234_567.0, Unit::PerSecond), (12.34, Unit::Microseconds), (0.123, Unit::Ratio), (f64::NAN, Unit::Bytes)];
    assert_eq!(shown.map(|(value, unit)| text::amount(value, unit)), ["1,234,567/s", "12.3 µs", "0.12", "–"]);
}
