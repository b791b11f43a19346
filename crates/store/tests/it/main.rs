//! The store against its meaning, its races, its crashes and its faults.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod acts;
mod apart;
mod batches;
mod children;
mod copying;
mod crashes;
mod databases;
mod differential;
mod disk;
mod events;
mod families;
mod faults;
mod grant_lists;
mod growth;
mod keys;
mod leases;
mod lists;
mod narrowing;
mod older_rows;
mod plans;
mod postgres_answers;
mod postgres_faults;
mod postgres_figures;
mod postgres_trips;
mod races;
mod records;
mod schedules;
mod secrecy;
mod speed;
mod sweeping;
mod together;
mod town;
