//! The parts of GitHub's payloads that we read, and so all that is kept of them. Every field may be
//! missing.
//!
//! A body is read into [`Body`] and kept as [`Body`] is written: what has no field here (people's names,
//! addresses, titles, texts) reaches no database, and reading what was kept yields what reading all of
//! it did. A field that a release begins to read is missing in what the release before it kept.

use std::fmt::Debug;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::super::types::{AppJson, End, User};
use super::NotJson;
use crate::domain::false_fix::reverted_in;
use crate::domain::ids::Sha;
use crate::domain::pull::PullState;

/// Room for what is kept of a body of the usual kind.
const WRITTEN_BYTES: usize = 1024;

/// How parts are read that may be otherwise than we know them.
pub(super) trait Manner: Debug + Default {
    /// A part.
    fn part<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: DeserializeOwned;

    /// The parts of a list.
    fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: DeserializeOwned;
}

/// In one go: what is otherwise than we know it is an error.
#[derive(Debug, Default)]
pub(super) struct Usual;

/// Passed over first and read then: a part that is otherwise counts as missing, an entry of a list is
/// left out, and the rest of the body is still read. It takes twice as long.
#[derive(Debug, Default)]
pub(super) struct Lenient;

impl Manner for Usual {
    fn part<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: DeserializeOwned,
    {
        Option::deserialize(deserializer)
    }

    fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: DeserializeOwned,
    {
        Self::part(deserializer).map(Option::unwrap_or_default)
    }
}

impl Manner for Lenient {
    fn part<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: DeserializeOwned,
    {
        Ok(serde_json::from_str(<&RawValue>::deserialize(deserializer)?.get()).ok())
    }

    fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: DeserializeOwned,
    {
        let list = <&RawValue>::deserialize(deserializer)?.get();
        let list: Vec<&RawValue> = serde_json::from_str(list).unwrap_or_default();
        Ok(list.into_iter().filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect())
    }
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, bound = "C: Manner")]
pub(super) struct Body<C = Usual> {
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub installation: Option<Installation>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepoJson>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub sender: Option<User>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullBody<C>>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub workflow_run: Option<WorkflowRun<C>>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub check_run: Option<CheckRun<C>>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub check_suite: Option<CheckSuite<C>>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub requested_action: Option<RequestedAction>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub issue: Option<Issue>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment<C>>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub merge_group: Option<MergeGroup>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    #[serde(rename = "ref", deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<PushedCommit<C>>,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<RepoJson>,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub repositories_added: Vec<RepoJson>,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub repositories_removed: Vec<RepoJson>,
    #[serde(skip)]
    manner: PhantomData<C>,
}

impl Body {
    /// Reads a JSON object.
    pub fn read(bytes: &[u8]) -> Result<Self, NotJson> {
        // A list would be taken for an object with its fields in order.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(NotJson("it does not begin with a brace".to_owned()));
        }
        // Looked at once as a whole, text is read faster than bytes are.
        let text = std::str::from_utf8(bytes).map_err(|error| NotJson(error.to_string()))?;
        serde_json::from_str(text).or_else(|_| {
            let body: Body<Lenient> = serde_json::from_str(text)?;
            // What is otherwise than we know it is not written.
            Ok(serde_json::from_slice(&body.written()?)?)
        })
    }

    pub fn action(&self) -> &str {
        self.action.as_deref().unwrap_or("")
    }
}

impl<C: Manner> Body<C> {
    /// What is kept of the body: JSON of the same shape, which reads as the whole does.
    pub fn written(&self) -> Result<Bytes, NotJson> {
        let mut written = Vec::with_capacity(WRITTEN_BYTES);
        serde_json::to_writer(&mut written, self)?;
        Ok(Bytes::from(written))
    }
}

impl From<serde_json::Error> for NotJson {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// A commit of a push.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, bound = "C: Manner")]
pub(super) struct PushedCommit<C = Usual> {
    #[serde(serialize_with = "reverts", skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub modified: Vec<String>,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    #[serde(skip)]
    manner: PhantomData<C>,
}

impl PushedCommit {
    /// Commits that it says it reverts: nothing else of its message is read.
    pub fn reverted(&self) -> Vec<Sha> {
        reverted_in(&self.message)
    }
}

/// Of a message, in git's words, what [`PushedCommit::reverted`] reads.
fn reverts<S: Serializer>(message: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let said = reverted_in(message).into_iter().map(|sha| format!("This reverts commit {sha}"));
    said.collect::<String>().serialize(serializer)
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Installation {
    pub id: u64,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Owner {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct RepoJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, bound = "C: Manner")]
pub(super) struct PullBody<C = Usual> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<bool>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub head: Option<End>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub base: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    #[serde(skip)]
    manner: PhantomData<C>,
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

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct NamedPull {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<NamedHead>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct NamedHead {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<String>,
}

impl NamedPull {
    pub fn head_sha(&self) -> Option<&str> {
        self.head.as_ref()?.sha.as_deref()
    }
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, bound = "C: Manner")]
pub(super) struct WorkflowRun<C = Usual> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_branch: Option<String>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub head_repository: Option<RepoJson>,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub pull_requests: Vec<NamedPull>,
    #[serde(skip)]
    manner: PhantomData<C>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, bound = "C: Manner")]
pub(super) struct CheckRun<C = Usual> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub app: Option<AppJson>,
    #[serde(deserialize_with = "C::list", skip_serializing_if = "Vec::is_empty")]
    pub pull_requests: Vec<NamedPull>,
    #[serde(skip)]
    manner: PhantomData<C>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, bound = "C: Manner")]
pub(super) struct CheckSuite<C = Usual> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub app: Option<AppJson>,
    #[serde(skip)]
    manner: PhantomData<C>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct RequestedAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Issue {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<Something>,
}

/// What only has to be there.
#[derive(Debug)]
pub(super) struct Something;

impl<'de> Deserialize<'de> for Something {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Self)
    }
}

impl Serialize for Something {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, bound = "C: Manner")]
pub(super) struct Comment<C = Usual> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    #[serde(deserialize_with = "C::part", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(skip)]
    manner: PhantomData<C>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct MergeGroup {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
}
