//! What is promised of hostile input, one function a reader: it panics when a promise is broken.
//!
//! The tests beside this file and the targets of `fuzz/` call the same functions. A promise knows
//! nothing of what an input means, only what may never happen: a panic, an output over its limit, a
//! character that could mislead a reader or a terminal, a known secret.

use selfheal::config::repository::{self, PROBLEMS_MAX};
use selfheal::documents::{self, BadDocument, Front};
use selfheal::domain::brief::{Identity, StageReport};
use selfheal::domain::command::{COMMAND_CHARS_MAX, COMMANDS_PER_COMMENT_MAX, commands_in};
use selfheal::domain::document::{DOCUMENT_BYTES_MAX, Document, DocumentName, Stage};
use selfheal::domain::failure::{FAILURES_MAX, Failure, MESSAGE_BYTES_MAX};
use selfheal::domain::gate::patch::{PatchToJudge, judge};
use selfheal::domain::ids::{AttemptId, RepoPath};
use selfheal::domain::outcome::Outcome;
use selfheal::domain::patch::{self, Patch};
use selfheal::domain::policy::Policy;
use selfheal::evidence::{self, Hints, Matcher, Reading};
use selfheal::forge::github::signature;
use selfheal::forge::github::webhook::{self, Context};
use selfheal::report;
use selfheal::service::archive;
use selfheal::weakening::{self, Change, Side};
use serde::de::IgnoredAny;
use serde_json::Value;

/// A secret that callers know; corpus and mutations put it where it may leak.
pub(crate) const SECRET: &str = "hunter2-battery-stapler1";
/// The same as programs print it.
pub(crate) const SECRET_FORMS: &[&str] = &[
    SECRET,
    "aHVudGVyMi1iYXR0ZXJ5LXN0YXBsZXIx",
    "68756e746572322d626174746572792d737461706c657231",
];

/// The longest secret that a caller knows: a key in PEM.
const SECRET_BYTES_MAX: usize = 4 * 1024;
/// The longest code, test, task, tool, step or suggestion.
const FIELD_BYTES_MAX: usize = 1024;
/// The longest path.
const PATH_BYTES_MAX: usize = 4096;
/// The most commands of one log, and the longest.
const COMMANDS_MAX: usize = 5;
const COMMAND_BYTES_MAX: usize = 4 * 1024;
/// Notes are ours and few.
const NOTES_MAX: usize = 16;
/// The most problem matchers of one file.
const MATCHERS_MAX: usize = 64;
/// Excerpts that are asked for.
const BUDGETS_BYTES: &[usize] = &[0, 200, 8 * 1024];
/// The longest line about a mistake in a repository file: place, key, value, what is allowed.
const PROBLEM_CHARS_MAX: usize = 2_000;

/// A job's log: few failures, short fields, an excerpt within its budget, no secret.
pub(crate) fn parse(log: &[u8]) {
    for exit_code in [None, Some(1)] {
        let known_secrets = &[SECRET];
        let hints = Hints { known_secrets, exit_code, ..Hints::default() };
        let reading = evidence::read(log, &hints);
        bounded(&reading);
        for budget in BUDGETS_BYTES {
            let pieces = reading.pieces(*budget);
            let excerpt = evidence::joined(&pieces);
            assert!(excerpt.len() <= *budget, "{} bytes of {budget}: {excerpt:?}", excerpt.len());
            harmless(&excerpt);
            secretless(&excerpt);
        }
        let json = evidence::failures_json(&reading, &reading.pieces(8 * 1024));
        each_text(&json, &|text| {
            harmless(text);
            secretless(text);
        });
        reading.commands.iter().for_each(|command| secretless(command));
    }
}

/// A structured report: the same.
pub(crate) fn report(bytes: &[u8]) {
    let known_secrets = &[SECRET];
    let hints = Hints { known_secrets, ..Hints::default() };
    let Some(reading) = evidence::read_report(bytes, &hints) else { return };
    bounded(&reading);
    for budget in BUDGETS_BYTES {
        let excerpt = reading.excerpt(*budget);
        assert!(excerpt.len() <= *budget, "{} bytes of {budget}: {excerpt:?}", excerpt.len());
    }
    each_text(&evidence::failures_json(&reading, &reading.pieces(8 * 1024)), &|text| {
        harmless(text);
        secretless(text);
    });
}

/// A file of problem matchers on the first line, a log below: few matchers or a short mistake, and
/// the same of the log as ever.
pub(crate) fn matchers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (file, log) = text.split_once('\n').unwrap_or((&text, ""));
    let matchers = match Matcher::parse_file(file) {
        Ok(matchers) => matchers,
        Err(wrong) => {
            assert!(wrong.to_string().chars().count() <= PROBLEM_CHARS_MAX, "{wrong}");
            return;
        }
    };
    assert!(matchers.len() <= MATCHERS_MAX, "{}", matchers.len());
    let known_secrets = &[SECRET];
    let hints = Hints { known_secrets, matchers: &matchers, ..Hints::default() };
    let reading = evidence::read(log.as_bytes(), &hints);
    bounded(&reading);
    each_text(&evidence::failures_json(&reading, &reading.pieces(8 * 1024)), &|text| {
        harmless(text);
        secretless(text);
    });
}

/// A text and, on its first line, a secret in it: the secret does not survive.
pub(crate) fn redact(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // Texts are strangers', secrets are the caller's own: those have a caller's length.
    let given = text.split_once('\n').filter(|(secret, _)| secret.len() <= SECRET_BYTES_MAX);
    let (secret, text) = given.unwrap_or((SECRET, &text));
    let redacted = evidence::redact(text, &[secret, SECRET]);
    secretless(&redacted);
    // A short value is an ordinary word; one with brackets, or of the mark's own letters, may come
    // to stand there by the mark.
    let is_secret =
        secret.len() >= 6 && !secret.contains(['[', ']']) && !"redacted".contains(secret);
    assert!(!is_secret || !redacted.contains(secret), "{secret:?} in {redacted:?}");
}

/// A comment: few commands, shortly quoted.
pub(crate) fn slash_command(bytes: &[u8]) {
    let commands = commands_in(&String::from_utf8_lossy(bytes));
    assert!(commands.len() <= COMMANDS_PER_COMMENT_MAX, "{commands:?}");
    for command in commands {
        assert!(command.text.chars().count() <= COMMAND_CHARS_MAX, "{command:?}");
        assert!(!command.text.contains('\n'), "{command:?}");
    }
}

/// A repository file: a policy, or a few mistakes, each on one short line.
pub(crate) fn repository_file(bytes: &[u8]) {
    let Err(problems) = repository::check(&String::from_utf8_lossy(bytes)) else { return };
    assert!((1..=PROBLEMS_MAX).contains(&problems.len()), "{problems:?}");
    for problem in problems {
        let told = problem.to_string();
        assert!(told.chars().count() <= PROBLEM_CHARS_MAX, "{told:?}");
        assert!(!told.chars().any(char::is_control), "{told:?}");
    }
}

/// A delivery's body, under every event's name: only what is no JSON object is an error.
pub(crate) fn webhook(body: &[u8]) {
    const EVENTS: &[&str] = &[
        "ping",
        "pull_request",
        "workflow_run",
        "check_run",
        "check_suite",
        "status",
        "issue_comment",
        "pull_request_review_comment",
        "push",
        "merge_group",
        "installation",
        "installation_repositories",
        "star",
    ];
    for event in EVENTS {
        let reading = webhook::read(event, body, Context { app_id: 1 });
        let is_object = body.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<IgnoredAny>(body).is_ok();
        assert!(is_object || reading.is_err(), "{event}: {reading:?}");
        match (reading, webhook::kept(body)) {
            (Ok(reading), Ok(kept)) => {
                // A list in an object's place is written with the names of its fields.
                assert!(kept.len() <= 8 * body.len(), "{event}: {} bytes are kept", kept.len());
                let again = webhook::read(event, &kept, Context { app_id: 1 });
                assert_eq!(again, Ok(reading), "{event}: {}", String::from_utf8_lossy(&kept));
            }
            (Err(_), Err(_)) => {}
            (reading, kept) => panic!("{event}: {reading:?}, {kept:?}"),
        }
    }
}

/// A signature header: accepted when it has the documented form, and in no other.
pub(crate) fn signature(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let digits = text.strip_prefix("sha256=").unwrap_or_default();
    let has_form = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = signature::digest_in(Some(&text));
    assert_eq!(digest.is_ok(), has_form, "{text:?}: {digest:?}");
    // Nobody has a secret here, so nothing is authentic.
    assert!(signature::verify(&[bytes], Some(&text), &[]).is_err(), "{text:?}");
}

/// An archive: a few files of bounded sizes, or a refusal.
pub(crate) fn archive(bytes: &[u8]) {
    let Ok(files) = archive::files(bytes) else { return };
    assert!(files.len() <= archive::ENTRIES_MAX, "{} files", files.len());
    let sizes: Vec<u64> = files.iter().map(|file| file.len() as u64).collect();
    assert!(sizes.iter().all(|size| *size <= archive::ENTRY_BYTES_MAX), "{sizes:?}");
    assert!(sizes.iter().sum::<u64>() <= archive::TOTAL_BYTES_MAX, "{sizes:?}");
}

/// A document of an attempt: what is read is written and read again as the same, and a mistake is
/// told shortly.
pub(crate) fn document(bytes: &[u8]) {
    let body = String::from_utf8_lossy(bytes);
    one_document::<documents::TaskInput>(&body);
    one_document::<documents::TriagePlan>(&body);
    one_document::<documents::State>(&body);
    one_document::<documents::ValidationStrategy>(&body);
    one_document::<documents::VerificationResults>(&body);
    one_document::<documents::AssumptionAnalysis>(&body);
    for stage in Stage::ALL {
        at_the_door(stage, &body);
    }
}

/// What a server says of a stage's report with that text as each of its documents.
fn at_the_door(stage: Stage, body: &str) {
    let of = |name: &DocumentName| Document { name: *name, round: 1, body: body.into() };
    let report = StageReport {
        stage,
        round: 1,
        documents: stage.writes().iter().map(of).collect(),
        work_in_progress: Patch::default(),
        remedies_in_vain: Vec::new(),
    };
    if let Err(refused) = documents::taken(&report, AttemptId::parse(ATTEMPT).unwrap()) {
        let told = refused.to_string();
        assert!(told.chars().count() <= PROBLEM_CHARS_MAX && !told.contains('\n'), "{told:?}");
        harmless(&told);
    }
}

/// The attempt of the corpus.
const ATTEMPT: &str = "att_00000000000000000000000000000001";

/// Nothing of a shorter document has to be cut when it is written again.
const CUT_FROM_BYTES: usize = DOCUMENT_BYTES_MAX / 16;

fn one_document<T: Front>(body: &str) {
    let attempt = AttemptId::parse(ATTEMPT).unwrap();
    let read = |body: &str| {
        documents::read::<T>(&[Document { name: T::NAME, round: 1, body: body.into() }], attempt, 1)
    };
    let told = match read(body) {
        Ok(front) => match documents::write(&front, "") {
            Ok(again) => {
                let front = serde_json::to_value(&front).unwrap();
                let again = read(&again.body).unwrap();
                let again = serde_json::to_value(&again).unwrap();
                assert!(again == front || body.len() > CUT_FROM_BYTES, "{body:?}");
                return;
            }
            Err(error @ BadDocument::TooLarge { .. }) => error.to_string(),
            Err(error) => panic!("{body:?} was read and cannot be written: {error}"),
        },
        Err(error) => error.to_string(),
    };
    assert!(told.chars().count() <= PROBLEM_CHARS_MAX, "{told:?}");
}

/// What a runner sends: a patch within limits, with paths that are in the repository, which gate and
/// report can look at; or a mistake.
pub(crate) fn runner(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Identity>(bytes);
    if let Ok(StageReport { work_in_progress, .. }) = serde_json::from_slice(bytes) {
        sound(&work_in_progress);
    }
    let Ok(Outcome::Proposed { patch, proof, .. }) = serde_json::from_slice(bytes) else { return };
    sound(&patch);
    let policy = Policy::default();
    let asked = PatchToJudge {
        patch: &patch,
        base: &[],
        proof: &proof,
        proof_runs: 2,
        head: &proof.head,
        policy: &policy,
        content: weakening::findings(&weakening::changes(patch.changes(), &[])),
        autonomy: None,
        failed: None,
    };
    let verdict = judge(&asked);
    assert!(!patch.is_empty() || !verdict.findings().is_empty(), "nothing is no fix");
    let diff = report::unified(&patch, &[]);
    assert!(diff.is_empty() || !patch.is_empty(), "{diff:?}");
}

fn sound(patch: &Patch) {
    let changes = patch.changes();
    assert!(changes.len() <= patch::FILES_MAX, "{} files", changes.len());
    let sizes = changes.iter().filter_map(|change| change.new.as_ref());
    let bytes: usize = sizes.map(|file| file.content.bytes().len()).sum();
    assert!(bytes <= patch::BYTES_MAX, "{bytes} bytes");
    for change in changes {
        assert!(RepoPath::parse(change.path.as_str()).is_ok(), "{:?}", change.path);
    }
}

fn bounded(reading: &Reading) {
    assert!(reading.failures.len() <= FAILURES_MAX, "{} failures", reading.failures.len());
    assert!(reading.notes.len() <= NOTES_MAX, "{:?}", reading.notes);
    assert!(reading.commands.len() <= COMMANDS_MAX, "{:?}", reading.commands);
    reading.commands.iter().for_each(|command| short(command, COMMAND_BYTES_MAX));
    for failure in &reading.failures {
        let Failure { tool, task, file, code, test, message, suggestion, source, .. } = failure;
        short(message, MESSAGE_BYTES_MAX);
        short(file.as_ref().map_or("", |file| file.as_str()), PATH_BYTES_MAX);
        for field in [tool, task, code, test, suggestion, &source.step].into_iter().flatten() {
            short(field, FIELD_BYTES_MAX);
        }
    }
}

#[track_caller]
fn short(text: &str, bytes_max: usize) {
    assert!(text.len() <= bytes_max, "{} bytes, {bytes_max} may: {text:?}", text.len());
}

/// No character that a terminal obeys, and none that hides or turns what stands beside it.
fn harmless(text: &str) {
    let bad = text.chars().find(|c| match c {
        '\n' | '\t' => false,
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}' => true,
        c => c.is_control(),
    });
    assert!(bad.is_none(), "{bad:?} in {text:?}");
}

fn secretless(text: &str) {
    let leaked = SECRET_FORMS.iter().find(|form| text.contains(**form));
    assert!(leaked.is_none(), "{leaked:?} in {text:?}");
}

fn each_text(value: &Value, check: &impl Fn(&str)) {
    match value {
        Value::String(text) => check(text),
        Value::Array(values) => values.iter().for_each(|value| each_text(value, check)),
        Value::Object(fields) => fields.values().for_each(|value| each_text(value, check)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Files that a change to be judged is of: a grammar each, settings, a language without one.
const JUDGED_PATHS: [&str; 9] = [
    "tests/a.rs",
    "a.test.ts",
    "test_a.py",
    "a_test.go",
    "src/test/java/ATest.java",
    "spec/a_spec.rb",
    "Tests/ATests.cs",
    "ci/pipeline.yml",
    "tests/ATest.kt",
];
/// The longest message of a finding: two quotations and the words around them.
const FINDING_CHARS_MAX: usize = 600;
/// A longer change is judged once: parsing it without optimisation takes long enough.
const JUDGED_TWICE_BYTES_MAX: usize = 2 * 1024;
/// The most findings of a change.
const FINDINGS_MAX: usize = 600;

/// Both sides of a change: few findings, short and on one line, and nobody's own change is one.
pub(crate) fn weakening(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let text = String::from_utf8_lossy(rest);
    let (old, new) = text.split_once('\0').unwrap_or(("", &text));
    let path = JUDGED_PATHS[usize::from(*first) % JUDGED_PATHS.len()];
    let path = RepoPath::parse(path).expect("a path");
    let judge = |old, new| weakening::findings(&[Change { path: &path, old, new }]);
    let found = judge(Side::Text(old), Side::Text(new));
    assert!(found.len() <= FINDINGS_MAX, "{} findings", found.len());
    for finding in &found {
        let message = &finding.message;
        assert!(message.chars().count() <= FINDING_CHARS_MAX, "{message}");
        assert!(!message.contains(char::is_control), "{message:?}");
    }
    assert!(judge(Side::Text(old), Side::Text(old)).is_empty(), "nothing changes");
    if bytes.len() <= JUDGED_TWICE_BYTES_MAX {
        assert_eq!(found, judge(Side::Text(old), Side::Text(new)), "the same, always");
    }
}
