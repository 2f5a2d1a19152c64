//! The program as people and scripts meet it: what it prints, and how it ends.

use insta::assert_snapshot;
use selfheal::domain::ids::{DeliveryId, Timestamp};
use selfheal::ports::store::{Changes, Claim, Finish, NewDelivery, Store as _};
use selfheal::store::{Migrate, SqlStore};
use world::{Level, Repository, RunScript};

use crate::harness::{Machine, Said};

const POLICY: &str = ".github/selfheal.yml";

/// A repository that has all it needs, and a pull request whose CI is red.
async fn widget(machine: &Machine) -> Repository {
    let world = &machine.world;
    let repository = world
        .repository("acme/widget")
        .file("src/lib.rs", "pub fn answer() {}\n")
        .file(POLICY, "version: 1\n")
        .file(".github/workflows/selfheal.yml", selfheal::app::WORKFLOW)
        .collaborator("mona", "write")
        .create()
        .await
        .unwrap();
    world.install("acme");
    repository
}

/// Lines of what doctor prints that say something is wrong, with what to do.
fn wrong(said: &Said) -> String {
    let lines = said.out.lines().filter(|line| !line.starts_with("ok "));
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn help_names_every_command() {
    let machine = Machine::start().await;
    let said = machine.run(&["--help"]).await;
    assert_eq!(said.code, Some(0));
    assert_snapshot!(said.out, @r"
    A GitHub App that heals failing CI: reads the failure, fixes it in a sandbox, proves it, commits it

    Usage: selfheal <COMMAND>

    Commands:
      serve         Run the server
      setup         Print how to register the GitHub App
      doctor        Check credentials, permissions, events, webhook and a repository's workflow
      simulate      Say what would be decided for a pull request now
      flaky         Show failures that came and went on the same commit
      remedies      Show fixes that healed and are tried when the same failure comes again
      logs          Show the logs of failed jobs that were read for a pull request
      watch         Follow what happens in an attempt, while it goes on or afterwards
      receipt       Print the receipt of an attempt as JSON, signed with the App's key
      documents     Show the documents of an attempt: what its stages read and wrote
      stats         Print how well it goes: healed, escalated, wrong fixes, times, cost
      deliveries    Show webhooks that could not be read, and have them read again
      migrate       Bring the database's schema up to date
      backup        Back up the SQLite database into a file, while the server works
      restore       Put a backup of the SQLite database back, while no server runs
      check-config  Check a repository file and print the policy that it makes
      heal          Heal a failing command in a sandboxed copy of a repository, and show the fix
      gate          Say whether a change weakens tests or silences checks
      replay        Replay recorded cases through everything that heals, offline, and score them
      parse         Print the failures in a CI log or a structured report
      healthcheck   Ask the server on this machine whether it is ready
      help          Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    ");
    let said = machine.run(&["dance"]).await;
    assert_eq!(said.code, Some(2), "usage");
    assert!(said.out.is_empty() && said.err.contains("unrecognized subcommand 'dance'"));
}

#[tokio::test]
async fn a_repository_file_is_checked_before_it_is_pushed() {
    let machine = Machine::start().await;
    let file = |name: &str, text: &str| {
        std::fs::write(machine.dir().join(name), text).unwrap();
        name.to_owned()
    };
    let good = file("good.yml", "version: 1\nattempts: 2\n");
    let said = machine.run(&["check-config", &good]).await;
    assert_eq!(said.code, Some(0));
    assert!(said.out.starts_with("# good.yml is fine. With the defaults it says:\n"));

    let bad = file("bad.yml", "version: 1\nattempts: 9\natempts: 2\nforks: [x\n");
    let said = machine.run(&["check-config", &bad]).await;
    assert_eq!(said.code, Some(1));
    assert_snapshot!(said.out, @"bad.yml: line 4: it cannot be read as YAML: unclosed bracket '['");
    let bad = file("bad.yml", "version: 1\nattempts: 9\natempts: 2\ndrafts: perhaps\n");
    let said = machine.run(&["check-config", &bad]).await;
    assert_eq!(said.code, Some(1));
    assert_snapshot!(said.out, @"
    bad.yml: line 2, `attempts: 9`: allowed are 1 to 3
    bad.yml: line 3, `atempts`: no such key; did you mean `attempts`?
    bad.yml: line 4, `drafts: perhaps`: allowed are wait, heal
    ");

    let said = machine.run(&["check-config", "nowhere.yml"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""));
    assert_snapshot!(said.err, @"selfheal: nowhere.yml cannot be read: No such file or directory (os error 2)");
}

#[tokio::test]
async fn setup_prints_the_steps_and_the_manifest() {
    let mut machine = Machine::start().await;
    let said = machine.run(&["setup"]).await;
    assert_eq!(said.code, Some(3));
    assert_snapshot!(said.err, @"selfheal: set --public-url (or SELFHEAL_PUBLIC_URL): GitHub must know where to send");

    machine.set("PUBLIC_URL", "https://heal.example");
    let said = machine.run(&["setup"]).await;
    assert_eq!(said.code, Some(0));
    let manifest = said.out.split_once("{\n").map(|(_, rest)| rest.split_once("\n}\n").unwrap().0);
    let manifest = format!("{{{}}}", manifest.unwrap());
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["hook_attributes"]["url"], "https://heal.example/webhooks/github");
    let steps: Vec<&str> =
        said.out.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_snapshot!(steps.join("\n"), @"
    1. Start the server: selfheal serve --public-url https://heal.example
    2. Open the address that it prints (https://heal.example/setup?token=…) and press the button.
    3. GitHub brings you back; the server keeps the credentials and goes on.
    4. Install the App, then: selfheal doctor --repo OWNER/NAME
    ");
}

#[tokio::test]
async fn simulate_says_what_the_gate_would_say_and_changes_nothing() {
    let machine = Machine::with_credentials().await;
    let repository = widget(&machine).await;
    let files = [("src/lib.rs", Some("pub fn answer( ) {}\n"))];
    let world = &machine.world;
    let pull = world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    let log = "Diff in /home/runner/work/widget/widget/src/lib.rs:1:\n-pub fn answer( ) {}\n";
    world.ci_run(&pull, &RunScript::red("test", "Run cargo fmt --check", log));
    let ask = ["simulate", "--repo", "acme/widget", "--pull", "1"];

    let said = machine.run(&ask).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let head = world.head_sha(&pull);
    assert_snapshot!(said.out.replace(&head, "HEAD"), @r"
    head: HEAD
    CI: red
    failure: format src/lib.rs Diff in src/lib.rs:1:
      cause: this change: it is in a file that changes
    gate: allow
    remedies: none is known for these failures
    ");

    world.label(&pull, "mona", "selfheal:stop");
    let said = machine.run(&[&ask[..], &["--format", "json"]].concat()).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["verdict"], "refuse");
    assert_eq!(value["findings"][0]["rule"], "stop-label");
    assert_eq!(world.check_run_text(&pull), "(none)");

    let said = machine.run(&["simulate", "--repo", "acme/other", "--pull", "1"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""));
    machine.world.discard_webhooks();
}

#[tokio::test]
async fn flaky_says_that_nothing_is_known_to_come_and_go() {
    let machine = Machine::start().await;
    let said = machine.run(&["flaky", "--format", "json"]).await;
    let nothing = "{\"days\":90,\"is_cut\":false,\"repositories\":[]}\n";
    assert_eq!((said.code, said.out.as_str()), (Some(1), nothing), "{}", said.err);
    let said = machine.run(&["flaky", "--repo", "widget"]).await;
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("a repository as owner/name"), "{}", said.err);
}

#[tokio::test]
async fn remedies_says_that_nothing_has_healed_yet() {
    let machine = Machine::start().await;
    let said = machine.run(&["remedies", "--format", "json"]).await;
    let nothing = "{\"is_cut\":false,\"remedies\":[]}\n";
    assert_eq!((said.code, said.out.as_str()), (Some(1), nothing), "{}", said.err);
    let said = machine.run(&["remedies", "--repo", "widget"]).await;
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("a repository as owner/name"), "{}", said.err);
}

#[tokio::test]
async fn logs_says_that_nothing_was_kept_and_needs_no_credentials() {
    let machine = Machine::start().await;
    let ask = ["logs", "--repo", "acme/widget", "--pull", "1"];
    for args in [&ask[..], &[&ask[..], &["--job", "7"]].concat()] {
        let said = machine.run(args).await;
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.err);
    }
}

/// A machine whose store holds a delivery that was parked, and one that is tried again.
async fn with_poison() -> Machine {
    let machine = Machine::start().await;
    std::fs::create_dir_all(machine.data_dir()).unwrap();
    let url = format!("sqlite:{}", machine.data_dir().join("selfheal.db").display());
    let store = SqlStore::open(&url, Migrate::Yes).await.unwrap();
    let (at, body) =
        (Timestamp::from_millis, "{\"token\":\"ghp_0123456789abcdefghijABCDEFGHIJ012345\"}");
    let later = at(4_102_444_800_000);
    for (name, finish) in [
        ("poison-1", Finish::Park { error: "a bug: reading it panicked\u{1b}[2J".to_owned() }),
        ("waits-2", Finish::Retry { at: later, error: "not found".to_owned() }),
    ] {
        let (id, body) = (DeliveryId::parse(name).unwrap(), bytes::Bytes::from(body));
        let event = "issue_comment".to_owned();
        let received_at = at(1_767_268_800_000);
        let delivery = NewDelivery { id, event, repo: None, body, received_at };
        store.insert_delivery(delivery).await.unwrap();
        let claim = Claim { now: at(1_767_268_800_000), lease_ms: 1_000 };
        let leased = store.claim_delivery(claim).await.unwrap().unwrap();
        store.apply(leased.lease, Changes::finish(claim.now, finish)).await.unwrap();
    }
    store.close().await;
    machine
}

#[tokio::test]
async fn deliveries_that_could_not_be_read_are_seen_and_read_again() {
    let machine = with_poison().await;
    let said = machine.run(&["deliveries", "list"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_snapshot!(said.out, @"poison-1  2026-01-01T12:00:00Z  parked  issue_comment  52 bytes  1 failures  a bug: reading it panicked�[2J");
    let said = machine.run(&["deliveries", "list", "--state", "failing", "--format", "json"]).await;
    assert_snapshot!(said.out, @r#"{"deliveries":[{"id":"waits-2","event":"issue_comment","received_at":"2026-01-01T12:00:00Z","state":"waiting","due":"2100-01-01T00:00:00Z","failures":1,"bytes":52,"error":"not found"}]}"#);
    let said = machine.run(&["deliveries", "show", "poison-1"]).await;
    assert_snapshot!(said.out, @r"
    delivery  poison-1
    event     issue_comment
    received  2026-01-01T12:00:00Z
    bytes     52
    state     parked since 2026-01-01T12:00:00Z
    failures  1
    last one  a bug: reading it panicked�[2J
    next      replay it when the cause is gone
    ");
    let said = machine.run(&["deliveries", "show", "poison-1", "--body"]).await;
    assert_snapshot!(said.out, @r#"{"token":"[redacted]"}"#);

    let said = machine.run(&["deliveries", "replay", "poison-1", "waits-2", "never-3"]).await;
    assert_eq!(said.code, Some(1), "one of them is not there");
    assert_snapshot!(said.out, @r"
    poison-1  is read again
    waits-2  waits to be read anyway
    never-3  is not in the store
    ");
    let said = machine.run(&["deliveries", "list"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "none is parked any more");
    let said = machine.run(&["deliveries", "replay", "--all"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    for wrong in [&["replay"][..], &["replay", "--all", "x"], &["list", "--state", "odd"]] {
        let said = machine.run(&[&["deliveries"], wrong].concat()).await;
        assert_eq!(said.code, Some(2), "{wrong:?}");
    }
}

#[tokio::test]
async fn doctor_is_content_when_everything_is_in_place() {
    let machine = Machine::with_credentials().await;
    widget(&machine).await;
    let said = machine.run(&["doctor", "--repo", "acme/widget"]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert_snapshot!(said.out, @"
    ok     credentials: the App selfheal
    ok     permission metadata: read
    ok     permission contents: write
    ok     permission pull_requests: write
    ok     permission checks: write
    ok     permission actions: write
    ok     permission issues: read
    ok     permission statuses: read
    ok     permission merge_queues: read
    ok     events: all subscribed
    ok     webhook: goes to https://heal.example/webhooks/github
    ok     deliveries: the last 0 arrived
    ok     models: no provider is set up; agents need a key, see docs/models.md
    ok     acme/widget: the App is installed
    ok     acme/widget: workflow selfheal.yml
    ok     acme/widget: .github/selfheal.yml
    ");
    machine.world.discard_webhooks();
}

#[tokio::test]
async fn doctor_names_the_providers_of_models_and_never_their_keys() {
    let mut machine = Machine::with_credentials().await;
    machine.set("ANTHROPIC_API_KEY", "sk-hush");
    machine.set("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    let said = machine.run(&["doctor"]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let line = said.out.lines().find(|line| line.contains("models:")).unwrap();
    assert!(line.starts_with("ok     models: anthropic, openai, prices of 20"), "{line}");
    assert!(!format!("{said:?}").contains("sk-hush"));
    machine.world.discard_webhooks();
}

#[tokio::test]
async fn doctor_says_what_to_do_about_each_thing_that_is_missing() {
    let machine = Machine::with_credentials().await;
    let world = &machine.world;
    let repository = widget(&machine).await;
    world.grant("checks", Some(Level::Read));
    world.subscribe(&["pull_request", "push"]);
    world.send_webhooks_to("https://elsewhere.example/hook");
    let files = [(POLICY, Some("version: 1\nattempts: 9\n"))];
    world.push_to(&repository, "main", "mona", &files).await.unwrap();
    let workflow = [(".github/workflows/selfheal.yml", None)];
    world.push_to(&repository, "main", "mona", &workflow).await.unwrap();
    let said = machine.run(&["doctor", "--repo", "acme/widget"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert_snapshot!(wrong(&said), @"
    WRONG  permission checks: read of write
           → on the App's page give checks: write; then every installation must accept it
    WRONG  events: not subscribed to workflow_run, check_run, check_suite, status, issue_comment, pull_request_review_comment, merge_group
           → tick them on the App's page under Permissions & events
    WRONG  webhook: goes to https://elsewhere.example/hook
           → set it to https://heal.example/webhooks/github on the App's page
    WRONG  acme/widget: workflow selfheal.yml is missing
           → copy workflows/selfheal.yml to .github/workflows/selfheal.yml on the default branch
    WRONG  acme/widget: .github/selfheal.yml is wrong
           → line 2, `attempts: 9`: allowed are 1 to 3
    ");

    let said = machine.run(&["doctor", "--repo", "other/place"]).await;
    assert_eq!(said.code, Some(1));
    assert!(wrong(&said).contains("other/place: the App is not installed there"), "{}", said.out);
    machine.world.discard_webhooks();
}

#[tokio::test]
async fn doctor_tells_wrong_credentials_from_none() {
    let mut machine = Machine::with_credentials().await;
    machine.set("GITHUB_APP_ID", "999");
    let said = machine.run(&["doctor"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert_snapshot!(wrong(&said), @"
    WRONG  credentials: GitHub does not accept them (not found: Integration not found)
           → check the App's number and its private key; make a new key on the App's page
    ");

    machine.set("GITHUB_PRIVATE_KEY", "not a key");
    let said = machine.run(&["doctor"]).await;
    assert_eq!(said.code, Some(3), "{}", said.out);
    assert_snapshot!(said.err, @"
    selfheal: the server's settings are wrong
      `SELFHEAL_GITHUB_PRIVATE_KEY`: the value will not do; allowed is a private key in PEM form
    ");

    let machine = Machine::start().await;
    let said = machine.run(&["doctor"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert_snapshot!(wrong(&said), @"
    WRONG  credentials: none
           → run `selfheal setup` and follow its steps
    ");
}

#[tokio::test]
async fn a_server_on_this_machine_is_healthy_while_it_serves() {
    let mut machine = Machine::with_credentials().await;
    let mut server = machine.serve();
    let line = server.says("listening").await;
    let (_, port) = line.split_once("127.0.0.1:").unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    machine.set("LISTEN", &format!("127.0.0.1:{port}"));
    let said = machine.run(&["healthcheck"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.err);
    let (code, log) = server.stop().await;
    assert_eq!(code, Some(0), "{log}");
    let said = machine.run(&["healthcheck"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
}
