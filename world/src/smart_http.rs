//! The repositories over git's smart HTTP: real clones, fetches and pushes, by token.
//!
//! `git http-backend` speaks the protocol; here is what it does not know: who may, which refs a
//! push may move, and who is told afterwards. A push is looked at before it is let in: its objects
//! are taken into the store (unreachable, they harm nobody), each command is judged, and a refusal
//! reaches the client through the `pre-receive` hook, as GitHub's does.

use std::path::Path as Dir;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State as Extract};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Shared;
use crate::git;
use crate::people::push::{GitUser, RefUpdate};
use crate::people::repo::Repository;
use crate::state::app::Level;

/// The largest push; the repositories of stories are small.
const PUSH_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where a refusal waits for the hook.
const REFUSAL: &str = "WORLD_REFUSAL";

/// The hook that tells a refusal to the client, in every repository.
pub(crate) const PRE_RECEIVE: &str = "#!/bin/sh\n\
    [ -z \"$WORLD_REFUSAL\" ] || { printf '%s\\n' \"$WORLD_REFUSAL\" >&2; exit 1; }\n";

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/{owner}/{repo}/info/refs", get(spoken))
        .route("/{owner}/{repo}/git-upload-pack", axum::routing::post(spoken))
        .route("/{owner}/{repo}/git-receive-pack", axum::routing::post(spoken))
        .layer(DefaultBodyLimit::max(PUSH_BYTES_MAX))
        .with_state(shared)
}

/// One request of a git client.
struct Asked {
    repository: Repository,
    method: Method,
    /// The path below the repository.
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    by: GitUser,
}

impl Asked {
    fn is_push(&self) -> bool {
        self.path == "/git-receive-pack"
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

async fn spoken(
    Extract(shared): Extract<Arc<Shared>>,
    Path((owner, name)): Path<(String, String)>,
    parts: Parts,
    body: Bytes,
) -> Response {
    let Parts { method, headers, uri, .. } = parts;
    let Some(repository) = shared.find_repository(&format!("{owner}/{name}")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let query = uri.query().unwrap_or_default().to_owned();
    let path = uri.path().trim_start_matches(&format!("/{owner}/{name}")).to_owned();
    let is_write = path.ends_with("receive-pack") || query.contains("git-receive-pack");
    let wants = if is_write { Level::Write } else { Level::Read };
    let token = token(&headers);
    let by = match shared.git_access(&repository, token.as_deref(), wants) {
        Ok(by) => by,
        Err(status) => return refused(status),
    };
    let asked = Asked { repository, method, path, query, headers, body, by };
    match answered(&shared, &asked).await {
        Ok(answer) => answer,
        Err(error) => {
            shared.state().ledger.bugs.push(format!("git over HTTP: {error:#}"));
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn refused(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    let asks = [(header::WWW_AUTHENTICATE, "Basic realm=\"GitHub\"")];
    (status, asks, "remote: Invalid username or token.\n").into_response()
}

/// The password of basic authentication; GitHub takes any user name beside a token.
fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, token)| token.to_owned())
}

async fn answered(shared: &Arc<Shared>, asked: &Asked) -> Result<Response> {
    let git = {
        let state = shared.state();
        state.repo(asked.repository.id).context("the repository is gone")?.git.clone()
    };
    let (updates, pack) =
        if asked.is_push() { commands(&asked.body)? } else { (Vec::new(), &[][..]) };
    if !pack.is_empty() {
        git::run(git.dir(), &["index-pack", "--stdin", "--fix-thin"], pack, &[]).await?;
    }
    let mut refusal = String::new();
    for update in &updates {
        let why = shared.refuses_push(&asked.repository, &asked.by, update).await?;
        refusal.extend(why.map(|why| format!("error: {why}\n")));
    }
    let answer = backend(git.dir(), asked, &refusal).await?;
    if refusal.is_empty() && !updates.is_empty() {
        let mut moved = Vec::new();
        for update in updates {
            let now = git.get_ref(&update.name).await?;
            if now.as_deref().unwrap_or(git::ZEROS) == update.new {
                moved.push(update);
            }
        }
        shared.received(&asked.repository, &asked.by, &moved).await?;
    }
    Ok(answer)
}

/// The commands of a push and the pack behind them: lines with their length in front, then a flush.
fn commands(body: &[u8]) -> Result<(Vec<RefUpdate>, &[u8])> {
    let mut updates = Vec::new();
    let mut rest = body;
    loop {
        let Some((digits, after)) = rest.split_at_checked(4) else { bail!("a push breaks off") };
        let length = usize::from_str_radix(std::str::from_utf8(digits)?, 16)?;
        if length == 0 {
            return Ok((updates, after));
        }
        let (line, after) = rest.split_at_checked(length).context("a push breaks off")?;
        rest = after;
        let line = line.get(4..).context("a command has no text")?;
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let line = std::str::from_utf8(line)?.trim_end();
        let mut fields = line.splitn(3, ' ').map(str::to_owned);
        if let (Some(old), Some(new), Some(name)) = (fields.next(), fields.next(), fields.next()) {
            updates.push(RefUpdate { name, old, new });
        }
    }
}

async fn backend(dir: &Dir, asked: &Asked, refusal: &str) -> Result<Response> {
    let root = dir.display().to_string();
    let length = asked.body.len().to_string();
    let env = [
        ("GIT_PROJECT_ROOT", root.as_str()),
        ("GIT_HTTP_EXPORT_ALL", "1"),
        ("PATH_INFO", &asked.path),
        ("QUERY_STRING", &asked.query),
        ("REQUEST_METHOD", asked.method.as_str()),
        ("CONTENT_TYPE", asked.header(header::CONTENT_TYPE)),
        ("CONTENT_LENGTH", &length),
        ("HTTP_CONTENT_ENCODING", asked.header(header::CONTENT_ENCODING)),
        ("GIT_PROTOCOL", asked.header(header::HeaderName::from_static("git-protocol"))),
        ("REMOTE_USER", "git"),
        (REFUSAL, refusal),
    ];
    let output = git::run(dir, &["http-backend"], &asked.body, &env).await?;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").context("no CGI header")?;
    let (head, body) = output.split_at(end);
    let mut answer = Response::new(axum::body::Body::from(body[4..].to_vec()));
    for line in std::str::from_utf8(head)?.lines() {
        let (name, value) = line.split_once(':').context("an odd CGI header")?;
        if name.eq_ignore_ascii_case("status") {
            let code = value.trim().split(' ').next().unwrap_or_default();
            *answer.status_mut() = StatusCode::from_bytes(code.as_bytes())?;
        } else {
            let name = header::HeaderName::from_bytes(name.as_bytes())?;
            answer.headers_mut().insert(name, value.trim().parse()?);
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_a_push_are_read_and_the_pack_is_left() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let line = format!("{a} {b} refs/heads/x\0 report-status\n");
        let body = format!("{:04x}{line}0000PACK", line.len() + 4);
        let (updates, pack) = commands(body.as_bytes()).unwrap();
        assert_eq!(updates, [RefUpdate { name: "refs/heads/x".into(), old: a, new: b }]);
        assert_eq!(pack, b"PACK");
        assert!(commands(b"00").is_err());
        assert!(commands(b"00ffshort").is_err());
        assert!(commands(b"0000").unwrap().0.is_empty());
    }
}
