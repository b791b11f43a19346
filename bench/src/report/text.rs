//! A table for the terminal.

use std::fmt::Write as _;

use crate::book::{Book, Figure, Goal, Unit, Verdict};
use crate::statistics::Repeats;

/// The whole table.
pub fn table(book: &Book) -> String {
    let mut text = String::new();
    let mut section = "";
    for figure in book.figures() {
        if figure.line.section != section {
            section = figure.line.section;
            let _ = write!(text, "\n{section}\n\n");
        }
        text.push_str(&row(figure));
        for remark in &figure.remarks {
            let _ = writeln!(text, "      {remark}");
        }
    }
    if !book.checks().is_empty() {
        text.push_str("\nAfter the server was killed under load (kill -9) and started again\n\n");
    }
    for check in book.checks() {
        let _ = writeln!(text, "  {}, {}: {} of {}", check.store, check.what, check.held, check.looked_at);
        if let Some(wrong) = &check.first_wrong {
            let _ = writeln!(text, "      {wrong}");
        }
    }
    text
}

fn row(figure: &Figure) -> String {
    let value = figure.value();
    let mut row =
        format!("  {:<22} {:>16} {:>6}", figure.line.id, amount(value.median(), figure.line.unit), spread(&value));
    if !figure.ratios.is_empty() {
        let ratio = figure.ratio();
        let _ = write!(row, "  {:.2} of {} ({})", ratio.median(), figure.line.against, spread(&ratio));
    }
    if let Some(goal) = figure.line.goal {
        let _ = write!(row, ", goal {}: {}", goal_in_words(goal), verdict_in_words(figure.verdict()));
    }
    if figure.judged().are_too_noisy() {
        row.push_str(", too noisy");
    }
    for name in figure.beside.keys() {
        if let Some(median) = figure.median_beside(name) {
            let unit =
                if name.starts_with('p') && !name.starts_with("per") { Unit::Microseconds } else { Unit::PerSecond };
            let _ = write!(row, "; {name} {}", amount(median, unit));
        }
    }
    if figure.wrong > 0 {
        let _ = write!(row, "; {} WRONG ANSWERS", figure.wrong);
    }
    row.push('\n');
    row
}

/// A number with its unit, as precise as it is known.
pub fn amount(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let number = if value >= 100.0 {
        thousands(value)
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    match unit {
        Unit::PerCpuSecond => format!("{number}/CPU s"),
        Unit::PerSecond => format!("{number}/s"),
        Unit::Microseconds => format!("{number} µs"),
        Unit::Milliseconds => format!("{number} ms"),
        Unit::Megabytes => format!("{number} MB"),
        Unit::Bytes => format!("{number} B"),
        Unit::Ratio => number,
    }
}

/// Whole numbers with a comma at each thousand.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far the repeats lie apart.
pub fn spread(repeats: &Repeats) -> String {
    repeats.spread().map_or_else(|| "–".to_owned(), |spread| format!("±{:.0} %", spread * 50.0))
}

/// What is to be reached.
pub fn goal_in_words(goal: Goal) -> String {
    match goal {
        Goal::AtLeast(least) => format!("≥ {least}"),
        Goal::AtMost(most) => format!("≤ {most}"),
    }
}

/// Whether it was.
pub fn verdict_in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reached => "reached",
        Verdict::Missed => "missed",
        Verdict::TooNoisy => "too noisy to tell",
        Verdict::NoGoal => "",
    }
}
