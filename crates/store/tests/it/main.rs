//! The store against its meaning, its races, its crashes and its faults.

mod open;
