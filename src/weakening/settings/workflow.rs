//! Workflows of GitHub and pipelines of GitLab by their structure: checks that run on fewer
//! occasions than they did, or whose failure nobody sees.
//!
//! Not an interpreter: a condition is not computed, a new one is told of. The invariant: a file that
//! cannot be read as YAML is left to the rules for lines, which look at it all the same.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::{CHECKS, EXCLUDED};
use crate::domain::gate::{Finding, Weight};
use crate::weakening::{Change, finding, shown};

const IGNORED: &str = "failure-ignored";

/// The longest file that is read by its structure.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// The deepest nesting, and the most nodes, of one that people write.
const DEPTH_MAX: usize = 40;
const NODES_MAX: usize = 20_000;
const ALIASES_MAX: usize = 200;

/// The most checks of one file that are compared, and the most entries of one list.
const CHECKS_MAX: usize = 500;
const ENTRIES_MAX: usize = 500;

/// The longest line of a script that is looked at.
const LINE_BYTES_MAX: usize = 2_000;

/// The most jobs with fewer legs that are told of.
const TOLD_MAX: usize = 20;

/// A command that checks, and when it runs.
#[derive(Debug)]
struct Check {
    /// What is run: `npm test`.
    command: String,
    /// Its line.
    line: String,
    /// The conditions of its job and step.
    conditions: Vec<String>,
    /// Ways in which its failure is not seen.
    masks: Vec<&'static str>,
}

/// Tells of checks that a workflow runs less often, or without hearing them.
pub fn look(change: &Change<'_>, found: &mut Vec<Finding>) {
    let path = change.path.as_str();
    let is_github = path.contains(".github/workflows/");
    let is_gitlab = path.ends_with(".gitlab-ci.yml") || path.contains(".gitlab/ci/");
    if !is_github && !is_gitlab {
        return;
    }
    let (Some(old), Some(new)) = (read(change.old.text()), read(change.new.text())) else { return };
    let jobs = if is_github { of_github } else { of_gitlab };
    compare(change, (&jobs(&old), &jobs(&new)), found);
    if is_github {
        legs(change, (&old, &new), found);
        occasions(change, (&old, &new), found);
    }
}

fn read(text: &str) -> Option<Map<String, Value>> {
    if text.len() > FILE_BYTES_MAX {
        return None;
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 3 * NODES_MAX,
            max_anchors: ALIASES_MAX,
            max_aliases: ALIASES_MAX,
            max_merge_keys: ALIASES_MAX,
            max_documents: 2,
            max_recorded_anchor_events: NODES_MAX,
            max_recorded_anchor_bytes: 4 * FILE_BYTES_MAX,
            max_total_scalar_bytes: 4 * FILE_BYTES_MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: NODES_MAX,
            max_replay_stack_depth: DEPTH_MAX,
        },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

/// A value in words: lists and records as they are written in JSON.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn of_github(workflow: &Map<String, Value>) -> Vec<Check> {
    let jobs = workflow.get("jobs").and_then(Value::as_object);
    let mut checks = Vec::new();
    for job in jobs.into_iter().flat_map(Map::values) {
        let steps = job.get("steps").and_then(Value::as_array);
        for step in steps.into_iter().flatten() {
            let Some(run) = step.get("run").and_then(Value::as_str) else { continue };
            let ifs = [job.get("if"), step.get("if")];
            let conditions = ifs.into_iter().flatten().filter_map(narrowing);
            let shell = step.get("shell").and_then(Value::as_str).unwrap_or_default();
            of_script(run, (shell, &conditions.collect::<Vec<_>>()), &mut checks);
        }
    }
    checks
}

fn of_gitlab(pipeline: &Map<String, Value>) -> Vec<Check> {
    const OCCASIONS: [&str; 4] = ["rules", "only", "except", "when"];
    let mut checks = Vec::new();
    for job in pipeline.values() {
        let Some(script) = job.get("script") else { continue };
        let lines = match script {
            Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
            Value::String(text) => vec![text.as_str()],
            _ => Vec::new(),
        };
        let conditions: Vec<String> = OCCASIONS
            .iter()
            .filter_map(|key| Some(format!("{key}: {}", said(job.get(*key)?))))
            .filter(|condition| condition != "when: always" && condition != "when: on_success")
            .collect();
        of_script(&lines.join("\n"), ("", &conditions), &mut checks);
    }
    checks
}

/// A condition that lets a step run on fewer occasions than none does; not one that lets it run on
/// more.
fn narrowing(condition: &Value) -> Option<String> {
    let text = said(condition);
    let bare = text.trim_start_matches("${{").trim_end_matches("}}").replace(' ', "");
    let is_wider = matches!(
        bare.as_str(),
        "always()"
            | "!cancelled()"
            | "success()"
            | "success()||failure()"
            | "failure()||success()"
            | "true"
    );
    (!is_wider).then_some(text)
}

/// The commands of a script that check.
fn of_script(script: &str, (shell, conditions): (&str, &[String]), checks: &mut Vec<Check>) {
    let has_pipefail = script.contains("pipefail") || shell.starts_with("bash");
    let mut is_over = false;
    let mut depth = 0_usize;
    for line in script.lines() {
        let line = line.trim();
        if line.starts_with('#') || line.len() > LINE_BYTES_MAX {
            continue;
        }
        let first = line.split([' ', ';']).next().unwrap_or_default();
        let hits: Vec<_> = CHECKS.find_iter(line).collect();
        for hit in &hits {
            let (before, after) = (&line[..hit.start()], &line[hit.end()..]);
            let mut masks = Vec::new();
            if is_over {
                masks.push("the script ends before it");
            }
            if is_piped(after) && !has_pipefail {
                masks.push("what it says is piped on, and how it ended is lost");
            }
            if after.trim_end().ends_with('&') && !after.trim_end().ends_with("&&") {
                masks.push("nobody waits for it");
            }
            if ASKED.is_match(before) {
                masks.push("it is only asked for");
            }
            if shell.contains("{0}") && !shell.contains("-e") {
                masks.push("its shell goes on after a failure");
            }
            if checks.len() < CHECKS_MAX {
                let words = hit.as_str().split_whitespace().collect::<Vec<_>>();
                checks.push(Check {
                    command: words.join(" "),
                    line: line.to_owned(),
                    conditions: conditions.to_vec(),
                    masks,
                });
            }
        }
        let is_block = matches!(first, "if" | "for" | "while" | "until" | "case");
        let is_end = matches!(first, "fi" | "done" | "esac");
        depth = (depth + usize::from(is_block)).saturating_sub(usize::from(is_end));
        is_over |= depth == 0 && matches!(line.trim_end_matches(';'), "exit 0" | "exit");
    }
}

/// What stands before a command whose end is a condition and no failure.
static ASKED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[;&|]\s*)(?:(?:if|while|until)\s|!\s)[^;]*$").expect("invariant: built in")
});

/// Whether a line's rest sends its words to another command.
fn is_piped(after: &str) -> bool {
    let bytes = after.as_bytes();
    (0..bytes.len()).any(|at| {
        let beside = |at: Option<usize>| at.and_then(|at| bytes.get(at)).copied();
        bytes[at] == b'|'
            && beside(at.checked_sub(1)) != Some(b'|')
            && !matches!(beside(Some(at + 1)), Some(b'|'))
            && beside(at.checked_sub(1)) != Some(b'>')
    })
}

fn compare(change: &Change<'_>, (old, new): (&[Check], &[Check]), found: &mut Vec<Finding>) {
    let mut seen: Vec<&str> = Vec::new();
    for was in old {
        let command = was.command.as_str();
        if seen.contains(&command) {
            continue;
        }
        seen.push(command);
        let of = |checks: &'_ [Check]| -> Vec<usize> {
            (0..checks.len()).filter(|at| checks[*at].command == command).collect()
        };
        let (before, after) = (of(old), of(new));
        let is_masked = |check: &Check, others: &[usize]| {
            let new_mask =
                |mask: &&&'static str| !others.iter().any(|at| old[*at].masks.contains(mask));
            check.masks.iter().find(new_mask).copied()
        };
        if let Some((check, mask)) =
            after.iter().find_map(|at| is_masked(&new[*at], &before).map(|mask| (&new[*at], mask)))
        {
            let message = format!("`{}` may fail unseen: {mask}", shown(&check.line));
            found.push(finding(IGNORED, change.path, line_of(change, &check.line), message));
        }
        // As many as before without a condition, or more of them with one each.
        let free = |checks: &[Check], of: &[usize]| {
            of.iter().filter(|at| checks[**at].conditions.is_empty()).count()
        };
        let is_kept = free(new, &after) >= free(old, &before).min(1) || after.len() > before.len();
        let known: Vec<&String> = before.iter().flat_map(|at| &old[*at].conditions).collect();
        let added = after.iter().flat_map(|at| &new[*at].conditions);
        let added = added.filter(|condition| !known.contains(condition)).collect::<Vec<_>>();
        if let (Some(condition), false) = (added.first(), is_kept && free(old, &before) > 0) {
            let message = format!("`{command}` runs only on a condition: `{}`", shown(condition));
            let told = finding(IGNORED, change.path, line_of(change, condition), message);
            found.push(Finding { weight: Weight::Hold, ..told });
        }
    }
}

/// The line on which some words stand.
fn line_of(change: &Change<'_>, words: &str) -> Option<u32> {
    let wanted = words.lines().next()?;
    (1..).zip(change.new.text().lines()).find(|(_, line)| line.contains(wanted)).map(|(at, _)| at)
}

type Both<'a> = (&'a Map<String, Value>, &'a Map<String, Value>);

/// Jobs that run on fewer systems or versions than they did.
fn legs(change: &Change<'_>, (old, new): Both<'_>, found: &mut Vec<Finding>) {
    let jobs = |of: &Map<String, Value>| of.get("jobs").and_then(Value::as_object).cloned();
    let (Some(old), Some(new)) = (jobs(old), jobs(new)) else { return };
    let mut told = 0;
    for (name, was) in &old {
        let Some((was, is)) = count(was).zip(new.get(name).and_then(count)) else { continue };
        if is < was && told < TOLD_MAX {
            told += 1;
            let message =
                format!("`{}` runs {is} times, it was {was}: its matrix is smaller", shown(name));
            let told = finding(EXCLUDED, change.path, line_of(change, "matrix"), message);
            found.push(Finding { weight: Weight::Hold, ..told });
        }
    }
}

/// How often a job's matrix runs it; `None` where it is computed.
fn count(job: &Value) -> Option<usize> {
    let matrix = job.get("strategy")?.get("matrix")?.as_object()?;
    let more = |key: &str| matrix.get(key).and_then(Value::as_array).map_or(0, Vec::len);
    let mut all = 1_usize;
    for (key, values) in matrix {
        if key != "include" && key != "exclude" {
            all = all.checked_mul(values.as_array()?.len())?;
        }
    }
    let has_axes = matrix.keys().any(|key| key != "include" && key != "exclude");
    let all = if has_axes { all } else { 0 };
    Some((all + more("include")).saturating_sub(more("exclude")))
}

/// Occasions on which a workflow no longer runs by itself.
fn occasions(change: &Change<'_>, (old, new): Both<'_>, found: &mut Vec<Finding>) {
    const PULL: [&str; 3] = ["pull_request", "pull_request_target", "merge_group"];
    const FILTERS: [&str; 4] = ["paths", "paths-ignore", "branches-ignore", "types"];
    let mut tell = |words: &str, message: String| {
        let told = finding(IGNORED, change.path, line_of(change, words), message);
        found.push(Finding { weight: Weight::Hold, ..told });
    };
    let (Some(was), Some(is)) = (old.get("on"), new.get("on")) else { return };
    let has = |on: &Value, event: &str| match on {
        Value::String(one) => one == event,
        Value::Array(all) => all.iter().any(|one| one == event),
        Value::Object(all) => all.contains_key(event),
        _ => false,
    };
    if PULL.iter().any(|event| has(was, event)) && !PULL.iter().any(|event| has(is, event)) {
        tell("on", "the workflow no longer runs on pull requests".to_owned());
    }
    for event in ["push", "pull_request", "pull_request_target"] {
        let Some(now) = is.get(event).filter(|_| has(was, event)) else { continue };
        for filter in FILTERS {
            let of = |on: &Value| -> Vec<String> {
                let list = on.get(event).and_then(|event| event.get(filter));
                list.and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .take(ENTRIES_MAX)
                    .map(said)
                    .collect()
            };
            let (before, after) = (of(was), of(is));
            let is_more = match filter {
                "paths" | "types" => {
                    before.iter().any(|one| !after.contains(one)) && !after.is_empty()
                }
                _ => false,
            };
            let is_first = before.is_empty() && now.get(filter).is_some();
            let mut added = after.iter().filter(|one| !before.contains(one));
            let leaves_code = match filter {
                "paths-ignore" => added.any(|one| !is_prose(one)),
                "branches-ignore" => added.next().is_some(),
                _ => is_more || is_first,
            };
            if leaves_code {
                let message = format!("`{event}` starts the workflow less often: `{filter}`");
                tell(filter, message);
            }
        }
    }
}

/// Whether a pattern of paths is about prose only.
fn is_prose(pattern: &str) -> bool {
    let lower = pattern.to_lowercase();
    [".md", ".rst", ".txt", ".adoc"].iter().any(|end| lower.ends_with(end))
        || lower.starts_with("docs/")
        || lower.starts_with("**/docs/")
        || ["license", "changelog", "readme", ".gitignore", ".github/issue_template"]
            .iter()
            .any(|part| lower.contains(part))
}
