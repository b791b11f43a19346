//! What a user let applications do, and the way to take it back (CONSENT-05).
//!
//! Owns the page's lines and what each button takes away. What is left is computed here, from the stored grants minus what came
//! back unticked: a tampered form can take away and nothing else. Start at [`AccessPage`], then [`AccessChange`].

mod change;
mod held;
mod narrow;
mod page;

pub use change::{AccessChange, Changed, Wish};
pub use held::{Application, HeldAt, HeldThing};
pub use page::{AccessPage, Completeness, Overview, Remembered, Shown};
