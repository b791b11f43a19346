//! What the script prints: numbered steps, 80 columns, secrets as fingerprints only.

use std::fmt::Display;
use std::io::Write;

use crate::fault::DemoFault;
use crate::journal::Carried;

const COLUMNS: usize = 80;

/// Tells the story, and stops it where something is not as it must be.
pub(super) struct Narrator<'a, W> {
    out: &'a mut W,
    step: usize,
    title: String,
    stopped: usize,
}

impl<'a, W: Write> Narrator<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        Self { out, step: 0, title: String::new(), stopped: 0 }
    }

    pub(super) fn chapter(&mut self, title: &str) -> Result<(), DemoFault> {
        let line = "─".repeat(COLUMNS.saturating_sub(title.chars().count() + 4));
        writeln!(self.out, "\n── {title} {line}")?;
        Ok(())
    }

    pub(super) fn step(&mut self, title: &str) -> Result<(), DemoFault> {
        self.step += 1;
        title.clone_into(&mut self.title);
        writeln!(self.out)?;
        let number = format!("{:>3}. ", self.step);
        self.wrapped(&number, "     ", title)
    }

    /// A message through the browser.
    pub(super) fn front(&mut self, way: &str, what: &str) -> Result<(), DemoFault> {
        self.wrapped("     front channel  ", "                    ", &format!("{way}: {what}"))
    }

    /// A message from server to server.
    pub(super) fn back(&mut self, way: &str, what: &str) -> Result<(), DemoFault> {
        self.wrapped("     back channel   ", "                    ", &format!("{way}: {what}"))
    }

    pub(super) fn carries(&mut self, carried: &[Carried]) -> Result<(), DemoFault> {
        carried.iter().try_for_each(|carried| {
            let line = format!("{} = {}", carried.name, carried.value);
            self.wrapped("                      ", "                        ", &line)
        })
    }

    pub(super) fn say(&mut self, text: &str) -> Result<(), DemoFault> {
        self.wrapped("     ", "     ", text)
    }

    /// Goes on only if it holds, and says so.
    pub(super) fn must(&mut self, holds: bool, what: &str, seen: impl Display) -> Result<(), DemoFault> {
        if holds {
            return self.wrapped("     ✓ ", "       ", what);
        }
        self.wrapped("     ✗ ", "       ", &format!("{what}: no, {seen}"))?;
        self.out.flush()?;
        Err(self.fault(what, &seen))
    }

    /// As [`Narrator::must`], for an attack: `what` says what stopped it.
    pub(super) fn stopped(&mut self, holds: bool, what: &str, seen: impl Display) -> Result<(), DemoFault> {
        self.must(holds, what, seen)?;
        self.stopped += 1;
        Ok(())
    }

    /// Something is not there that the next step needs.
    pub(super) fn fault(&self, expected: &str, seen: impl Display) -> DemoFault {
        DemoFault::Step {
            step: self.step,
            title: self.title.clone(),
            expected: expected.to_owned(),
            seen: seen.to_string(),
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), DemoFault> {
        Ok(self.out.flush()?)
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (self.step, self.stopped)
    }

    fn wrapped(&mut self, first: &str, then: &str, text: &str) -> Result<(), DemoFault> {
        for line in wrap(first, then, text) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }
}

/// Lines of at most [`COLUMNS`]; a word that is longer, such as an address, is cut.
fn wrap(first: &str, then: &str, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let room = COLUMNS.saturating_sub(line.chars().count() + usize::from(!is_empty));
        if !is_empty && word.chars().count() > room {
            lines.push(std::mem::replace(&mut line, then.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        for letter in word.chars() {
            if line.chars().count() >= COLUMNS {
                lines.push(std::mem::replace(&mut line, then.to_owned()));
            }
            line.push(letter);
        }
        is_empty = false;
    }
    lines.push(line);
    lines
}
