//! `grantd migrate`: what an upgrade does to the database, said or done.

use grantd_store::{Location, Plan, Store};
use serde_json::{Value, json};

use super::arguments::Common;
use super::console::{Console, Form};
use super::failure::Failure;
use super::workplace::{load, make_folder};

pub(super) fn run(common: &Common, dry_run: bool, console: &mut Console<'_>) -> Result<(), Failure> {
    let config = load(common)?;
    if config.database == Location::Memory {
        let why = "database.path is :memory:, which is made anew at each start".to_owned();
        return Err(Failure::InTheWay { why, fix: "name the database that the server uses".to_owned() });
    }
    let plan = Store::plan(&config.database)?;
    if !dry_run {
        make_folder(&config)?;
        // Opening migrates: in one transaction, and whoever else does the same is waited for.
        drop(Store::open(&config.database)?);
    }
    if dry_run && plan.found.is_some() && !plan.steps.is_empty() {
        console.note("a schema never goes back: make a backup first");
    }
    let place = config.database.place();
    console.print(|output, form| match form {
        Form::Json => writeln!(output, "{}", as_json(&plan, &place, !dry_run)),
        Form::Human => in_words(&plan, &place, !dry_run).iter().try_for_each(|line| writeln!(output, "{line}")),
    })
}

fn as_json(plan: &Plan, place: &str, is_done: bool) -> Value {
    json!({
        "database": place, "found": plan.found, "newest": plan.newest, "steps": plan.steps,
        "older_nodes_go_on": plan.older_nodes_go_on, "done": is_done,
    })
}

fn in_words(plan: &Plan, place: &str, is_done: bool) -> Vec<String> {
    if plan.steps.is_empty() {
        return vec![format!("{place} has schema {}, which is this version's: there is nothing to do", plan.newest)];
    }
    let from = plan.found.map_or_else(|| "nothing".to_owned(), |found| format!("schema {found}"));
    let verb = if is_done { "was brought" } else { "would be brought" };
    let mut lines = vec![format!("{place} {verb} from {from} to schema {}, in one transaction:", plan.newest)];
    let first = plan.newest - i64::try_from(plan.steps.len()).unwrap_or_default() + 1;
    lines.extend((first..).zip(&plan.steps).map(|(number, says)| format!("  {number}  {says}")));
    lines.push(match (plan.older_nodes_go_on, plan.found) {
        (_, None) => "nothing serves from it yet".to_owned(),
        (true, Some(_)) => "nodes of the older version may go on serving: replace them one by one".to_owned(),
        (false, Some(_)) => "nodes of the older version may not go on: stop them first".to_owned(),
    });
    lines
}
