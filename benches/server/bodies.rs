//! Real webhooks that the server keeps, each made unlike every other.

use std::path::Path;

use selfheal::domain::event::Reading;
use selfheal::forge::github::webhook::{self, Context};

/// What the server takes in: events that may move a case.
const EVENTS: &[&str] =
    &["pull_request", "workflow_run", "check_suite", "check_run", "issue_comment", "push"];

/// A webhook's event and body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) event: &'static str,
    text: String,
}

impl Body {
    /// The body with a number in it that no other has.
    pub(crate) fn numbered(&self, number: usize) -> String {
        self.text.replacen('{', &format!("{{\"bench_number\":{number},"), 1)
    }
}

/// The payloads of `tests/fixtures/github-payloads` that are kept.
pub(crate) fn real() -> Vec<Body> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/github-payloads");
    let mut bodies = Vec::new();
    let context = Context { app_id: 1 };
    for event in EVENTS {
        let files = std::fs::read_dir(folder.join(event)).expect("payloads are there");
        let mut paths: Vec<_> = files.filter_map(|file| Some(file.ok()?.path())).collect();
        paths.sort_unstable();
        for path in paths {
            let text = std::fs::read_to_string(path).expect("a payload can be read");
            let text = sent_to_app(&text);
            if let Ok(Reading::Event(_)) = webhook::read(event, text.as_bytes(), context) {
                bodies.push(Body { event, text });
            }
        }
    }
    bodies
}

/// The payload as an App gets it: with the installation that it is sent to.
fn sent_to_app(text: &str) -> String {
    if text.contains("\"installation\"") {
        return text.to_owned();
    }
    text.replacen('{', "{\"installation\":{\"id\":1},", 1)
}

/// How many and how large they are.
pub(crate) fn told(bodies: &[Body]) -> String {
    let bytes: usize = bodies.iter().map(|body| body.text.len()).sum();
    format!("{} real payloads, {} bytes on average", bodies.len(), bytes / bodies.len())
}
