//! From a server that knows nothing to a repository that is looked after.

use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::SecretString;
use selfheal::config::app_manifest;
use selfheal::config::server::stored_credentials;
use selfheal::domain::event::Reading;
use selfheal::forge::github::webhook::{Context, read};
use world::World;

use super::{GOOD, at_work, headline};
use crate::harness::{Machine, Tester};

const POLICY: &str = ".github/selfheal.yml";

/// GitHub delivers these to every App; nobody can subscribe to them.
const ALWAYS_DELIVERED: [&str; 3] = ["ping", "installation", "installation_repositories"];

/// Events that GitHub can send to an App, ours among them.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
const EVENTS: &[&str] = &[
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "commit_comment",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "discussion",
    "fork",
    "installation",
    "installation_repositories",
    "issue_comment",
    "issues",
    "label",
    "member",
    "merge_group",
    "milestone",
    "ping",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "release",
    "repository",
    "star",
    "status",
    "workflow_dispatch",
    "workflow_job",
    "workflow_run",
];

/// Somebody's browser, which shows where it is sent.
struct Browser(Client);

struct Page {
    status: StatusCode,
    location: Option<String>,
    text: String,
}

impl Browser {
    fn open() -> Self {
        Self(Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap())
    }

    async fn get(&self, url: &str) -> Page {
        shown(self.0.get(url).send().await.unwrap()).await
    }

    /// Presses the button of a page's only form.
    async fn submit(&self, page: &Page) -> Page {
        let action = attribute(&page.text, "action");
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("manifest", &attribute(&page.text, "value"))
            .finish();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        shown(self.0.post(action).header(kind.0, kind.1).body(form).send().await.unwrap()).await
    }
}

async fn shown(answer: reqwest::Response) -> Page {
    let location = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
    Page { status: answer.status(), location, text: answer.text().await.unwrap() }
}

/// The first attribute of that name in a page.
fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!(" {name}=\"")).unwrap();
    let (value, _) = rest.split_once('"').unwrap();
    value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What must never be shown or logged.
fn secrets(world: &World) -> Vec<String> {
    let key = world.private_key_pem();
    let line = key.lines().nth(1).unwrap_or_default().to_owned();
    vec![world.webhook_secret(), line]
}

#[tokio::test]
async fn one_click_registers_the_app_and_an_installation_is_welcomed() {
    let machine = Machine::start().await;
    let world = &machine.world;
    let mut server = machine.serve();
    let line = server.says("not set up yet: open ").await;
    let (_, rest) = line.split_once("not set up yet: open ").unwrap();
    let address = rest.split('"').next().unwrap();
    let base = address.split_once("/setup").unwrap().0;
    let browser = Browser::open();

    let unknown = browser.get(&format!("{base}/setup")).await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED, "not without the token");
    let later = browser.get(&format!("{base}/webhooks/github")).await;
    assert_eq!(later.status, StatusCode::SERVICE_UNAVAILABLE, "GitHub is told to come again");

    let page = browser.get(address).await;
    assert_eq!(page.status, StatusCode::OK);
    let forged = browser.get(&format!("{base}/setup/github/callback?code=x&state=forged")).await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
    let sent = browser.submit(&page).await;
    let back = sent.location.expect("GitHub sends the person back");
    let spent = back.replace("code=", "code=other");
    assert_eq!(browser.get(&spent).await.status, StatusCode::BAD_GATEWAY, "no such code");
    assert!(stored_credentials(&machine.data_dir()).unwrap().is_none());

    let done = browser.get(&back).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_snapshot!(words(&done.text), @"
    selfheal is set up
    The App selfheal is registered and its credentials are stored. The server uses them from now on; there is nothing to restart.
    Next
    Install the App on the repositories that it shall heal.
    selfheal opens a pull request there that proposes .github/selfheal.yml and shows the workflow to add.
    Run selfheal doctor --repo OWNER/NAME to see that everything is in place.
    ");
    let file = machine.data_dir().join("github-app.json");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let known = stored_credentials(&machine.data_dir()).unwrap().expect("they are stored");
    assert_eq!(known.slug, "selfheal");

    server.says("listening").await;
    let again = browser.get(&back).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "nobody can set it up a second time");
    welcomed(&machine, base, &browser).await;
    let (code, log) = server.stop().await;
    assert_eq!(code, Some(0), "{log}");
    for secret in secrets(world) {
        assert!(!done.text.contains(&secret) && !page.text.contains(&secret));
        assert!(!log.contains(&secret), "{log}");
    }
    machine.world.discard_webhooks();
}

/// The words of a page, a line each.
fn words(page: &str) -> String {
    let main = page.split_once("<main>").unwrap().1;
    let main = main.replace("</h1>", "\n").replace("</p>", "\n").replace("</h2>", "\n");
    let main = main.replace("</li>", "\n");
    let mut text = String::new();
    let mut inside = false;
    for letter in main.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    text.trim().to_owned()
}

/// An installation is welcomed with one pull request, and the person with a page.
async fn welcomed(machine: &Machine, base: &str, browser: &Browser) {
    let world = &machine.world;
    let repository = world.repository("acme/fresh").file("src/lib.rs", GOOD);
    let repository = repository.collaborator("mona", "admin").create().await.unwrap();
    world.install("acme");
    let hook = format!("{base}/webhooks/github");
    world.deliver(&hook).await;
    while !browser.get(&format!("{base}/readyz")).await.text.contains("deliveries 0\n")
        || !browser.get(&format!("{base}/readyz")).await.text.contains("effects 0\n")
    {}
    let pull = world.pull(&repository, 1);
    let proposed = world.file(&repository, "selfheal/onboarding", POLICY).await.unwrap();
    assert!(proposed.expect("it is proposed").contains("version: 1"));
    let body = world.pull_body(&pull);
    assert!(body.contains("a person adds it"), "{body}");
    assert!(body.contains("workflow_dispatch"), "the workflow to add is shown");
    let requests = world.requests();
    let opened = requests
        .iter()
        .filter(|(method, route, _)| method == "POST" && route == "/repos/{owner}/{repo}/pulls");
    assert_eq!(opened.map(|(_, _, times)| times).sum::<usize>(), 1);
    let url = format!("{base}/setup/github/installed?installation_id=1&setup_action=install");
    let page = browser.get(&url).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("selfheal is installed"));
}

#[test]
fn the_manifest_subscribes_to_what_is_read_and_to_nothing_else() {
    let acted_on: Vec<&str> = EVENTS
        .iter()
        .copied()
        .filter(|event| !ALWAYS_DELIVERED.contains(event))
        .filter(|event| {
            let reading = read(event, b"{}", Context { app_id: 1 }).unwrap();
            reading != Reading::NoInterest("an event that we do not act on")
        })
        .collect();
    let mut subscribed = app_manifest::events();
    subscribed.sort();
    assert_eq!(subscribed, acted_on);
    for event in ALWAYS_DELIVERED {
        let reading = read(event, b"{}", Context { app_id: 1 }).unwrap();
        assert_ne!(reading, Reading::NoInterest("an event that we do not act on"), "{event}");
    }
}

#[tokio::test]
async fn the_manifests_permissions_are_enough_for_everything_and_never_too_much() {
    let names: Vec<String> =
        app_manifest::permissions().into_iter().map(|(name, _)| name).collect();
    assert!(!names.iter().any(|name| name == "workflows" || name == "administration"));

    let mut t = Tester::start().await;
    let url = Url::parse(&t.url()).unwrap();
    let code = t.world.accept_manifest(app_manifest::manifest(&url));
    let client = Client::builder().no_proxy().build().unwrap();
    let convert = format!("{}/app-manifests/{code}/conversions", t.world.api_url());
    let client = client.post(convert).header("user-agent", "a story");
    assert_eq!(client.send().await.unwrap().status(), StatusCode::CREATED);
    let secret = SecretString::from(t.world.webhook_secret());
    t.webhook_secrets(vec![secret]).await; // the App has a new one

    let (repository, pull) = at_work(&mut t).await;
    t.world.enable_auto_merge(&pull, "mona", "squash");
    t.world.comment(&pull, "mona", "/selfheal status");
    t.settle_with_ci().await;
    assert_eq!(t.world.auto_merge(&pull), None, "held");
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    t.finish().await;
}
