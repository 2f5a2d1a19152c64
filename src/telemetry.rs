//! Where logs go and what they look like.
//!
//! Logs are messages, so they go to standard error: human on a terminal, one JSON object a line
//! otherwise, with the spans around a message (`delivery.id`, `case.id`, `attempt.id`) in it.
//! Libraries that would log what travels on the wire are never heard below `info`, whatever the
//! filter says, because payloads and tokens do not belong into logs.

use std::io::{self, IsTerminal as _};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::server::{LogFormat, LogSettings};

/// Libraries that see requests, answers or rows.
const WIRE: &[&str] = &[
    "axum",
    "h2",
    "hyper",
    "hyper_util",
    "octocrab",
    "reqwest",
    "rustls",
    "sqlx",
    "tower",
    "tower_http",
];

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is none.
    #[error("the log filter cannot be read")]
    Filter(#[from] ParseError),
    /// Somebody set up logging before.
    #[error("logging is set up already")]
    Twice(#[from] TryInitError),
}

/// Sets up logging for the whole process; once, at its start.
///
/// # Errors
/// [`TelemetryError::Filter`] for a filter that settings did not check, [`TelemetryError::Twice`]
/// on a second call.
pub fn init(settings: &LogSettings) -> Result<(), TelemetryError> {
    let on_terminal = io::stderr().is_terminal();
    let form = match settings.format {
        LogFormat::Auto | LogFormat::Human if on_terminal => Form::Coloured,
        LogFormat::Human => Form::Plain,
        LogFormat::Auto | LogFormat::Json => Form::Json,
    };
    tracing_subscriber::registry().with(lines(settings, form, io::stderr)?).try_init()?;
    Ok(())
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// For people at a terminal.
    Coloured,
    /// For people who look at a file.
    Plain,
    /// For machines.
    Json,
}

/// A layer that writes what the filter lets through.
fn lines<S, W>(
    settings: &LogSettings,
    form: Form,
    writer: W,
) -> Result<Box<dyn Layer<S> + Send + Sync>, ParseError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let wanted = EnvFilter::builder().parse(&settings.filter)?;
    let filter = wanted.and(filter_fn(is_fit_for_logs));
    let lines = fmt::layer().with_writer(writer).with_ansi(form == Form::Coloured);
    Ok(match form {
        Form::Coloured | Form::Plain => lines.with_filter(filter).boxed(),
        Form::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed()
        }
    })
}

/// Whether an event or span may be logged at all.
fn is_fit_for_logs(metadata: &Metadata<'_>) -> bool {
    let library = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || !WIRE.contains(&library)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is logged while `act` runs.
    fn logged(filter: &str, form: Form, act: impl FnOnce()) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        let settings = LogSettings { filter: filter.to_owned(), format: LogFormat::Auto };
        let sink = Arc::clone(&written);
        let writer = move || Sink(Arc::clone(&sink));
        let lines = lines(&settings, form, writer).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), act);
        let bytes = written.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_carries_the_ids_of_the_spans_around_it() {
        let text = logged("info", Form::Json, || {
            let _case = tracing::info_span!("case", case.id = "case_1").entered();
            let _attempt = tracing::info_span!("attempt", attempt.id = "att_2").entered();
            tracing::info!(duration_ms = 7, "the attempt ended");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "the attempt ended");
        assert_eq!(line["duration_ms"], 7);
        assert_eq!(line["spans"][0]["case.id"], "case_1");
        assert_eq!(line["spans"][1]["attempt.id"], "att_2");
    }

    #[test]
    fn a_plain_line_has_no_colours_and_no_control_characters() {
        let hostile = "a\u{1b}[31mb\nc";
        let text = logged("info", Form::Plain, || tracing::info!(title = hostile, "opened"));
        assert!(text.contains("opened") && text.contains("title="), "{text}");
        assert!(!text.contains('\u{1b}') && text.lines().count() == 1, "{text}");
    }

    #[test]
    fn the_filter_decides_what_is_heard() {
        let act = || {
            tracing::info!("quiet");
            tracing::warn!("loud");
        };
        assert!(!logged("warn", Form::Plain, act).contains("quiet"));
        assert!(logged("warn", Form::Plain, act).contains("loud"));
        assert!(logged("error,selfheal::telemetry=info", Form::Plain, act).contains("quiet"));
    }

    #[test]
    fn what_travels_on_the_wire_is_not_logged_whatever_the_filter_says() {
        let act = || {
            tracing::debug!(target: "octocrab", "token 1");
            tracing::trace!(target: "hyper::proto", "token 2");
            tracing::debug!(target: "selfheal", "ours");
            tracing::warn!(target: "sqlx::query", "slow");
        };
        let text = logged("trace,hyper::proto=trace", Form::Plain, act);
        assert!(text.contains("ours") && text.contains("slow"), "{text}");
        assert!(!text.contains("token"), "{text}");
    }
}
