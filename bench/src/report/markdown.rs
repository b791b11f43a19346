//! The table that stands in `docs/performance.md`, between two markers.

use std::fmt::Write as _;

use super::text::{amount, goal_in_words, spread, verdict_in_words};
use crate::book::{Book, Check, Figure, Unit, Verdict};
use crate::fault::Fault;
use crate::machine::Machine;

/// Everything between here …
pub const BEGIN: &str = "<!-- figures: written by `cargo run --release -p bench -- --write docs/performance` -->";
/// … and here is written anew.
pub const END: &str = "<!-- end of figures -->";

/// The page with these figures in the place of those that stood there.
pub fn insert(page: &str, figures: &str) -> Result<String, Fault> {
    let no_place = || Fault::Usage(format!("docs/performance.md has no place for figures: {BEGIN} … {END}"));
    let (before, rest) = page.split_once(BEGIN).ok_or_else(no_place)?;
    let (_, after) = rest.split_once(END).ok_or_else(no_place)?;
    Ok(format!("{before}{BEGIN}\n\n{figures}\n{END}{after}"))
}

/// Machine, tables and checks.
pub fn figures(book: &Book, machine: &Machine, plot: Option<&str>) -> String {
    let Machine { cpu, cores, disk, kernel, date, commit, command } = machine;
    let mut text = format!("{date}, commit {commit}: {cpu}, {cores} cores, {disk}, Linux {kernel}.\n\n`{command}`\n");
    if let Some(plot) = plot {
        let _ = write!(text, "\n![Each line as a part of its ceiling, with its goal]({plot})\n");
    }
    let mut section = "";
    let mut remarks: Vec<&str> = Vec::new();
    for figure in book.figures() {
        if figure.line.section != section {
            end_section(&mut text, &mut remarks);
            section = figure.line.section;
            let _ = write!(
                text,
                "\n### {section}\n\n| what | measured | ± | ratio | of | goal | | beside |\n|---|---:|---:|---:|---|---:|---|---|\n"
            );
        }
        text.push_str(&row(figure));
        remarks.extend(figure.remarks.iter().map(String::as_str));
    }
    end_section(&mut text, &mut remarks);
    if !book.checks().is_empty() {
        text.push_str(
            "\n### After `kill -9` under load, and a new start\n\n| what | so many | of |\n|---|---:|---:|\n",
        );
        text.extend(book.checks().iter().map(check));
    }
    text
}

fn end_section(text: &mut String, remarks: &mut Vec<&str>) {
    remarks.sort_unstable();
    remarks.dedup();
    if !remarks.is_empty() {
        text.push('\n');
    }
    for remark in remarks.drain(..) {
        let _ = writeln!(text, "- {}", escaped(remark));
    }
}

fn row(figure: &Figure) -> String {
    let (value, ratio) = (figure.value(), figure.ratio());
    let ratio_cell =
        if ratio.is_empty() { String::new() } else { format!("{:.2} ({})", ratio.median(), spread(&ratio)) };
    let goal = figure.line.goal.map(goal_in_words).unwrap_or_default();
    let verdict = match figure.verdict() {
        Verdict::NoGoal if figure.judged().are_too_noisy() => "too noisy",
        verdict if figure.judged().are_too_noisy() && verdict != Verdict::TooNoisy => match verdict {
            Verdict::Reached => "reached; too noisy for a figure",
            _ => "missed; too noisy for a figure",
        },
        verdict => verdict_in_words(verdict),
    };
    let mut beside = beside(figure);
    if figure.wrong > 0 {
        let _ = write!(beside, "; **{} wrong answers**", figure.wrong);
    }
    format!(
        "| {} | {} | {} | {ratio_cell} | {} | {goal} | {verdict} | {beside} |\n",
        escaped(figure.line.what),
        amount(value.median(), figure.line.unit),
        spread(&value),
        figure.line.against,
    )
}

/// What stands beside a figure, in words.
pub fn beside(figure: &Figure) -> String {
    let parts = figure.beside.keys().filter_map(|name| {
        let median = figure.median_beside(name)?;
        Some(if matches!(*name, "p50" | "p99") {
            format!("{name} {}", amount(median, Unit::Microseconds))
        } else {
            format!("{} {name}", amount(median, Unit::Ratio))
        })
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn check(check: &Check) -> String {
    let lost = if check.holds() { "" } else { " **LOST**" };
    format!("| {}, {}{lost} | {} | {} |\n", check.store, check.what, check.held, check.looked_at)
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
