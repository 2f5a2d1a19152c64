//! The parts of GitHub's payloads that we read. Every field may be missing.
//!
//! Most of a body is passed over unread, so that the door may read every delivery.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::types::{AppJson, End, User};
use crate::domain::pull::PullState;

#[derive(Debug, Deserialize)]
pub(super) struct Body {
    #[serde(default)]
    #[serde(deserialize_with = "lenient")]
    action: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub installation: Option<Installation>,
    #[serde(default, deserialize_with = "lenient")]
    pub repository: Option<RepoJson>,
    #[serde(default, deserialize_with = "lenient")]
    pub sender: Option<User>,
    #[serde(default, deserialize_with = "lenient")]
    pub pull_request: Option<PullBody>,
    #[serde(default, deserialize_with = "lenient")]
    pub workflow_run: Option<WorkflowRun>,
    #[serde(default, deserialize_with = "lenient")]
    pub check_run: Option<CheckRun>,
    #[serde(default, deserialize_with = "lenient")]
    pub check_suite: Option<CheckSuite>,
    #[serde(default, deserialize_with = "lenient")]
    pub requested_action: Option<RequestedAction>,
    #[serde(default, deserialize_with = "lenient")]
    pub issue: Option<Issue>,
    #[serde(default, deserialize_with = "lenient")]
    pub comment: Option<Comment>,
    #[serde(default, deserialize_with = "lenient")]
    pub merge_group: Option<MergeGroup>,
    #[serde(default, deserialize_with = "lenient")]
    pub state: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub sha: Option<String>,
    #[serde(default, rename = "ref", deserialize_with = "lenient")]
    pub git_ref: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub after: Option<String>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub commits: Vec<PushedCommit>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub repositories: Vec<RepoJson>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub repositories_added: Vec<RepoJson>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub repositories_removed: Vec<RepoJson>,
}

/// A commit of a push.
#[derive(Debug, Deserialize)]
pub(super) struct PushedCommit {
    #[serde(default)]
    pub message: String,
    #[serde(default, deserialize_with = "lenient_list")]
    pub added: Vec<String>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub modified: Vec<String>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub removed: Vec<String>,
}

/// What the door reads of every body.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'b> {
    #[serde(default, borrow, deserialize_with = "lenient")]
    action: Option<&'b str>,
    #[serde(default, deserialize_with = "lenient")]
    pub installation: Option<Installation>,
    #[serde(default, deserialize_with = "lenient")]
    pub repository: Option<Numbered>,
}

impl Envelope<'_> {
    pub fn action(&self) -> &str {
        self.action.unwrap_or("")
    }
}

/// The same of a body in which all of it is as we know it: read in one go, where a part that may be
/// otherwise is passed over first and read then.
#[derive(Debug, Deserialize)]
pub(super) struct Usual<'b> {
    #[serde(default, borrow)]
    action: Option<&'b str>,
    #[serde(default)]
    installation: Option<Installation>,
    #[serde(default)]
    repository: Option<Numbered>,
}

impl<'b> From<Usual<'b>> for Envelope<'b> {
    fn from(Usual { action, installation, repository }: Usual<'b>) -> Self {
        Self { action, installation, repository }
    }
}

/// A repository, as far as telling repositories apart takes.
#[derive(Debug, Deserialize)]
pub(super) struct Numbered {
    #[serde(default)]
    pub id: Option<u64>,
}

impl Body {
    pub fn action(&self) -> &str {
        self.action.as_deref().unwrap_or("")
    }
}

/// A part that is not as we know it counts as missing; the rest of the body is still read.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(serde_json::from_str(<&RawValue>::deserialize(deserializer)?.get()).ok())
}

/// Entries that are not as we know them are left out.
fn lenient_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list: Option<Vec<&RawValue>> = lenient(deserializer)?;
    let entries = list.unwrap_or_default().into_iter();
    Ok(entries.filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect())
}

#[derive(Debug, Deserialize)]
pub(super) struct Installation {
    pub id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Owner {
    #[serde(default)]
    pub login: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RepoJson {
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(default)]
    pub full_name: Option<String>,
    #[serde(default)]
    pub owner: Option<Owner>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PullBody {
    #[serde(default)]
    pub number: Option<u64>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    merged: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub head: Option<End>,
    #[serde(default, deserialize_with = "lenient")]
    pub base: Option<End>,
    #[serde(default)]
    pub updated_at: Option<String>,
}

impl PullBody {
    pub fn state(&self) -> PullState {
        match (self.state.as_deref(), self.merged) {
            (_, Some(true)) => PullState::Merged,
            (Some("closed"), _) => PullState::Closed,
            _ => PullState::Open,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedPull {
    #[serde(default)]
    pub number: Option<u64>,
    #[serde(default)]
    head: Option<NamedHead>,
}

#[derive(Debug, Deserialize)]
struct NamedHead {
    #[serde(default)]
    sha: Option<String>,
}

impl NamedPull {
    pub fn head_sha(&self) -> Option<&str> {
        self.head.as_ref()?.sha.as_deref()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WorkflowRun {
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(default)]
    pub head_sha: Option<String>,
    #[serde(default)]
    pub head_branch: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub head_repository: Option<RepoJson>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub pull_requests: Vec<NamedPull>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRun {
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(default)]
    pub head_sha: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub app: Option<AppJson>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub pull_requests: Vec<NamedPull>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckSuite {
    #[serde(default)]
    pub head_sha: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub app: Option<AppJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RequestedAction {
    #[serde(default)]
    pub identifier: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    #[serde(default)]
    pub number: Option<u64>,
    #[serde(default)]
    pub pull_request: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub user: Option<User>,
    #[serde(default, deserialize_with = "lenient")]
    pub created_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MergeGroup {
    #[serde(default)]
    pub head_sha: Option<String>,
}
