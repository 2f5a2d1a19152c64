//! The REST routes: one table, one file for each family.
//!
//! A route names the permission that it needs; `serve` has checked it, and has found the
//! repository, before the route runs. A route changes the state through the same functions that
//! people's verbs use, so that the same webhooks follow.

#![expect(clippy::unnecessary_wraps, reason = "routes share one signature")]

mod actions;
mod app;
mod artifacts;
mod checks;
mod comments;
mod commits;
mod contents;
mod gitdata;
mod installations;
mod labels;
mod pulls;
mod repos;
mod runs;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard, OnceLock};

use serde_json::{Map, Value, json};

use crate::Shared;
use crate::auth::Caller;
use crate::git::Repo as Git;
use crate::reply::{Answer, Reply};
use crate::state::State;
use crate::state::app::Level;

/// Items on a page when the request does not say.
const PER_PAGE_DEFAULT: usize = 30;

/// Items on a page at most, whatever the request says.
const PER_PAGE_MAX: usize = 100;

/// What a caller must be or hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    Nobody,
    /// The App itself, by JWT.
    App,
    /// Any installation token.
    Token,
    /// An installation token with one of these permissions.
    Any(&'static [(&'static str, Level)]),
}

/// How a route runs.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// On the state alone.
    Now(fn(&Ctx) -> Answer),
    /// With git, too.
    Wait(fn(Ctx) -> Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl Run {
    pub(crate) async fn call(self, ctx: Ctx) -> Answer {
        match self {
            Self::Now(run) => run(&ctx),
            Self::Wait(run) => run(ctx).await,
        }
    }
}

/// An operation of the API.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) template: &'static str,
    pub(crate) need: Need,
    pub(crate) run: Run,
}

const fn now(
    (method, template): (&'static str, &'static str),
    need: Need,
    run: fn(&Ctx) -> Answer,
) -> Route {
    Route { method, template, need, run: Run::Now(run) }
}

const fn wait(
    (method, template): (&'static str, &'static str),
    need: Need,
    run: fn(Ctx) -> Pin<Box<dyn Future<Output = Answer> + Send>>,
) -> Route {
    Route { method, template, need, run: Run::Wait(run) }
}

/// Permissions that several routes share.
mod need {
    use super::{Level, Need};

    pub(super) const CONTENTS_READ: Need = Need::Any(&[("contents", Level::Read)]);
    pub(super) const CONTENTS_WRITE: Need = Need::Any(&[("contents", Level::Write)]);
    pub(super) const PULLS_READ: Need = Need::Any(&[("pull_requests", Level::Read)]);
    pub(super) const PULLS_WRITE: Need = Need::Any(&[("pull_requests", Level::Write)]);
    pub(super) const CHECKS_READ: Need = Need::Any(&[("checks", Level::Read)]);
    pub(super) const CHECKS_WRITE: Need = Need::Any(&[("checks", Level::Write)]);
    pub(super) const STATUSES_READ: Need = Need::Any(&[("statuses", Level::Read)]);
    pub(super) const ACTIONS_READ: Need = Need::Any(&[("actions", Level::Read)]);
    pub(super) const ACTIONS_WRITE: Need = Need::Any(&[("actions", Level::Write)]);
    pub(super) const METADATA: Need = Need::Any(&[("metadata", Level::Read)]);
    pub(super) const TALK_READ: Need =
        Need::Any(&[("issues", Level::Read), ("pull_requests", Level::Read)]);
    pub(super) const TALK_WRITE: Need =
        Need::Any(&[("issues", Level::Write), ("pull_requests", Level::Write)]);
}

/// All routes.
pub(crate) fn routes() -> &'static [Route] {
    static ROUTES: OnceLock<Vec<Route>> = OnceLock::new();
    ROUTES.get_or_init(|| {
        let families = [
            actions::routes(),
            app::routes(),
            artifacts::routes(),
            checks::routes(),
            comments::routes(),
            commits::routes(),
            contents::routes(),
            gitdata::routes(),
            installations::routes(),
            labels::routes(),
            pulls::routes(),
            repos::routes(),
            runs::routes(),
        ];
        families.into_iter().flatten().collect()
    })
}

/// A request on its way through a route.
pub(crate) struct Ctx {
    pub(crate) shared: Arc<Shared>,
    pub(crate) caller: Caller,
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Value,
    pub(crate) repo: Option<u64>,
    pub(crate) bearer: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) accepts: String,
    pub(crate) is_new_version: bool,
}

impl Ctx {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.shared.now_ms()
    }

    pub(crate) fn repo(&self) -> u64 {
        self.repo.expect("invariant: the route's path names a repository")
    }

    pub(crate) fn git(&self) -> Git {
        self.state().repo_mut(self.repo()).git.clone()
    }

    /// A part of the path.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// A part of the path that is a number; nothing has the number 0.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.param(name).parse().unwrap_or(0)
    }

    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A text of the body.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// Who does it: the App's bot.
    pub(crate) fn actor(&self) -> String {
        self.state().app.bot()
    }

    /// One page of items.
    pub(crate) fn page(&self, items: Vec<Value>) -> Reply {
        let (shown, links) = self.cut(items);
        linked(Reply::ok(Value::Array(shown)), links)
    }

    /// One page of items in an object that says how many there are.
    pub(crate) fn page_of(&self, name: &str, items: Vec<Value>) -> Reply {
        let mut body = Map::new();
        body.insert("total_count".into(), items.len().into());
        let (shown, links) = self.cut(items);
        body.insert(name.into(), Value::Array(shown));
        linked(Reply::ok(Value::Object(body)), links)
    }

    fn cut(&self, items: Vec<Value>) -> (Vec<Value>, Option<String>) {
        let asked = |name: &str| self.asked(name).and_then(|text| text.parse::<usize>().ok());
        let size = asked("per_page").unwrap_or(PER_PAGE_DEFAULT).clamp(1, PER_PAGE_MAX);
        let page = asked("page").unwrap_or(1).max(1);
        let last = items.len().div_ceil(size).max(1);
        let mut links = Vec::new();
        if page < last {
            links.push(self.link("next", page + 1));
            links.push(self.link("last", last));
        }
        if page > 1 {
            links.push(self.link("first", 1));
            links.push(self.link("prev", page - 1));
        }
        let shown = items.into_iter().skip((page - 1) * size).take(size).collect();
        (shown, (!links.is_empty()).then(|| links.join(", ")))
    }

    fn link(&self, relation: &str, page: usize) -> String {
        let mut query: Vec<String> = self
            .query
            .iter()
            .filter(|(name, _)| *name != "page")
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        query.push(format!("page={page}"));
        let api_url = &self.state().api_url;
        format!("<{api_url}{}?{}>; rel=\"{relation}\"", self.path, query.join("&"))
    }
}

fn linked(mut reply: Reply, links: Option<String>) -> Reply {
    reply.headers.extend(links.map(|links| ("link", links)));
    reply
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte) {
            out.push(byte.into());
        } else {
            out.extend(format!("%{byte:02X}").chars());
        }
        out
    })
}

/// What GitHub's git objects look like to people: `{name, email, date}`.
fn person(person: &crate::git::Person) -> Value {
    json!({
        "name": person.name, "email": person.email, "date": crate::time::iso(person.when_ms),
    })
}
