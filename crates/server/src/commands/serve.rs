//! `grantd serve` and `grantd demo`.

use std::process::ExitCode;

use super::arguments::Common;
use super::console::Console;
use super::failure::Failure;
use super::workplace::{load, make_folder};
use crate::config::LogConfig;
use crate::demo::{self, Demo};
use crate::listen::{Drained, interrupted};
use crate::serve;
use crate::telemetry::{self, LogFormat};

pub(super) fn serve(
    mut common: Common,
    ephemeral: bool,
    listen: Option<String>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    if ephemeral {
        if !common.dev {
            return Err(Failure::Usage("--ephemeral keeps nothing, and is for --dev alone".to_owned()));
        }
        common.set.push(("database.path".to_owned(), ":memory:".to_owned()));
    }
    common.set.extend(listen.map(|listen| ("http.listen".to_owned(), listen)));
    let config = load(&common)?;
    let LogConfig { format, level } = &config.log;
    telemetry::start(format.unwrap_or_else(LogFormat::fitting_stderr), level.as_deref())?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    make_folder(&config)?;
    let issuer = config.settings.issuer.as_str().to_owned();
    let bound = |address: std::net::SocketAddr| {
        tracing::info!(%address, issuer, "listening");
        let announced = console.print(|output, form| match form {
            super::Form::Json => {
                writeln!(output, "{}", serde_json::json!({ "issuer": issuer, "address": address.to_string() }))
            }
            super::Form::Human => writeln!(output, "grantd answers at {issuer} (listening on {address})"),
        });
        // A closed stdout is no reason not to serve; the log has said the same.
        drop(announced);
    };
    let served = runtime()?.block_on(async {
        // From before the first word on: whoever reads it may ask for the end at once.
        let stop = interrupted().map_err(Failure::Runtime)?;
        Ok::<_, Failure>(serve::serve(config, bound, stop).await?)
    })?;
    match served {
        Drained::Clean => tracing::info!("stopped"),
        Drained::CutOff => tracing::warn!("stopped; some requests were cut off"),
    }
    Ok(())
}

pub(super) fn demo(script: bool, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
    let demo = if script { Demo::Script } else { Demo::Visit };
    let mut output = &mut *console.output;
    runtime()?.block_on(demo::run(demo, &mut output))?;
    Ok(ExitCode::SUCCESS)
}

/// The demo's native app, beside a post office that is open already.
pub(super) fn native(issuer: &str, lockbox: &str, console: &mut Console<'_>) -> Result<ExitCode, Failure> {
    let mut output = &mut *console.output;
    runtime()?.block_on(demo::native(issuer, lockbox, &mut output))?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Runtime)
}
