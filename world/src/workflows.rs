//! What a workflow file says, as far as starting it needs it.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::Shared;
use crate::git::Recursion;

/// A workflow file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workflow {
    pub(crate) name: Option<String>,
    pub(crate) run_name: Option<String>,
    /// Inputs of `workflow_dispatch` and whether each is required; `None` without that trigger.
    pub(crate) dispatch: Option<BTreeMap<String, bool>>,
}

impl Workflow {
    /// Reads a file; `None` when it is no workflow.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let whole: Value = serde_saphyr::from_str(text).ok()?;
        let fields = whole.as_object()?;
        // YAML 1.1 reads the key `on` as a truth value.
        let on = fields.get("on").or_else(|| fields.get("true")).unwrap_or(&Value::Null);
        let said = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { name: said("name"), run_name: said("run-name"), dispatch: dispatch(on) })
    }

    /// What is wrong with inputs, in GitHub's words.
    pub(crate) fn wrong_inputs(&self, given: &Map<String, Value>) -> Option<String> {
        let Some(known) = &self.dispatch else {
            return Some("Workflow does not have 'workflow_dispatch' trigger".into());
        };
        let odd: Vec<&str> =
            given.keys().filter(|name| !known.contains_key(*name)).map(String::as_str).collect();
        if !odd.is_empty() {
            return Some(format!("Unexpected inputs provided: {odd:?}"));
        }
        let missing = known.iter().find(|(name, needed)| **needed && !given.contains_key(*name));
        missing.map(|(name, _)| format!("Required input '{name}' not provided"))
    }

    /// The title of a dispatched run: `run-name` with its inputs filled in.
    pub(crate) fn title(&self, inputs: &Map<String, Value>) -> Option<String> {
        let mut title = self.run_name.clone()?;
        for (name, value) in inputs {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            for form in [format!("${{{{ inputs.{name} }}}}"), format!("${{{{inputs.{name}}}}}")] {
                title = title.replace(&form, &text);
            }
        }
        Some(title)
    }
}

impl Shared {
    /// Workflow files on the default branch, with what they say; their names are remembered.
    pub(crate) async fn workflows(&self, repo: u64) -> Result<Vec<(String, Workflow)>> {
        let (git, default) = {
            let mut state = self.state();
            let repo = state.repo_mut(repo);
            (repo.git.clone(), repo.default_branch.clone())
        };
        let dir = format!("refs/heads/{default}:.github/workflows");
        let entries = git.tree(&dir, Recursion::Level).await.unwrap_or_default();
        let mut found = Vec::new();
        for entry in entries.iter().filter(|entry| is_yaml(&entry.path)) {
            let bytes = git.blob(&entry.sha).await?;
            if let Some(workflow) = Workflow::read(&String::from_utf8_lossy(&bytes)) {
                found.push((format!(".github/workflows/{}", entry.path), workflow));
            }
        }
        let mut state = self.state();
        for (path, workflow) in &found {
            let fresh = state.fresh_id();
            let repo = state.repo_mut(repo);
            repo.workflow_ids.entry(path.clone()).or_insert(fresh);
            if let Some(name) = &workflow.name {
                repo.workflow_names.insert(path.clone(), name.clone());
            }
        }
        Ok(found)
    }
}

fn is_yaml(path: &str) -> bool {
    let ending = path.rsplit('.').next().unwrap_or_default();
    ending.eq_ignore_ascii_case("yml") || ending.eq_ignore_ascii_case("yaml")
}

fn dispatch(on: &Value) -> Option<BTreeMap<String, bool>> {
    match on {
        Value::String(event) => (event == "workflow_dispatch").then(BTreeMap::new),
        Value::Array(events) => {
            events.iter().any(|event| event == "workflow_dispatch").then(BTreeMap::new)
        }
        Value::Object(events) => {
            let inputs = events.get("workflow_dispatch")?.get("inputs").and_then(Value::as_object);
            let needed = |input: &Value| {
                input["required"].as_bool() == Some(true) && input.get("default").is_none()
            };
            let listed = inputs.into_iter().flatten();
            Some(listed.map(|(name, input)| (name.clone(), needed(input))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = "name: Heal\nrun-name: selfheal ${{ inputs.attempt }}\non:\n  \
                        workflow_dispatch:\n    inputs:\n      attempt:\n        required: true\n      \
                        note:\n        required: false\njobs: {}\n";

    fn inputs(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_dispatch_is_held_against_the_file() {
        let workflow = Workflow::read(FILE).unwrap();
        let wrong = |given: Value| workflow.wrong_inputs(&inputs(&given));
        assert_eq!(wrong(json!({"attempt": "a"})), None);
        assert_eq!(wrong(json!({})).unwrap(), "Required input 'attempt' not provided");
        assert_eq!(
            wrong(json!({"attempt": "a", "other": "b"})).unwrap(),
            "Unexpected inputs provided: [\"other\"]"
        );
        assert_eq!(workflow.title(&inputs(&json!({"attempt": "a1"}))).unwrap(), "selfheal a1");
    }

    #[test]
    fn the_trigger_may_be_written_in_three_ways() {
        let has = |on: &str| Workflow::read(&format!("on: {on}\n")).unwrap().dispatch.is_some();
        assert!(has("workflow_dispatch"));
        assert!(has("[push, workflow_dispatch]"));
        assert!(has("{workflow_dispatch: }"));
        assert!(!has("push"));
        assert!(!has("{pull_request: {}}"));
    }
}
