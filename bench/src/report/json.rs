//! The figures for programs.

use serde_json::{Value, json};

use crate::book::{Book, Check, Figure, Goal};
use crate::machine::Machine;

/// All of them, with every repeat.
pub fn report(book: &Book, machine: &Machine) -> Value {
    let figures: Vec<Value> = book.figures().iter().map(figure).collect();
    let checks: Vec<Value> = book.checks().iter().map(check).collect();
    json!({ "machine": machine, "figures": figures, "checks": checks, "sound": book.is_sound() })
}

fn figure(figure: &Figure) -> Value {
    let line = figure.line;
    let (goal, is_least) = match line.goal {
        Some(Goal::AtLeast(goal)) => (Some(goal), true),
        Some(Goal::AtMost(goal)) => (Some(goal), false),
        None => (None, false),
    };
    json!({
        "line": line.id,
        "section": line.section,
        "what": line.what,
        "unit": format!("{:?}", line.unit),
        "values": figure.values,
        "median": figure.value().median(),
        "ratios": figure.ratios,
        "against": line.against,
        "goal": goal.map(|goal| json!({ if is_least { "at_least" } else { "at_most" }: goal })),
        "verdict": format!("{:?}", figure.verdict()),
        "too_noisy": figure.judged().are_too_noisy(),
        "beside": figure.beside,
        "wrong_answers": figure.wrong,
        "remarks": figure.remarks,
    })
}

fn check(check: &Check) -> Value {
    json!({
        "what": check.what, "store": check.store, "looked_at": check.looked_at, "held": check.held, "first_wrong": check.first_wrong,
    })
}
