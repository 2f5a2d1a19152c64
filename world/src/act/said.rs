//! What `act --json` says, as jobs, steps and logs of GitHub.

use serde_json::{Map, Value};

use super::shells;
use crate::script::{JobScript, RunScript, stamped};

/// The jobs of a run, as they are told.
pub(super) struct Jobs {
    workflow: Map<String, Value>,
    /// Where GitHub has the checkout; `act`'s own place differs from run to run.
    workspace: String,
    told: Vec<Job>,
}

#[derive(Default)]
struct Job {
    name: String,
    conclusion: Option<String>,
    steps: Vec<(String, String)>,
    lines: Vec<String>,
}

impl Jobs {
    pub(super) fn of(workflow: &str, repository: &str) -> Self {
        let name = repository.rsplit('/').next().unwrap_or_default();
        Self {
            workflow: super::scripts(workflow),
            workspace: format!("/home/runner/work/{name}/{name}"),
            told: Vec::new(),
        }
    }

    fn job(&mut self, said: &Value) -> Option<&mut Job> {
        let whole = said["job"].as_str()?;
        let name = whole.split_once('/').map_or(whole, |(_, name)| name).trim();
        let at = self.told.iter().position(|job| job.name == name).unwrap_or_else(|| {
            let lines = vec!["Current runner version: '2.330.0'".to_owned()];
            self.told.push(Job { name: name.to_owned(), lines, ..Job::default() });
            self.told.len() - 1
        });
        self.told.get_mut(at)
    }

    /// The step that a message is about: its title and, if it has one, its script.
    fn step(&self, said: &Value) -> Option<(String, Option<String>)> {
        let place = said["stepID"].as_array()?;
        let at: usize = place.first()?.as_str()?.parse().ok()?;
        let step = &self.workflow.get(said["jobID"].as_str()?)?["steps"][at];
        let script = step["run"].as_str().map(str::to_owned);
        let title = match (step["name"].as_str(), &script) {
            (Some(name), _) => name.to_owned(),
            (None, Some(script)) => format!("Run {}", script.lines().next().unwrap_or_default()),
            (None, None) => format!("Run {}", step["uses"].as_str().unwrap_or_default()),
        };
        Some((title, script))
    }

    /// One line of `act`'s output; the number of a shell whose last word is in it.
    pub(super) fn hears(&mut self, line: &str) -> Option<u32> {
        let said = serde_json::from_str::<Value>(line).ok()?;
        let message = said["msg"].as_str().unwrap_or_default();
        let text = |key: &str| said[key].as_str().unwrap_or_default();
        let step = self.step(&said);
        let inner = said["stepID"].as_array().is_some_and(|place| place.len() > 1);
        let workspace = self.workspace.clone();
        let job = self.job(&said)?;
        if said["raw_output"] == true {
            let message = message.trim_end_matches(['\n', '\r']);
            let last = shells::last_word(message);
            let (message, shell) =
                last.map_or((message, None), |(before, shell)| (before, Some(shell)));
            if !(message.is_empty() && shell.is_some()) {
                let lines = message.split('\n').map(|line| line.trim_end_matches('\r'));
                job.lines.extend(lines.map(|line| at_home(line, &workspace)));
            }
            return shell;
        }
        if let Some(end) = said["jobResult"].as_str() {
            job.conclusion = Some(end.to_owned());
        }
        let (title, script) = step?;
        if text("stage") != "Main" || inner {
            return None;
        }
        if message.starts_with('\u{2b50}') {
            job.begins(&title, script.as_deref());
        } else if let Some(code) = message.strip_prefix("exit status ") {
            job.lines.push(format!("##[error]Process completed with exit code {code}."));
        } else if let Some(end) = said["stepResult"].as_str() {
            job.steps.push((title, end.to_owned()));
        } else if text("level") == "error" || !text("command").is_empty() {
            job.lines.push(at_home(text("raw"), &workspace));
        }
        None
    }

    /// How the run came out.
    pub(super) fn script(self, now_ms: i64) -> RunScript {
        let is_red = self.told.iter().any(|job| job.conclusion.as_deref() != Some("success"));
        let ending = RunScript::concluded(if is_red { "failure" } else { "success" });
        self.told.into_iter().fold(ending, |script, job| script.job(job.script(now_ms)))
    }
}

impl Job {
    fn begins(&mut self, title: &str, script: Option<&str>) {
        let first = script.and_then(|script| script.lines().next());
        let head = first.map_or_else(|| title.to_owned(), |line| format!("Run {line}"));
        self.lines.push(format!("##[group]{head}"));
        if let Some(script) = script {
            self.lines.extend(script.lines().map(|line| format!("\u{1b}[36;1m{line}\u{1b}[0m")));
            self.lines.push("shell: /usr/bin/bash -e {0}".to_owned());
        }
        self.lines.push("##[endgroup]".to_owned());
    }

    fn script(mut self, now_ms: i64) -> JobScript {
        self.lines.push("Cleaning up orphan processes".to_owned());
        JobScript {
            name: self.name,
            conclusion: self.conclusion.unwrap_or_else(|| "failure".to_owned()),
            steps: self.steps,
            log: Some(stamped(&self.lines, now_ms).into_bytes()),
            is_log_expired: false,
            remarks: Vec::new(),
        }
    }
}

/// A line with `act`'s checkout named as GitHub names it.
fn at_home(line: &str, workspace: &str) -> String {
    const HOST: &str = "/hostexecutor";
    let mut rest = line;
    let mut out = String::new();
    while let Some(end) = rest.find(HOST) {
        let begin = rest[..end].rfind([' ', '"', '\'', '=', '(']).map_or(0, |at| at + 1);
        out.push_str(&rest[..begin]);
        out.push_str(workspace);
        rest = &rest[end + HOST.len()..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "jobs:\n  test:\n    steps:\n      - uses: a/b@c\n      - run: |\n          x\n          y\n";

    #[test]
    fn jobs_steps_and_logs_are_made_of_what_is_said() {
        let mut jobs = Jobs::of(FILE, "acme/widget");
        let mut shells = Vec::new();
        for line in [
            r#"{"job":"ci/test ","jobID":"test","msg":"⭐ Run Main x","stage":"Main","stepID":["1"]}"#,
            r#"{"job":"ci/test ","jobID":"test","msg":"bad: /c/act/1/hostexecutor/a.rs\n","raw_output":true,"stage":"Main","stepID":["1"]}"#,
            r#"{"job":"ci/test ","jobID":"test","msg":"the endall was said in shell 12\n","raw_output":true,"stage":"Main","stepID":["1"]}"#,
            r#"{"job":"ci/test ","jobID":"test","msg":"all was said in shell 13\n","raw_output":true,"stage":"Main","stepID":["1"]}"#,
            r#"{"job":"ci/test ","jobID":"test","msg":"no","stage":"Main","stepID":["1"],"stepResult":"failure"}"#,
            r#"{"job":"ci/test ","jobID":"test","level":"error","msg":"exit status 3","stage":"Main","stepID":["1"]}"#,
            r#"{"job":"ci/test ","jobID":"test","jobResult":"failure","msg":"Job failed"}"#,
        ] {
            shells.extend(jobs.hears(line));
        }
        assert_eq!(shells, [12, 13]);
        let script = jobs.script(0);
        assert_eq!(script.conclusion.as_deref(), Some("failure"));
        let job = &script.jobs[0];
        assert_eq!((job.name.as_str(), job.conclusion.as_str()), ("test", "failure"));
        assert_eq!(job.steps, [("Run x".to_owned(), "failure".to_owned())]);
        let log = String::from_utf8(job.log.clone().unwrap()).unwrap();
        let lines: Vec<&str> =
            log.lines().map(|line| &line[line.find(' ').unwrap() + 1..]).collect();
        assert_eq!(
            lines,
            [
                "Current runner version: '2.330.0'",
                "##[group]Run x",
                "\u{1b}[36;1mx\u{1b}[0m",
                "\u{1b}[36;1my\u{1b}[0m",
                "shell: /usr/bin/bash -e {0}",
                "##[endgroup]",
                "bad: /home/runner/work/widget/widget/a.rs",
                "the end",
                "##[error]Process completed with exit code 3.",
                "Cleaning up orphan processes",
            ]
        );
    }
}
