//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures grantd against what its parts cost on the same machine in the same minute.
#[derive(Clone, Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line, each by itself")]
#[command(name = "bench", version, after_help = EXAMPLES)]
pub struct Options {
    /// Under two minutes: short measurements, and without what takes long by its nature
    #[arg(long)]
    pub quick: bool,
    /// Only these lines, and the parts that they are held against; `--list` shows them
    #[arg(long, value_name = "LINE", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show what there is to measure
    #[arg(long)]
    pub list: bool,
    /// How often everything is measured, one round after the other
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub rounds: u32,
    /// Where databases are written: on the disk that is to be measured
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// The server's binary, instead of the one that is built beside this one
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// Measure node-oidc-provider as well, by the same driver in the same minutes; needs `npm ci` in bench/peers
    #[arg(long)]
    pub peers: bool,
    /// A third size of database to compare with 10⁴ and 10⁶ grants: 10000000 takes an hour and 30 GB
    #[arg(long, value_name = "GRANTS", value_parser = clap::value_parser!(u64).range(1000..))]
    pub grown: Option<u64>,
    /// The report as JSON on stdout
    #[arg(long)]
    pub json: bool,
    /// Write the tables into FILE.md, between its markers, and the plot into FILE.svg
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// A part of the benchmark that it starts itself
    #[command(subcommand)]
    pub part: Option<Part>,
}

/// What the benchmark starts as processes of their own.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Part {
    /// The server that is the ceiling of every line over HTTP
    #[command(hide = true)]
    Hello,
}

const EXAMPLES: &str = "Examples:
  cargo run --release -p bench -- --quick
  cargo run --release -p bench -- --only client_credentials refresh
  cargo run --release -p bench -- --peers --only client_credentials introspection refresh flow
  cargo run --release -p bench -- --write docs/performance
  cargo run --release -p bench -- --list";
