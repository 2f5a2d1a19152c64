//! `selfheal deliveries`: webhooks that could not be read, shown and tried again.
//!
//! Reads the store beside a running server. What strangers wrote never acts on a terminal, and the
//! body of a delivery is shown on request only, without what looks like a secret.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::app::{self, SystemClock};
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::ids::{DeliveryId, Timestamp};
use crate::evidence::redact;
use crate::ports::clock::Clock as _;
use crate::ports::upkeep::{DeliveryRecord, DeliveryState, Listed, Replayed, Upkeep};
use crate::report::markdown::visible;

/// It says: there is none, or not all could be done.
const NO: u8 = 1;

/// Parked deliveries that one `replay --all` takes; more of them are more than one fault.
const REPLAYS_MAX: u32 = 10_000;

/// Show webhooks that could not be read, and have them read again
///
/// A delivery that makes the server fail several times is parked: it holds up nothing and stays for
/// 30 days. Replay it when the cause is gone. Reading a delivery twice does nothing twice. Of a body only
/// the fields that selfheal reads are kept; of one that cannot be read, all of it.
///
/// Exit codes: 0 fine, 1 there is none or not all could be replayed, 2 usage, 3 the store cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List deliveries, newest first, each with its last failure
    List {
        /// Which ones
        #[arg(long, value_enum, default_value = "parked")]
        state: State,
        /// How many at most
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        max: u32,
        /// How they are printed
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show one delivery
    Show {
        /// The delivery's id, GitHub's X-GitHub-Delivery
        id: String,
        /// Print what is kept of its body instead, without what looks like a secret
        #[arg(long)]
        body: bool,
        /// How it is printed
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Have deliveries read again, as if they had just come
    Replay {
        /// The deliveries' ids
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All that are parked
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Which deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Failed for good
    Parked,
    /// Failed and tried again by itself
    Failing,
    /// All that wait to be read
    Waiting,
}

/// How deliveries are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: a line for each, or one with all that is known of it
    Human,
    /// One JSON document
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings or ids are wrong or the store cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::List { state, max, format, server } => {
            let which = match state {
                State::Parked => Listed::Parked,
                State::Failing => Listed::Failing,
                State::Waiting => Listed::Waiting,
            };
            let listed = opened(server).await?.deliveries(which, *max).await?;
            list(&listed, *format)
        }
        Action::Show { id, body, format, server } => {
            let (store, id) = (opened(server).await?, DeliveryId::parse(id)?);
            match (body, store.delivery(&id).await?) {
                (_, None) => Ok(none(&id)),
                (false, Some(record)) => show(&record, *format),
                (true, Some(_)) => match store.delivery_body(&id).await? {
                    Some(bytes) => print_body(&bytes),
                    None => Ok(none(&id)),
                },
            }
        }
        Action::Replay { ids, all, server } => {
            let store = opened(server).await?;
            let ids = if *all {
                let parked = store.deliveries(Listed::Parked, REPLAYS_MAX).await?;
                parked.into_iter().map(|record| record.id).collect()
            } else {
                ids.iter().map(|id| DeliveryId::parse(id)).collect::<Result<Vec<_>, _>>()?
            };
            replay(&*store, &ids).await
        }
    }
}

async fn opened(server: &ServerArgs) -> anyhow::Result<std::sync::Arc<dyn Upkeep>> {
    let settings = ServerSettings::load(server)?;
    std::fs::create_dir_all(&settings.data_dir).context("the data directory")?;
    Ok(app::upkeep(&settings).await?)
}

fn none(id: &DeliveryId) -> ExitCode {
    let _ = writeln!(io::stderr(), "there is no delivery {id}"); // the exit code says it, too
    ExitCode::from(NO)
}

fn list(listed: &[DeliveryRecord], format: Format) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            let all: Vec<Value> = listed.iter().map(value).collect();
            writeln!(out, "{}", json!({ "deliveries": all }))?;
        }
        Format::Human => {
            if listed.is_empty() {
                let _ = writeln!(io::stderr(), "there are none"); // the exit code says it, too
            }
            for record in listed {
                writeln!(out, "{}", line(record))?;
            }
        }
    }
    Ok(if listed.is_empty() { ExitCode::from(NO) } else { ExitCode::SUCCESS })
}

fn show(record: &DeliveryRecord, format: Format) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match format {
        Format::Json => writeln!(out, "{}", value(record))?,
        Format::Human => {
            let next = match record.state {
                DeliveryState::Parked => "replay it when the cause is gone",
                DeliveryState::Waiting => "it is read by itself",
                DeliveryState::Done => "nothing to do",
            };
            writeln!(out, "delivery  {}", record.id)?;
            writeln!(out, "event     {}", visible(&record.event))?;
            writeln!(out, "received  {}", moment(record.received_at))?;
            writeln!(out, "bytes     {}", record.bytes)?;
            writeln!(out, "state     {}", standing(record))?;
            writeln!(out, "failures  {}", record.tries)?;
            writeln!(out, "last one  {}", error(record))?;
            writeln!(out, "next      {next}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_body(bytes: &[u8]) -> anyhow::Result<ExitCode> {
    let text = redact(&String::from_utf8_lossy(bytes), &[]);
    let mut out = io::stdout().lock();
    for line in text.lines() {
        writeln!(out, "{}", visible(line))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(store: &dyn Upkeep, ids: &[DeliveryId]) -> anyhow::Result<ExitCode> {
    let mut code = if ids.is_empty() { ExitCode::from(NO) } else { ExitCode::SUCCESS };
    for id in ids {
        let said = match store.replay(id, SystemClock.now()).await? {
            Replayed::Yes => "is read again",
            Replayed::Waits => "waits to be read anyway",
            Replayed::Unknown => {
                code = ExitCode::from(NO);
                "is not in the store"
            }
        };
        writeln!(io::stdout().lock(), "{id}  {said}")?;
    }
    Ok(code)
}

/// Where it stands, and since or until when.
fn standing(record: &DeliveryRecord) -> String {
    let word = match record.state {
        DeliveryState::Waiting => "until",
        DeliveryState::Done | DeliveryState::Parked => "since",
    };
    format!("{} {word} {}", name(record.state), moment(record.due))
}

const fn name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Waiting => "waiting",
        DeliveryState::Done => "done",
        DeliveryState::Parked => "parked",
    }
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default().to_string()
}

fn error(record: &DeliveryRecord) -> String {
    record.error.as_deref().map_or_else(|| "none".to_owned(), |text| visible(&redact(text, &[])))
}

fn line(record: &DeliveryRecord) -> String {
    let DeliveryRecord { id, event, received_at, state, tries, bytes, .. } = record;
    let (at, state, event) = (moment(*received_at), name(*state), visible(event));
    format!("{id}  {at}  {state}  {event}  {bytes} bytes  {tries} failures  {}", error(record))
}

fn value(record: &DeliveryRecord) -> Value {
    json!({
        "id": record.id.as_str(),
        "event": record.event,
        "received_at": moment(record.received_at),
        "state": name(record.state),
        "due": moment(record.due),
        "failures": record.tries,
        "bytes": record.bytes,
        "error": record.error.as_deref().map(|text| redact(text, &[])),
    })
}
