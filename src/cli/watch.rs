//! `selfheal watch`: what happens in an attempt, on a terminal or for a script.
//!
//! It asks the server as a browser does, with a key that it makes itself from the server's settings,
//! and goes on behind the last event that it has seen when the connection is cut.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::progress::{Display, short};
use crate::app::watching;
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::agent::AgentEvent;
use crate::domain::ids::AttemptId;
use crate::domain::live::LiveEvent;
use crate::domain::outcome::CommandRun;
use crate::runner::observe::{Happening, Observer as _};

/// It says: there is none.
const NONE: u8 = 1;

/// Three times the longest that a server is quiet.
const QUIET_SECS_MAX: u64 = 45;

/// The longest that a connection may take to come about.
const CONNECT_SECS_MAX: u64 = 10;

/// How long a server that is not there is waited for between two tries.
const PAUSE_MS: u64 = 1_000;

/// How often in a row: longer than a deployment takes.
const TRIES_MAX: u32 = 90;

/// No event is longer; what says so is no server of ours.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Follow what happens in an attempt, while it goes on or afterwards
///
/// Events are kept for 14 days. The key that opens them is made from the App's private key, so this
/// needs the settings of the server. With --link nothing is followed: the address of the attempt's page
/// is printed, with a key that opens it for 24 hours; whoever has it may watch.
///
/// Exit codes: 0 the attempt is over, 1 there is no such attempt, 2 usage, 3 it cannot be followed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The attempt's id, `att_…`
    #[arg(value_parser = AttemptId::parse)]
    attempt: AttemptId,
    /// Also show what the agent thinks
    #[arg(long)]
    thinking: bool,
    /// Begin behind the event with this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    /// Progress on standard error, or each event as a line of JSON on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print the link to the attempt's page and end
    #[arg(long)]
    link: bool,
    /// Where the server is reached, if not at its public URL
    #[arg(long = "server", value_name = "URL")]
    at: Option<Url>,
    #[command(flatten)]
    server: ServerArgs,
}

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or the server cannot be reached.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    let page = watching::link(&settings, args.at.as_ref(), args.attempt)?;
    if args.link {
        writeln!(io::stdout().lock(), "{page}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
        .read_timeout(Duration::from_secs(QUIET_SECS_MAX))
        .build()?;
    let shown = match args.format {
        Format::Text => Shown::Progress(Display::on(&io::stderr())),
        Format::Json => Shown::Lines,
    };
    let mut watch = Watch { client, stream: stream_of(&page, args), after: args.after, shown };
    watch.follow(args.attempt).await
}

/// The address of the stream that a page follows.
fn stream_of(page: &Url, args: &Args) -> Url {
    let mut stream = page.clone();
    stream.set_path(&format!("{}/events", page.path()));
    if args.thinking {
        stream.query_pairs_mut().append_pair("thinking", "true");
    }
    stream
}

enum Shown {
    Progress(Display),
    Lines,
}

struct Watch {
    client: Client,
    stream: Url,
    /// The last event that was seen.
    after: u64,
    shown: Shown,
}

/// What came of one connection.
enum Cut {
    /// The attempt is over.
    Over,
    /// It may be tried again.
    Again(String),
}

impl Watch {
    async fn follow(&mut self, attempt: AttemptId) -> anyhow::Result<ExitCode> {
        let mut failed = 0;
        loop {
            let seen = self.after;
            let asked = self.client.get(self.stream.clone());
            let cut = match asked.header("last-event-id", self.after).send().await {
                Ok(answer) if answer.status() == StatusCode::OK => self.read(answer).await?,
                Ok(answer) if answer.status() == StatusCode::NOT_FOUND => {
                    let mut err = io::stderr();
                    writeln!(err, "selfheal: the server knows no attempt {attempt}")?;
                    return Ok(ExitCode::from(NONE));
                }
                Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                    Cut::Again("the server is busy".to_owned())
                }
                Ok(answer) => bail!("the server answers {}", answer.status()),
                Err(error) => Cut::Again(error.without_url().to_string()),
            };
            let why = match cut {
                Cut::Over => return Ok(ExitCode::SUCCESS),
                Cut::Again(why) => why,
            };
            failed = if self.after > seen { 0 } else { failed + 1 };
            if failed == TRIES_MAX {
                bail!("the server cannot be followed: {why}");
            }
            tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
        }
    }

    async fn read(&mut self, mut answer: Response) -> anyhow::Result<Cut> {
        let mut text = Vec::new();
        loop {
            let piece = match answer.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(Cut::Again("the stream was cut".to_owned())),
                Err(error) => return Ok(Cut::Again(error.without_url().to_string())),
            };
            text.extend_from_slice(&piece);
            while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = text.drain(..end + 2).collect();
                if self.heard(&String::from_utf8_lossy(&block))? {
                    return Ok(Cut::Over);
                }
            }
            if text.len() > EVENT_BYTES_MAX {
                bail!("the server sends an event that has no end");
            }
        }
    }

    /// Takes note of one block of a stream; whether it is the end.
    fn heard(&mut self, block: &str) -> anyhow::Result<bool> {
        let of = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        if of("event: ") == Some("end") {
            return Ok(true);
        }
        let (Some(data), None) = (of("data: "), of("event: ")) else { return Ok(false) };
        let event: Value = serde_json::from_str(data).context("an event cannot be read")?;
        self.after = event["seq"].as_u64().unwrap_or(self.after).max(self.after);
        match &self.shown {
            Shown::Lines => writeln!(io::stdout().lock(), "{data}")?,
            // An event that a newer server knows is not shown.
            Shown::Progress(display) => {
                if let Ok(event) = serde_json::from_value(event) {
                    show(display, &event);
                }
            }
        }
        Ok(false)
    }
}

/// Shows an event as `selfheal heal` does.
fn show(display: &Display, event: &LiveEvent) {
    let run;
    let happening = match event {
        LiveEvent::StageBegins { stage, round } => {
            Happening::StageBegins { stage: *stage, round: *round }
        }
        LiveEvent::CommandBegins { command } => Happening::CommandBegins { command },
        LiveEvent::CommandEnded { command, ended, duration_ms } => {
            run = CommandRun {
                command: command.clone(),
                ended: *ended,
                duration_ms: *duration_ms,
                output_tail: String::new(),
            };
            Happening::CommandEnded { run: &run }
        }
        LiveEvent::FixerBegins { fixer } => Happening::FixerBegins { fixer },
        LiveEvent::FixerEnded { fixer, files } => {
            let files = usize::try_from(*files).unwrap_or(usize::MAX);
            Happening::FixerEnded { fixer, files }
        }
        LiveEvent::LeftOut { count } => {
            return display.warn(&format!("{count} events were left out"));
        }
        LiveEvent::Muted => return display.warn("there was too much to tell; no more is shown"),
        LiveEvent::Agent(AgentEvent::Thinking { text }) => {
            return display.keep(&format!("thinks: {}", short(text)));
        }
        LiveEvent::Agent(event) => Happening::Agent { event },
    };
    display.saw(&happening);
}
