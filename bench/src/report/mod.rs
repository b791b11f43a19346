//! The figures, as people and programs read them.

pub mod json;
pub mod markdown;
pub mod plot;
pub mod text;

use std::fs;
use std::path::Path;

use crate::book::Book;
use crate::fault::Fault;
use crate::machine::Machine;

/// Puts table and plot beside each other: `docs/performance` stands for `docs/performance.md` and `docs/performance.svg`.
pub fn write(book: &Book, machine: &Machine, to: &Path) -> Result<(), Fault> {
    let (page, picture) = (to.with_extension("md"), to.with_extension("svg"));
    let name = picture.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let svg = plot::svg(book);
    let figures = markdown::figures(book, machine, svg.as_ref().map(|_| name));
    let old = fs::read_to_string(&page).map_err(Fault::file("reading", &page))?;
    fs::write(&page, markdown::insert(&old, &figures)?).map_err(Fault::file("writing", &page))?;
    if let Some(svg) = svg {
        fs::write(&picture, svg).map_err(Fault::file("writing", &picture))?;
    }
    Ok(())
}
