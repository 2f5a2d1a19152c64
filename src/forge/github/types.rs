//! GitHub's JSON, as far as we read it: only the fields we use, and nothing closed that GitHub may
//! open.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{
    Branch, Label, Login, Malformed, PrNumber, RepoId, Sha, Timestamp, UserId,
};
use crate::domain::pull::{Actor, AutoMerge, Head, Pull, PullCommit, PullState, Readiness, Repo};
use crate::ports::forge::ForgeError;

/// A moment as GitHub writes it (RFC 3339).
pub(super) fn moment(text: &str) -> Result<Timestamp, ForgeError> {
    text.parse::<jiff::Timestamp>()
        .map(|at| Timestamp::from_millis(at.as_millisecond()))
        .map_err(|error| ForgeError::Unreadable(format!("a time: {error}")))
}

impl From<Malformed> for ForgeError {
    fn from(error: Malformed) -> Self {
        Self::Unreadable(error.to_string())
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct User {
    pub id: u64,
    pub login: String,
    #[serde(rename = "type", default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

impl User {
    pub fn actor(&self) -> Result<Actor, Malformed> {
        let login = Login::parse(&self.login)?;
        let is_bot = self.kind == "Bot" || login.is_bot();
        Ok(Actor { id: UserId::new(self.id), login, is_bot })
    }
}

/// A commit as listings of pull requests and comparisons show it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommitJson {
    pub sha: String,
    #[serde(default)]
    pub author: Option<User>,
    pub commit: CommitWords,
}

/// What a commit says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommitWords {
    #[serde(default)]
    pub message: String,
}

impl CommitJson {
    pub fn into_commit(self) -> Result<PullCommit, ForgeError> {
        Ok(PullCommit {
            sha: Sha::parse(&self.sha)?,
            author: self.author.map(|user| UserId::new(user.id)),
            message: self.commit.message,
        })
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct HeadRepo {
    pub id: u64,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct End {
    pub sha: String,
    #[serde(rename = "ref")]
    pub branch: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<HeadRepo>,
}

impl End {
    pub fn head(&self) -> Result<Head, Malformed> {
        Ok(Head {
            sha: Sha::parse(&self.sha)?,
            branch: Branch::parse(&self.branch)?,
            repo: self.repo.as_ref().map(|repo| RepoId::new(repo.id)),
        })
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct LabelJson {
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct AutoMergeJson {
    #[serde(default)]
    pub enabled_by: Option<User>,
    #[serde(default)]
    pub merge_method: String,
    #[serde(default)]
    pub commit_title: Option<String>,
    #[serde(default)]
    pub commit_message: Option<String>,
}

impl AutoMergeJson {
    fn held(&self) -> Result<AutoMerge, Malformed> {
        let somebody = self.enabled_by.as_ref().map_or("ghost", |user| user.login.as_str());
        Ok(AutoMerge {
            enabled_by: Login::parse(somebody)?,
            method: self.merge_method.clone(),
            commit_title: self.commit_title.clone(),
            commit_message: self.commit_message.clone(),
        })
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PullJson {
    pub number: u64,
    #[serde(default)]
    pub node_id: String,
    pub state: String,
    #[serde(default)]
    pub draft: Option<bool>,
    #[serde(default)]
    pub merged_at: Option<String>,
    #[serde(default)]
    pub user: Option<User>,
    pub head: End,
    pub base: End,
    #[serde(default)]
    pub labels: Vec<LabelJson>,
    #[serde(default)]
    pub auto_merge: Option<AutoMergeJson>,
    #[serde(default)]
    pub mergeable: Option<bool>,
    #[serde(default)]
    pub mergeable_state: Option<String>,
    pub updated_at: String,
}

/// The account that GitHub shows for users who are gone.
const GHOST_ID: u64 = 10_137;

impl PullJson {
    pub fn state(&self) -> PullState {
        match (self.state.as_str(), &self.merged_at) {
            (_, Some(_)) => PullState::Merged,
            ("closed", None) => PullState::Closed,
            (_, None) => PullState::Open,
        }
    }

    pub fn into_pull(self, repo: &Repo) -> Result<Pull, ForgeError> {
        let ghost = User { id: GHOST_ID, login: "ghost".to_owned(), kind: "User".to_owned() };
        let author = self.user.clone().unwrap_or(ghost).actor()?;
        let conflicts = match (self.mergeable, self.mergeable_state.as_deref()) {
            (_, Some("dirty")) => Some(true),
            (Some(mergeable), _) => Some(!mergeable),
            (None, _) => None,
        };
        let draft = self.draft.unwrap_or(false);
        Ok(Pull {
            repo: repo.clone(),
            number: PrNumber::new(self.number),
            author,
            state: self.state(),
            readiness: if draft { Readiness::Draft } else { Readiness::Ready },
            head: self.head.head()?,
            base: Branch::parse(&self.base.branch)?,
            base_sha: Sha::parse(&self.base.sha)?,
            labels: self.labels.iter().filter_map(|l| Label::parse(&l.name).ok()).collect(),
            auto_merge: self.auto_merge.as_ref().map(AutoMergeJson::held).transpose()?,
            conflicts,
            updated_at: moment(&self.updated_at)?,
            node_id: self.node_id,
        })
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct AppJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckRunJson {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub conclusion: Option<String>,
    #[serde(default)]
    pub external_id: Option<String>,
    #[serde(default)]
    pub app: Option<AppJson>,
    #[serde(default)]
    pub output: Option<CheckOutputJson>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckOutputJson {
    #[serde(default)]
    pub annotations_count: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct WorkflowRunJson {
    pub id: u64,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub display_title: Option<String>,
    #[serde(default)]
    pub event: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub conclusion: Option<String>,
    #[serde(default)]
    pub run_attempt: Option<u32>,
    #[serde(default)]
    pub workflow_id: Option<u64>,
    #[serde(default)]
    pub run_number: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct StatusJson {
    pub state: String,
    pub context: String,
    #[serde(default)]
    pub target_url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CombinedJson {
    #[serde(default)]
    pub statuses: Vec<StatusJson>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct StepJson {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub conclusion: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct JobJson {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub conclusion: Option<String>,
    #[serde(default)]
    pub steps: Vec<StepJson>,
    #[serde(default)]
    pub html_url: Option<String>,
    #[serde(default)]
    pub check_run_url: Option<String>,
    #[serde(default)]
    pub started_at: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ArtifactJson {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub size_in_bytes: u64,
    #[serde(default)]
    pub expired: bool,
    #[serde(default)]
    pub created_at: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ArtifactsJson {
    #[serde(default)]
    pub artifacts: Vec<ArtifactJson>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct AnnotationJson {
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub start_line: u32,
    #[serde(default)]
    pub end_line: u32,
    #[serde(default)]
    pub start_column: Option<u32>,
    #[serde(default)]
    pub annotation_level: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub title: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RuleJson {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub parameters: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommentJson {
    pub id: u64,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub user: Option<User>,
}
