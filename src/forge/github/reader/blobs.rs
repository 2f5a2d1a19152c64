//! Logs and archives: what GitHub keeps elsewhere, behind an address that works for a minute.
//!
//! The address needs no token and is shown none. Both are streams: of a log too long the beginning
//! and the end are kept, of an archive too long nothing; never is more than the limit in memory.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::Method;

use super::super::GithubForge;
use super::super::client::As;
use super::super::types::{ArtifactJson, ArtifactsJson, moment};
use crate::domain::ids::{ArtifactId, JobId, RunId};
use crate::domain::pull::{Artifact, Repo};
use crate::ports::forge::{ForgeError, JobLog, LogEnd};

/// How many times as much of a log is fetched, unpacked, as is kept: a program that prints without
/// end, or a bomb, is not followed to where it stops. Of 16 MiB that is half a gigabyte.
const LOG_FETCHED_TIMES: u64 = 32;

impl GithubForge {
    pub(super) async fn log_of(
        &self,
        repo: &Repo,
        job: JobId,
        bytes_max: usize,
    ) -> Result<JobLog, ForgeError> {
        let response =
            self.elsewhere(repo, &format!("/actions/jobs/{job}/logs"), "the log").await?;
        let mut keep = HeadAndTail::new(bytes_max);
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            keep.push(&chunk.map_err(|_| broken_off("the log"))?);
            if keep.pushed > LOG_FETCHED_TIMES * bytes_max as u64 {
                return Ok(JobLog { end: LogEnd::TooFar, ..keep.into_log() });
            }
        }
        Ok(keep.into_log())
    }

    /// One page, the newest first: whoever uploads more than a hundred has its report among them.
    pub(super) async fn artifacts_of(
        &self,
        repo: &Repo,
        run: RunId,
    ) -> Result<Vec<Artifact>, ForgeError> {
        let path = format!("/actions/runs/{run}/artifacts?per_page=100");
        let listed: ArtifactsJson = self.client.get(repo, &path).await?;
        Ok(listed.artifacts.into_iter().map(artifact).collect())
    }

    pub(super) async fn archive_of(
        &self,
        repo: &Repo,
        artifact: ArtifactId,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, ForgeError> {
        let path = format!("/actions/artifacts/{artifact}/zip");
        let response = self.elsewhere(repo, &path, "the artifact").await?;
        let mut kept = BytesMut::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| broken_off("the artifact"))?;
            if kept.len() + chunk.len() > bytes_max {
                return Ok(None);
            }
            kept.extend_from_slice(&chunk);
        }
        Ok(Some(kept.freeze()))
    }

    /// The answer at the address that a call yields, asked without a token.
    async fn elsewhere(
        &self,
        repo: &Repo,
        path: &str,
        what: &str,
    ) -> Result<reqwest::Response, ForgeError> {
        let unreadable = || ForgeError::Unreadable(format!("{what} without an address"));
        let answer = self.client.call(As::reader(repo), Method::GET, path, None).await?;
        if !answer.status.is_redirection() {
            return Err(unreadable());
        }
        let place = answer.headers.get(http::header::LOCATION);
        let place = place.and_then(|value| value.to_str().ok()).ok_or_else(unreadable)?;
        let place = self.client.api.join(place).map_err(|_| unreadable())?;
        let response = self.client.plain.get(place).send().await.map_err(|_| broken_off(what))?;
        match response.status().as_u16() {
            200 => Ok(response),
            404 => Err(ForgeError::NotFound(what.to_owned())),
            410 => Err(ForgeError::Expired(what.to_owned())),
            status => Err(ForgeError::Unavailable(format!("{what}: status {status}"))),
        }
    }
}

fn broken_off(what: &str) -> ForgeError {
    ForgeError::Unavailable(format!("{what} could not be fetched"))
}

fn artifact(json: ArtifactJson) -> Artifact {
    Artifact {
        id: ArtifactId::new(json.id),
        name: json.name,
        bytes: json.size_in_bytes,
        created_at: json.created_at.as_deref().and_then(|text| moment(text).ok()),
        is_expired: json.expired,
    }
}

/// Keeps the beginning and the end of a stream within a limit.
struct HeadAndTail {
    head: BytesMut,
    tail: VecDeque<u8>,
    half: usize,
    omitted: u64,
    pushed: u64,
}

impl HeadAndTail {
    fn new(bytes_max: usize) -> Self {
        let half = bytes_max / 2;
        Self { head: BytesMut::new(), tail: VecDeque::new(), half, omitted: 0, pushed: 0 }
    }

    fn push(&mut self, chunk: &[u8]) {
        self.pushed += chunk.len() as u64;
        let room = self.half - self.head.len();
        let (first, rest) = chunk.split_at(room.min(chunk.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..over);
        self.omitted += over as u64;
    }

    fn into_log(self) -> JobLog {
        let mut bytes = self.head.to_vec();
        if self.omitted > 0 {
            bytes.extend_from_slice(b"\n");
        }
        bytes.extend(self.tail);
        JobLog { bytes, omitted: self.omitted, end: LogEnd::Reached }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_keeps_its_beginning_and_its_end() {
        let mut keep = HeadAndTail::new(8);
        for chunk in ["abc", "defgh", "ijklmnop"] {
            keep.push(chunk.as_bytes());
        }
        let log = keep.into_log();
        assert_eq!((log.bytes.as_slice(), log.omitted), (&b"abcd\nmnop"[..], 8));
        let mut short = HeadAndTail::new(8);
        short.push(b"abcdef");
        assert_eq!(short.into_log().bytes, b"abcdef");
    }
}
