//! What the benchmark says must be right before what it measures can be. Nothing here is timed.

mod statistics;
