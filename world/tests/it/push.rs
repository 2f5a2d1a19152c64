//! Pushes by git itself.

use serde_json::json;
use std::path::Path;
use std::process::Command;
use world::{GitUser, Level, RefUpdate};

use crate::client::Scene;

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=mona", "-c", "user.email=mona@example.com", "-C"])
        .arg(dir)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_push_by_git_is_told_like_any_other() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let old = scene.world.head_sha(&pull);
    let dir = tempfile::tempdir().unwrap();
    let bare = scene.world.git_dir(&scene.repo).display().to_string();
    git(dir.path(), &["clone", "-q", "-b", "feature", &bare, "."]);
    std::fs::write(dir.path().join("a.txt"), "a\n").unwrap();
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-q", "-m", "By hand"]);
    git(dir.path(), &["push", "-q"]);
    let new = git(dir.path(), &["rev-parse", "HEAD"]);
    scene.world.discard_webhooks();

    let update = RefUpdate { name: "refs/heads/feature".into(), old, new: new.clone() };
    let mona = GitUser::Person("mona".into());
    assert_eq!(scene.world.refuses_push(&scene.repo, &mona, &update).await.unwrap(), None);
    scene.world.received(&scene.repo, &mona, &[update]).await.unwrap();
    assert_eq!(scene.world.head_sha(&pull), new);
    assert_eq!(
        scene.world.queued_webhooks(),
        ["push", "pull_request.synchronize", "check_suite.requested"]
    );
}

#[tokio::test]
async fn git_asks_for_the_same_rights_as_the_api() {
    let scene = Scene::start().await;
    let secret = scene.world.repository("acme/secret").private().create().await.unwrap();
    let other = scene.world.repository("evil/other").private().create().await.unwrap();
    let world = &scene.world;
    let (mona, zoe) = (world.personal_token("mona"), world.personal_token("zoe"));
    let token = scene.token().await;
    let read = scene.narrowed(json!({"permissions": {"contents": "read"}})).await;
    let read = read.body["token"].as_str().unwrap().to_owned();

    assert_eq!(world.git_access(&scene.repo, None, Level::Read), Ok(GitUser::Anonymous));
    assert_eq!(world.git_access(&scene.repo, None, Level::Write), Err(401));
    assert_eq!(world.git_access(&secret, None, Level::Read), Err(401));
    let person = GitUser::Person("mona".into());
    assert_eq!(world.git_access(&scene.repo, Some(&mona), Level::Write), Ok(person));
    assert_eq!(world.git_access(&scene.repo, Some(&zoe), Level::Write), Err(403));
    assert_eq!(world.git_access(&secret, Some(&zoe), Level::Read), Err(403));
    assert_eq!(world.git_access(&secret, Some(&token), Level::Write), Ok(GitUser::App));
    assert_eq!(world.git_access(&secret, Some(&read), Level::Read), Ok(GitUser::App));
    assert_eq!(world.git_access(&secret, Some(&read), Level::Write), Err(403));
    assert_eq!(world.git_access(&other, Some(&token), Level::Read), Err(404));
    assert_eq!(world.git_access(&secret, Some("ghs_wrong"), Level::Read), Err(401));
    world.suspend("acme");
    assert_eq!(world.git_access(&secret, Some(&token), Level::Read), Err(403));
}

#[tokio::test]
async fn a_push_to_a_protected_branch_is_refused_in_githubs_words() {
    let scene = Scene::start().await;
    scene.world.protect(&scene.repo, "main");
    let tip = scene.world.tip(&scene.repo, "main").await.unwrap();
    let update = RefUpdate { name: "refs/heads/main".into(), old: tip.clone(), new: tip };
    let mona = GitUser::Person("mona".into());
    let refused = scene.world.refuses_push(&scene.repo, &mona, &update).await.unwrap();
    assert!(refused.unwrap().starts_with("GH013: Repository rule violations found"));
}

/// The address of a repository over HTTP, with a token in it.
fn remote(scene: &Scene, token: &str) -> String {
    let web = scene.world.web_url();
    let host = web.trim_start_matches("http://");
    format!("http://x-access-token:{token}@{host}/{}.git", scene.repo.slug())
}

fn tries(dir: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new("git")
        .args(["-c", "user.name=mona", "-c", "user.email=mona@example.com", "-C"])
        .arg(dir)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn git_clones_and_pushes_over_http_as_who_it_is() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let mona = scene.world.personal_token("mona");
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let mine = remote(&scene, &mona);
    tokio::task::block_in_place(|| git(at, &["clone", "-q", "-b", "feature", &mine, "."]));
    std::fs::write(at.join("a.txt"), "a\n").unwrap();
    git(at, &["add", "."]);
    git(at, &["commit", "-q", "-m", "By hand"]);
    scene.world.discard_webhooks();
    tokio::task::block_in_place(|| git(at, &["push", "-q"]));
    assert_eq!(scene.world.head_sha(&pull), git(at, &["rev-parse", "HEAD"]));
    assert_eq!(
        scene.world.queued_webhooks(),
        ["push", "pull_request.synchronize", "check_suite.requested"]
    );

    let wrong = remote(&scene, "ghp_wrong");
    let (may, said) = tokio::task::block_in_place(|| tries(at, &["push", &wrong, "feature"]));
    assert!(!may && said.contains("Authentication failed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_branch_refuses_a_push_in_githubs_words() {
    let scene = Scene::start().await;
    scene.world.protect(&scene.repo, "main");
    let mona = scene.world.personal_token("mona");
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let mine = remote(&scene, &mona);
    tokio::task::block_in_place(|| git(at, &["clone", "-q", &mine, "."]));
    let before = git(at, &["rev-parse", "HEAD"]);
    std::fs::write(at.join("a.txt"), "a\n").unwrap();
    git(at, &["add", "."]);
    git(at, &["commit", "-q", "-m", "By hand"]);
    let (may, said) = tokio::task::block_in_place(|| tries(at, &["push", "-q"]));
    assert!(!may && said.contains("GH013") && said.contains("pre-receive hook declined"), "{said}");
    let (_, now) = (git(at, &["fetch", "-q"]), git(at, &["rev-parse", "origin/main"]));
    assert_eq!(now, before);
}
