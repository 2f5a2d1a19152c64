//! Real webhook payloads, one line each: the domain event that they become, or why none.
//!
//! The bodies are those of `tests/fixtures/github-payloads`, of github.com and of an older
//! Enterprise Server, byte for byte. Many were sent to a repository's own webhook and name no
//! installation; those are read once more as if they had been sent to ours.

mod variants;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use insta::assert_snapshot;
use selfheal::domain::event::{Event, Reading};
use selfheal::domain::pull::{Head, PullHead, Repo};
use selfheal::forge::github::webhook::{Context, concerns, kept, read, sort};
use selfheal::ports::inbound::Sorted;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A push of one commit.
const PUSH: &str = "push/api.github.com.with-no-username-committer.json";

const CONTEXT: Context = Context { app_id: 29_310 };

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/github-payloads")
}

/// Every payload with the event that its folder is named after.
fn files() -> Vec<(String, PathBuf)> {
    let events = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, PathBuf)> = events
        .filter(|path| path.is_dir())
        .flat_map(|dir| {
            let event = dir.file_name().unwrap().to_str().unwrap().to_owned();
            let entries = std::fs::read_dir(dir).unwrap();
            entries.map(move |file| (event.clone(), file.unwrap().path())).collect::<Vec<_>>()
        })
        .collect();
    files.sort();
    files
}

fn of_repo(repo: &Repo) -> String {
    format!("{} (repo {}, installation {})", repo.slug, repo.id.get(), repo.installation.get())
}

fn of_head(head: &Head) -> String {
    let lives = head.repo.map_or("gone".to_owned(), |repo| repo.get().to_string());
    format!("{} at {} in {lives}", head.branch, &head.sha.as_str()[..7])
}

fn of_pull(pull: &PullHead) -> String {
    let PullHead { repo, number, head, base, state, .. } = pull;
    format!("{} #{} {state:?}, {} onto {base}", of_repo(repo), number.get(), of_head(head))
}

fn shown(event: &Event) -> String {
    match event {
        Event::PullChanged { pull, change, actor } => {
            let by = actor.as_ref().map_or("nobody", |actor| actor.login.as_str());
            format!("pull request {change:?} by {by}: {}", of_pull(pull))
        }
        Event::CiMoved { repo, sha, head, head_owner, pulls, run } => {
            let owner = head_owner.as_ref().map_or("nobody", |owner| owner.as_str());
            let head = head.as_ref().map(|head| format!("{} of {owner}", of_head(head)));
            let head = head.unwrap_or("a head not said".to_owned());
            let pulls: Vec<u64> = pulls.iter().map(|pull| pull.get()).collect();
            let run = run.map(selfheal::domain::ids::RunId::get);
            let sha = &sha.as_str()[..7];
            let repo = of_repo(repo);
            format!("CI moved: {repo} {sha}, {head}, pulls {pulls:?}, run {run:?}")
        }
        Event::Rerequested { repo, sha, actor, .. } => {
            format!("rerequested by {}: {} {}", actor.login, of_repo(repo), &sha.as_str()[..7])
        }
        Event::Pressed { repo, check, button, actor, .. } => {
            let check = check.get();
            format!("{button} pressed by {}: {} check {check}", actor.login, of_repo(repo))
        }
        Event::Commented { repo, number, body, actor, at, .. } => {
            let (repo, number) = (of_repo(repo), number.get());
            let at = at.map_or(0, selfheal::domain::ids::Timestamp::millis);
            format!("comment by {} at {at}: {repo} #{number} {body:?}", actor.login)
        }
        Event::Pushed { repo, branch, after, reverted: _, touched: _ } => {
            let after = after.as_ref().map_or("gone", |sha| &sha.as_str()[..7]);
            format!("push: {} {branch} {after}", of_repo(repo))
        }
        Event::MergeGroup { repo, sha, stage } => {
            format!("merge group {stage:?}: {} {}", of_repo(repo), &sha.as_str()[..7])
        }
        Event::Installation { installation, change, added, removed } => {
            let (added, removed) = (added.len(), removed.len());
            format!("installation {} {change:?}, +{added} -{removed}", installation.get())
        }
        Event::Ping => "ping".to_owned(),
    }
}

#[track_caller]
fn reading(event: &str, bytes: &[u8]) -> Result<String, String> {
    let reading = read(event, bytes, CONTEXT).unwrap();
    let kept = kept(bytes).unwrap();
    assert_eq!(read(event, &kept, CONTEXT).unwrap(), reading, "what is kept says the same");
    match reading {
        Reading::Event(event) => Ok(shown(&event)),
        Reading::NoInterest(why) => Err(why.to_owned()),
    }
}

#[test]
fn every_real_payload_becomes_the_right_event_or_says_why_none() {
    let mut table = String::new();
    for (event, path) in files() {
        let bytes = std::fs::read(&path).unwrap();
        let mut body: Value = serde_json::from_slice(&bytes).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let action = body["action"].as_str().unwrap_or("-").to_owned();
        let name_alone = concerns(&event, &action);
        let line = match reading(&event, &bytes) {
            Ok(line) => {
                assert!(name_alone, "{event}.{action} is of interest, its name must say so");
                line
            }
            Err(why) if why == "not sent to an installation of the App" => {
                body["installation"] = json!({ "id": 1 });
                let line = reading(&event, body.to_string().as_bytes());
                assert!(name_alone || line.is_err(), "{event}.{action} is of interest");
                format!("[not ours] {}", line.unwrap_or_else(|why| format!("nothing: {why}")))
            }
            Err(why) => format!("nothing: {why}"),
        };
        table += &format!("{event}/{name} ({action})\n    {line}\n");
    }
    assert_snapshot!(table);
}

/// The payload as an App gets it.
fn sent_to_app(path: &Path) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    body["installation"] = json!({ "id": 1 });
    body.to_string().into_bytes()
}

#[test]
fn the_door_keeps_everything_that_becomes_an_event() {
    let (mut kept, mut dropped) = (0, 0);
    for (event, path) in files() {
        let bytes = Bytes::from(sent_to_app(&path));
        match (sort(&event, &bytes, CONTEXT).unwrap(), read(&event, &bytes, CONTEXT).unwrap()) {
            (Sorted::Kept { repo, .. }, Reading::Event(read)) => {
                assert_eq!(repo, read.repo(), "{}", path.display());
                kept += 1;
            }
            (Sorted::Kept { .. }, Reading::NoInterest(_)) => kept += 1,
            (Sorted::NoInterest(_), Reading::NoInterest(_)) => dropped += 1,
            (Sorted::NoInterest(why), Reading::Event(_)) => panic!("{}: {why}", path.display()),
        }
    }
    assert!(kept > 10 && dropped > 10, "{kept} kept, {dropped} dropped");
}

#[test]
fn what_is_kept_of_a_payload_says_what_all_of_it_said() {
    let (mut whole, mut small) = (0, 0);
    for (event, path) in files() {
        let bytes = Bytes::from(sent_to_app(&path));
        let kept = kept(&bytes).unwrap();
        let (of_kept, of_all) = (read(&event, &kept, CONTEXT), read(&event, &bytes, CONTEXT));
        assert_eq!(of_kept.unwrap(), of_all.unwrap(), "{}", path.display());
        if let Sorted::Kept { body, .. } = sort(&event, &bytes, CONTEXT).unwrap() {
            assert_eq!(body, kept, "{}", path.display());
            (whole, small) = (whole + bytes.len(), small + kept.len());
        }
    }
    assert!(small * 20 < whole, "{small} of {whole} bytes are kept");
}

#[test]
fn nothing_is_kept_that_nobody_reads() {
    for (name, file) in [
        (
            "kept_of_a_pull_request",
            "pull_request/octocrab-tests.pull_request_synchronize_webhook_event.json",
        ),
        ("kept_of_a_push", PUSH),
        ("kept_of_a_comment", "issue_comment/api.github.com.created.json"),
    ] {
        let kept = kept(&sent_to_app(&root().join(file))).unwrap();
        let kept: Value = serde_json::from_slice(&kept).unwrap();
        assert_snapshot!(name, format!("{kept:#}"));
    }
}

#[test]
fn of_a_commits_message_it_is_kept_what_it_reverts() {
    let (one, other) = ("a".repeat(40), "b".repeat(40));
    let message = format!(
        "Revert two\n\nThis reverts commit {one}.\nThis reverts commit {other}, too.\n\n\
         Signed-off-by: Mona <mona@example.com>"
    );
    let mut body: Value = serde_json::from_slice(&sent_to_app(&root().join(PUSH))).unwrap();
    body["commits"][0]["message"] = json!(message);
    let bytes = body.to_string();
    let kept = kept(bytes.as_bytes()).unwrap();
    let reading = read("push", &kept, CONTEXT).unwrap();
    assert_eq!(reading, read("push", bytes.as_bytes(), CONTEXT).unwrap());
    let Reading::Event(event) = reading else { panic!("{reading:?}") };
    let Event::Pushed { reverted, .. } = *event else { panic!("{event:?}") };
    assert_eq!(reverted.len(), 2);
    assert!(!String::from_utf8_lossy(&kept).contains("Mona"));
}

#[test]
fn the_payloads_are_those_of_their_sources_to_the_last_byte() {
    let manifest = std::fs::read(root().join("manifest.json")).unwrap();
    let manifest: Vec<Value> = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest.len(), files().len(), "each payload says where it is from");
    for entry in manifest {
        let name = entry["file"].as_str().unwrap();
        let bytes = std::fs::read(root().join(name)).unwrap();
        assert_eq!(
            hex::encode(Sha256::digest(&bytes)),
            entry["sha256"].as_str().unwrap(),
            "{name}"
        );
    }
}

#[test]
fn payloads_that_break_off_are_refused_and_nothing_panics() {
    for (event, path) in files() {
        let bytes = std::fs::read(&path).unwrap();
        assert!(read(&event, &bytes[..bytes.len() / 2], CONTEXT).is_err(), "{}", path.display());
    }
}

#[test]
fn unknown_events_actions_and_fields_are_normal() {
    let check = |event: &str, body: Value| {
        let bytes = serde_json::to_vec(&body).unwrap();
        let reading = read(event, &bytes, CONTEXT).unwrap();
        assert!(matches!(reading, Reading::NoInterest(_)), "{event}: {reading:?}");
    };
    check("sponsorship", json!({ "action": "created", "installation": { "id": 1 } }));
    check("pull_request", json!({ "action": "levitated", "installation": { "id": 1 } }));
    check("pull_request", json!({ "action": "opened", "pull_request": 7, "x": [null] }));
    check("workflow_run", json!({ "action": 3, "workflow_run": "no" }));
    check("status", json!({}));
}

#[test]
fn deep_and_absurd_bodies_end_in_an_answer() {
    let deep = format!("{{\"action\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let reading = read("pull_request", deep.as_bytes(), CONTEXT).unwrap();
    assert!(matches!(reading, Reading::NoInterest(_)), "a part that nobody can read is missing");
    let ignored = format!("{{\"nobody_reads\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let _ = read("pull_request", ignored.as_bytes(), CONTEXT); // an answer of either kind
    let numbers = json!({ "installation": { "id": -1 }, "number": 1.5e300 });
    let _ = read("pull_request", &serde_json::to_vec(&numbers).unwrap(), CONTEXT);
    assert!(read("push", b"[]", CONTEXT).is_err());
    assert!(read("push", b"\xff\xfe", CONTEXT).is_err());
    assert!(read("push", b"", CONTEXT).is_err());
}
