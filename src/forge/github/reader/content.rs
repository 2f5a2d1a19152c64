//! Files, trees and rules.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::GithubForge;
use super::super::client::As;
use super::super::types::RuleJson;
use super::{segment, segments};
use crate::domain::ids::{Branch, PrNumber, RepoPath, Sha};
use crate::domain::patch::FileMode;
use crate::domain::pull::{BaseFile, BranchRules, Queue, Repo};
use crate::domain::undo::Standing;
use crate::ports::forge::ForgeError;

/// Rules that would refuse any push of ours to a branch. `required_signatures` is not among them:
/// commits of an App are signed by GitHub itself.
const BLOCKING: [&str; 2] = ["update", "pull_request"];

/// The mode of a directory.
const TREE_MODE: &str = "040000";

#[derive(Deserialize)]
struct ContentAnswer {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct TreeAnswer {
    #[serde(default)]
    tree: Vec<TreeEntry>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct TreeEntry {
    path: String,
    mode: String,
    sha: String,
    #[serde(default)]
    size: Option<u64>,
}

#[derive(Deserialize)]
struct RepoAnswer {
    default_branch: String,
}

impl GithubForge {
    pub(super) async fn text_file(
        &self,
        repo: &Repo,
        at: &str,
        path: &RepoPath,
    ) -> Result<Option<String>, ForgeError> {
        use base64::Engine as _;
        let path = format!("/contents/{}?ref={}", segments(path.as_str()), segment(at));
        let answer: ContentAnswer = match self.client.get(repo, &path).await {
            Ok(answer) => answer,
            Err(ForgeError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (Some(content), Some("base64")) = (answer.content, answer.encoding.as_deref()) else {
            return Err(ForgeError::Unreadable("a file that is not base64".to_owned()));
        };
        let compact: String = content.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(compact)
            .map_err(|error| ForgeError::Unreadable(error.to_string()))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub(super) async fn paths_at(
        &self,
        repo: &Repo,
        sha: &Sha,
    ) -> Result<Option<Vec<RepoPath>>, ForgeError> {
        let path = format!("/git/trees/{sha}?recursive=1");
        let whole: TreeAnswer = self.client.get(repo, &path).await?;
        let files = whole.tree.iter().filter(|entry| entry.mode != TREE_MODE);
        let paths = files.filter_map(|entry| RepoPath::parse(&entry.path).ok());
        Ok((!whole.truncated).then(|| paths.collect()))
    }

    pub(super) async fn paths_in(
        &self,
        repo: &Repo,
        sha: &Sha,
        folder: &RepoPath,
    ) -> Result<Vec<RepoPath>, ForgeError> {
        let tree = segment(&format!("{sha}:{folder}"));
        let path = format!("/git/trees/{tree}?recursive=1");
        let listed: TreeAnswer = match self.client.get(repo, &path).await {
            Ok(listed) => listed,
            Err(ForgeError::NotFound(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let files = listed.tree.iter().filter(|entry| entry.mode != TREE_MODE);
        Ok(files
            .filter_map(|entry| RepoPath::parse(&format!("{folder}/{}", entry.path)).ok())
            .collect())
    }

    pub(super) async fn files_at(
        &self,
        repo: &Repo,
        sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<BaseFile>, ForgeError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.entries(repo, sha, paths).await?;
        let texts = self.texts_at(repo, sha, paths).await?;
        Ok(paths
            .iter()
            .zip(texts)
            .filter_map(|(path, text)| {
                let entry = entries.iter().find(|entry| entry.path == path.as_str())?;
                Some(BaseFile {
                    path: path.clone(),
                    mode: FileMode::parse(&entry.mode)?,
                    text,
                    size: entry.size.unwrap_or(0),
                })
            })
            .collect())
    }

    /// What stands at these paths, by git's own hashes; paths where nothing stands are left out.
    pub(in crate::forge::github) async fn entries_at(
        &self,
        repo: &Repo,
        sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<(RepoPath, Standing)>, ForgeError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in self.entries(repo, sha, paths).await? {
            let path = RepoPath::parse(&entry.path)?;
            let standing = match FileMode::parse(&entry.mode) {
                Some(mode) => Standing::Entry { mode, object: Sha::parse(&entry.sha)? },
                None => Standing::Folder,
            };
            found.push((path, standing));
        }
        Ok(found)
    }

    /// The tree's entries for these paths; a tree too large for one answer is read by directory.
    async fn entries(
        &self,
        repo: &Repo,
        sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<TreeEntry>, ForgeError> {
        let whole: TreeAnswer =
            self.client.get(repo, &format!("/git/trees/{sha}?recursive=1")).await?;
        let wanted = |entry: &TreeEntry| paths.iter().any(|path| path.as_str() == entry.path);
        if !whole.truncated {
            return Ok(whole.tree.into_iter().filter(wanted).collect());
        }
        let mut parents: Vec<&str> =
            paths.iter().map(|path| path.as_str().rsplit_once('/').map_or("", |p| p.0)).collect();
        parents.sort_unstable();
        parents.dedup();
        let mut found = Vec::new();
        for parent in parents {
            let tree = segment(&format!("{sha}:{parent}"));
            let listed = self.client.get::<TreeAnswer>(repo, &format!("/git/trees/{tree}")).await;
            let listed = match listed {
                Ok(listed) => listed,
                Err(ForgeError::NotFound(_)) => continue, // a new directory
                Err(error) => return Err(error),
            };
            found.extend(listed.tree.into_iter().map(|mut entry| {
                if !parent.is_empty() {
                    entry.path = format!("{parent}/{}", entry.path);
                }
                entry
            }));
        }
        Ok(found.into_iter().filter(wanted).collect())
    }

    /// The texts of these paths, all in one request; `None` for what is binary or too large.
    pub(super) async fn texts_at(
        &self,
        repo: &Repo,
        sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<Option<String>>, ForgeError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let mut variables = Map::new();
        variables.insert("owner".to_owned(), json!(repo.slug.owner()));
        variables.insert("name".to_owned(), json!(repo.slug.name()));
        let mut declared = String::new();
        let mut asked = String::new();
        for (at, path) in paths.iter().enumerate() {
            variables.insert(format!("e{at}"), json!(format!("{sha}:{path}")));
            declared.push_str(&format!(", $e{at}: String!"));
            asked.push_str(&format!(
                " f{at}: object(expression: $e{at}) {{ ... on Blob {{ text isBinary isTruncated }} }}"
            ));
        }
        let query = format!(
            "query SelfhealFiles($owner: String!, $name: String!{declared}) {{ \
             repository(owner: $owner, name: $name) {{{asked} }} }}"
        );
        let who = As::reader(repo);
        let data = self.client.graphql(who, &query, Value::Object(variables)).await?;
        let found = data.get("repository").cloned().unwrap_or_default();
        Ok((0..paths.len())
            .map(|at| {
                let blob = found.get(format!("f{at}")).cloned().unwrap_or_default();
                let whole = blob.get("isTruncated").and_then(Value::as_bool) != Some(true);
                let is_text = blob.get("isBinary").and_then(Value::as_bool) != Some(true);
                let text = blob.get("text").and_then(Value::as_str).map(str::to_owned);
                text.filter(|_| whole && is_text)
            })
            .collect())
    }

    pub(super) async fn rules_of(
        &self,
        repo: &Repo,
        branch: &Branch,
    ) -> Result<BranchRules, ForgeError> {
        let path = format!("/rules/branches/{}", segments(branch.as_str()));
        let rules: Vec<RuleJson> = match self.client.pages(repo, &path, None).await {
            Ok(rules) => rules,
            Err(ForgeError::NotFound(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut read = BranchRules::default();
        for rule in rules {
            match rule.kind.as_str() {
                "required_status_checks" => read.required_checks.extend(contexts(&rule)),
                "merge_queue" => read.merge_queue = true,
                "required_signatures" => read.signed_commits = true,
                _ => {}
            }
            if BLOCKING.contains(&rule.kind.as_str()) {
                read.blocks_pushes.push(rule.kind);
            }
        }
        Ok(read)
    }

    /// GitHub tells of the merge queue by GraphQL only.
    pub(super) async fn queue_of(
        &self,
        repo: &Repo,
        number: PrNumber,
    ) -> Result<Queue, ForgeError> {
        let query = "query SelfhealPull($owner: String!, $name: String!, $number: Int!) { \
             repository(owner: $owner, name: $name) { \
             pullRequest(number: $number) { isInMergeQueue } } }";
        let (owner, name) = (repo.slug.owner(), repo.slug.name());
        let variables = json!({ "owner": owner, "name": name, "number": number.get() });
        let data = self.client.graphql(As::reader(repo), query, variables).await?;
        let waits = data.pointer("/repository/pullRequest/isInMergeQueue").and_then(Value::as_bool);
        Ok(if waits == Some(true) { Queue::Waiting } else { Queue::Outside })
    }

    pub(super) async fn default_branch_of(&self, repo: &Repo) -> Result<Branch, ForgeError> {
        let answer: RepoAnswer = self.client.get(repo, "").await?;
        Ok(Branch::parse(&answer.default_branch)?)
    }
}

fn contexts(rule: &RuleJson) -> Vec<String> {
    let checks = rule.parameters.as_ref().and_then(|p| p.get("required_status_checks"));
    let Some(Value::Array(checks)) = checks else { return Vec::new() };
    let context = |check: &Value| check.get("context").and_then(Value::as_str).map(str::to_owned);
    checks.iter().filter_map(context).collect()
}
