//! What stands between a runner and the server: it counts what is asked, and kills at a given count.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use reqwest::Client;
use selfheal::domain::brief::StageReport;
use selfheal::domain::checkpoint::Checkpoint;
use selfheal::domain::document::Stage;
use selfheal::domain::patch::Content;
use serde_json::json;
use world::{StartedRun, World};

use super::tree;
use crate::harness::claims;

/// When a kill falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before that request of the runner reaches the server, counted from 1.
    Before(usize),
    /// After the server has answered it, and before the runner hears of it.
    After(usize),
    /// When the runner has said so many things about its work.
    Line(usize),
    /// When the server has taken so many checkpoints of it that have a session.
    Told(usize),
    /// When a model is asked for the so many-th time.
    Asked(usize),
    /// When the server has taken the report of a stage, and before the runner hears of it.
    Done(Stage, u8),
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The runner's outer process alone.
    Runner,
    /// Everything at once, as when the machine is lost.
    Machine,
    /// The coding agent alone.
    Agent(&'static str),
}

/// What happened in order, as far as the server took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A runner was let in.
    Admission,
    /// A stage was reported.
    Stage(Stage, u8),
    /// A checkpoint was told; whether it has a session.
    Checkpoint { has_session: bool },
    /// A model was asked.
    Model,
    /// The kill.
    Kill,
}

pub(crate) struct Notes {
    pub(crate) seen: Vec<Seen>,
    pub(crate) is_killed: bool,
    /// Everything that ran when the kill fell.
    pub(crate) ran: std::collections::BTreeSet<tree::Process>,
    requests: usize,
    lines: usize,
    runner: Option<u32>,
    /// Sessions arrive as something that no agent can read.
    pub(crate) spoils: bool,
    told: usize,
    asked: usize,
    plan: Option<(Moment, Victim)>,
    server: String,
    run: Option<StartedRun>,
    admissions: usize,
}

/// The desk; its copies are one.
#[derive(Clone)]
pub(crate) struct Desk {
    notes: Arc<Mutex<Notes>>,
    world: World,
    http: Client,
}

impl Desk {
    /// Opens one before the server at that address.
    pub(crate) async fn open(world: &World, server: String) -> (Self, String) {
        let notes = Notes {
            seen: Vec::new(),
            is_killed: false,
            ran: std::collections::BTreeSet::new(),
            requests: 0,
            lines: 0,
            runner: None,
            spoils: false,
            told: 0,
            asked: 0,
            plan: None,
            server,
            run: None,
            admissions: 0,
        };
        let http = Client::builder().no_proxy().build().unwrap();
        let desk = Self { notes: Arc::new(Mutex::new(notes)), world: world.clone(), http };
        let router =
            Router::new().route("/oidc", get(identity)).fallback(asked).with_state(desk.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (desk, url)
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// A runner begins, and is to be killed then, if at all.
    pub(crate) fn begins(&self, run: StartedRun, plan: Option<(Moment, Victim)>) {
        let mut notes = self.notes();
        (notes.requests, notes.lines, notes.told, notes.asked) = (0, 0, 0, 0);
        notes.runner = None;
        (notes.plan, notes.run, notes.is_killed) = (plan, Some(run), false);
        notes.ran.clear();
    }

    /// The runner's process is known.
    pub(crate) fn runs(&self, pid: u32) {
        self.notes().runner = Some(pid);
    }

    /// The runner has said something about its work.
    pub(crate) fn says(&self, line: &str) {
        let is_of_work = ["begins", "ended", "is done", "goes on"].iter().any(|w| line.contains(w));
        if is_of_work {
            let mut notes = self.notes();
            notes.lines += 1;
            let now = Moment::Line(notes.lines);
            notes.comes(now);
        }
    }
}

impl Notes {
    /// A moment has come; whether the kill falls now.
    fn comes(&mut self, now: Moment) -> bool {
        let (Some((moment, victim)), Some(runner)) = (self.plan, self.runner) else { return false };
        if self.is_killed || moment != now {
            return false;
        }
        let all = tree::below(runner);
        match victim {
            Victim::Runner => all.iter().filter(|it| it.0 == runner).for_each(|it| tree::kill(*it)),
            Victim::Machine => all.iter().rev().for_each(|process| tree::kill(*process)),
            Victim::Agent(program) => {
                let Some(agent) = tree::named(&all, program) else { return false };
                tree::kill(agent);
                self.is_killed = true;
                self.seen.push(Seen::Kill);
                return false;
            }
        }
        self.ran = all;
        self.is_killed = true;
        self.seen.push(Seen::Kill);
        true
    }
}

/// The identity of the run that is at work, new each time.
async fn identity(State(desk): State<Desk>) -> Json<serde_json::Value> {
    let (run, server, count) = {
        let mut notes = desk.notes();
        notes.admissions += 1;
        (notes.run.clone().unwrap(), notes.server.clone(), notes.admissions)
    };
    let claims = claims(&run, &format!("token {count} of run {}", run.run_id));
    Json(json!({ "value": desk.world.identity_token(&server, &claims) }))
}

/// Passes a request on. What the server takes is noted also when the runner is gone meanwhile, with which
/// its connection goes and this future.
async fn asked(State(desk): State<Desk>, request: Request) -> Response {
    tokio::spawn(passed_on(desk, request)).await.unwrap()
}

async fn passed_on(desk: Desk, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let number = {
        let mut notes = desk.notes();
        notes.requests += 1;
        let number = notes.requests;
        notes.asked += usize::from(path.starts_with("/model/"));
        let asked = Moment::Asked(notes.asked);
        if notes.comes(Moment::Before(number)) || notes.comes(asked) {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        number
    };
    if path.ends_with("/checkpoint") && desk.notes().spoils {
        body = spoiled(&body);
    }
    let url = format!("{}{path}", desk.notes().server);
    let mut asked = desk.http.request(parts.method.clone(), url).body(body.clone());
    for (name, value) in &parts.headers {
        if !matches!(name.as_str(), "host" | "content-length" | "transfer-encoding") {
            asked = asked.header(name, value);
        }
    }
    let Ok(answer) = asked.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, kind) = (answer.status(), answer.headers().get("content-type").cloned());
    let answer = answer.bytes().await.unwrap_or_default();
    let mut notes = desk.notes();
    if status.is_success() {
        let seen = seen(&parts.method, &path, &body);
        notes.told += usize::from(seen == Some(Seen::Checkpoint { has_session: true }));
        notes.seen.extend(seen.clone());
        if let Some(Seen::Stage(stage, round)) = seen
            && notes.comes(Moment::Done(stage, round))
        {
            return StatusCode::BAD_GATEWAY.into_response();
        }
    }
    let told = Moment::Told(notes.told);
    if notes.comes(Moment::After(number)) || notes.comes(told) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let kind = kind.map(|kind| (HeaderName::from_static("content-type"), kind));
    (status, axum::http::HeaderMap::from_iter(kind), answer).into_response()
}

/// The same checkpoint with files that no agent can read.
fn spoiled(body: &Bytes) -> Bytes {
    let mut checkpoint: Checkpoint = serde_json::from_slice(body).unwrap();
    for file in checkpoint.session.iter_mut().flat_map(|session| &mut session.files) {
        *file = Content::new(zstd::bulk::compress(b"{\"nothing\": of it]\n", 1).unwrap());
    }
    serde_json::to_vec(&checkpoint).unwrap().into()
}

fn seen(method: &Method, path: &str, body: &Bytes) -> Option<Seen> {
    if path.starts_with("/model/") && method == Method::POST {
        return Some(Seen::Model);
    }
    match path.rsplit('/').next()? {
        "admission" => Some(Seen::Admission),
        "stages" => {
            let report: StageReport = serde_json::from_slice(body).unwrap();
            Some(Seen::Stage(report.stage, report.round))
        }
        "checkpoint" => {
            let checkpoint: Checkpoint = serde_json::from_slice(body).unwrap();
            Some(Seen::Checkpoint { has_session: checkpoint.session.is_some() })
        }
        _ => None,
    }
}
