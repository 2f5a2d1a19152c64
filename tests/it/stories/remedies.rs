//! What healed once is tried first when the same fails again, for its owner and nobody else.

use selfheal::domain::document::Stage;
use selfheal::domain::ids::{PrNumber, RepoId};
use selfheal::domain::outcome::Outcome;
use selfheal::domain::remedy::{Offer, fixer_of};
use selfheal::service::simulate::pull_request;
use world::{Pull, Repository, RunScript};

use super::whole::{LIB, WRONG, real_widget_of};
use super::{BAD, CI, CI_FILE, FMT_LOG, GOOD, headline};
use crate::harness::{HandRunner, Tester, patch};

/// A repository of that name whose CI is red while `src/lib.rs` is [`BAD`].
async fn repository(t: &Tester, slug: &str, policy: &str) -> Repository {
    let repository = t
        .world
        .repository(slug)
        .file("src/lib.rs", GOOD)
        .file(CI, CI_FILE)
        .file(".github/workflows/selfheal.yml", selfheal::app::WORKFLOW)
        .file(".github/selfheal.yml", policy)
        .collaborator("mona", "write")
        .create()
        .await
        .unwrap();
    t.world.ci(&repository, (CI, "pull_request"), |run| async move {
        match run.file("src/lib.rs").await.as_deref() {
            Some(BAD) => RunScript::red("test", "Run cargo fmt --check", FMT_LOG),
            _ => RunScript::green(),
        }
    });
    repository
}

/// A broken pull request, and the runner of its attempt.
async fn broken(t: &mut Tester, repository: &Repository, branch: &str) -> (Pull, HandRunner) {
    let opening = t.world.pull_request(repository).by("mona").from_branch(branch);
    let files = [("src/lib.rs", Some(BAD)), ("README.md", Some(branch))];
    let pull = opening.files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    let runner = t.runner(repository).await;
    (pull, runner)
}

/// A pull request that a fixer has healed.
async fn healed(t: &mut Tester, repository: &Repository, branch: &str) -> Pull {
    let (pull, runner) = broken(t, repository, branch).await;
    runner.proposes(t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(t, &pull).contains("Healed by"), "{}", t.check(&pull));
    pull
}

/// What another pull request's runner is given; the pull request is closed again.
async fn offered(t: &mut Tester, repository: &Repository, branch: &str) -> Vec<Offer> {
    let (pull, runner) = broken(t, repository, branch).await;
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    runner.ends(t);
    runner.brief.remedies
}

/// The runner proposes what a remedy makes of the file.
async fn applies(t: &mut Tester, runner: &HandRunner, offer: &Offer) {
    let patch = patch(&[("src/lib.rs", Some(GOOD))]);
    let proof = Box::new(runner.proof(&patch));
    let summary = format!("Apply the fix of {} again", offer.from);
    let fixer = fixer_of(offer.remedy);
    runner.reports(t, &Outcome::Proposed { patch, proof, fixer, summary }).await;
    t.settle_with_ci().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_pull_request_is_healed_by_what_healed_the_first_and_by_no_fixer() {
    let mut t = Tester::start().await;
    // It works once, for the branch on which this file is not there yet.
    let fix = "grep -q 42.used used 2>/dev/null || sed -i 's/^    41$/    42/' src/lib.rs";
    let policy = format!("fixers: [{{name: medic, command: \"{fix}\"}}]\n");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let repository = real_widget_of(&t, &policy, &path.to_string_lossy()).await;
    let mut shown = Vec::new();
    for (branch, used) in [("first", "nobody\n"), ("second", "42 used\n")] {
        let files = [("src/lib.rs", Some(WRONG)), ("used", Some(used))];
        let opening = t.world.pull_request(&repository).by("mona").from_branch(branch);
        let pull = opening.files(&files).open().await.unwrap();
        t.settle_with_ci().await;
        let (text, head) = (t.check(&pull), t.world.head_sha(&pull));
        assert!(headline(&t, &pull).contains("completed/success  Healed by"), "{text}");
        let healed = t.world.file(&repository, &head, "src/lib.rs").await.unwrap();
        assert_eq!(healed.as_deref(), Some(LIB));
        shown.push((text, head));
    }
    let [(first, commit), (second, _)] = shown.as_slice() else { panic!("{shown:?}") };
    assert!(first.contains("| 1 | `command:medic` | committed as"), "{first}");
    let from = format!("Apply the fix of pull request 1 of acme/widget ({}) again", &commit[..7]);
    assert!(second.contains(&format!("| 1 | a remedy: {from} | committed as")), "{second}");
    assert!(second.contains("`cargo test --offline --quiet`: red without the patch"), "{second}");
    t.finish().await;
}

#[tokio::test]
async fn a_remedy_is_given_with_the_brief_and_counts_when_it_heals() {
    let mut t = Tester::start().await;
    let acme = repository(&t, "acme/widget", "version: 1\n").await;
    t.world.install("acme");
    let (_, first) = broken(&mut t, &acme, "one").await;
    assert_eq!(first.brief.remedies, [], "nothing has healed yet");
    first.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    let (pull, runner) = broken(&mut t, &acme, "two").await;
    let [offer] = runner.brief.remedies.as_slice() else { panic!("{:?}", runner.brief.remedies) };
    applies(&mut t, &runner, offer).await;
    let text = t.check(&pull);
    assert!(
        text.contains("| 1 | a remedy: Apply the fix of pull request 1 of acme/widget ("),
        "{text}"
    );
    assert!(headline(&t, &pull).contains("Healed by"), "{text}");
    // It is filed once, however often it heals.
    assert_eq!(offered(&mut t, &acme, "three").await.len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_simulation_tells_of_remedies_and_whether_they_apply() {
    let mut t = Tester::start().await;
    let acme = repository(&t, "acme/widget", "version: 1\n").await;
    t.world.install("acme");
    healed(&mut t, &acme, "one").await;
    let (pull, runner) = broken(&mut t, &acme, "two").await;
    let services = t.app().services();
    let number = PrNumber::new(pull.number());
    let record = services.store.pull(RepoId::new(acme.id()), number).await.unwrap().unwrap();
    let said = pull_request(services, &record.head.repo, number).await.unwrap();
    let [promise] = said.remedies.as_slice() else { panic!("{:?}", said.remedies) };
    assert_eq!((&promise.offer, promise.applies), (&runner.brief.remedies[0], Some(true)));
    assert!(said.allows_remedies);
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    runner.ends(&t);
    t.finish().await;
}

#[tokio::test]
async fn a_remedy_of_another_owner_is_never_given() {
    let mut t = Tester::start().await;
    let policy = "remedies: owner\n";
    let acme = repository(&t, "acme/widget", policy).await;
    let umbrella = repository(&t, "umbrella/widget", policy).await;
    t.world.install("acme");
    t.world.install("umbrella");
    healed(&mut t, &acme, "one").await;
    assert_eq!(offered(&mut t, &umbrella, "one").await, []);
    assert_eq!(offered(&mut t, &acme, "two").await.len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_remedy_goes_to_other_repositories_of_the_owner_where_both_say_so() {
    let mut t = Tester::start().await;
    let giver = repository(&t, "acme/giver", "remedies: owner\n").await;
    let keeper = repository(&t, "acme/keeper", "version: 1\n").await;
    let taker = repository(&t, "acme/taker", "remedies: owner\n").await;
    let off = repository(&t, "acme/off", "remedies: none\n").await;
    t.world.install("acme");
    for from in [&keeper, &off] {
        healed(&mut t, from, "one").await;
    }
    assert_eq!(offered(&mut t, &taker, "one").await, []);
    healed(&mut t, &giver, "one").await;
    let [offer] = &*offered(&mut t, &taker, "two").await else { panic!("one is offered") };
    assert!(offer.from.starts_with("pull request 1 of acme/giver ("), "{offer:?}");
    let own = offered(&mut t, &keeper, "two").await;
    assert!(own[0].from.starts_with("pull request 1 of acme/keeper ("), "{own:?}");
    assert_eq!(own.len(), 1);
    assert_eq!(offered(&mut t, &off, "two").await, []);
    t.finish().await;
}

#[tokio::test]
async fn a_fix_that_people_take_back_is_no_remedy_any_more() {
    let mut t = Tester::start().await;
    let acme = repository(&t, "acme/widget", "version: 1\n").await;
    t.world.install("acme");
    let pull = healed(&mut t, &acme, "one").await;
    assert_eq!(offered(&mut t, &acme, "two").await.len(), 1);
    t.world.comment(&pull, "mona", "/selfheal undo");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Undone by mona");
    assert_eq!(offered(&mut t, &acme, "three").await, []);
    t.finish().await;
}

#[tokio::test]
async fn a_remedy_that_is_taken_back_where_it_was_applied_is_none_any_more() {
    let mut t = Tester::start().await;
    let acme = repository(&t, "acme/widget", "version: 1\n").await;
    t.world.install("acme");
    healed(&mut t, &acme, "one").await;
    let (pull, runner) = broken(&mut t, &acme, "two").await;
    let offer = runner.brief.remedies[0].clone();
    applies(&mut t, &runner, &offer).await;
    t.world.comment(&pull, "mona", "/selfheal undo");
    t.settle_with_ci().await;
    assert_eq!(offered(&mut t, &acme, "three").await, []);
    t.finish().await;
}

#[tokio::test]
async fn a_remedy_in_vain_is_tried_in_three_cases_and_no_more() {
    let mut t = Tester::start().await;
    let acme = repository(&t, "acme/widget", "version: 1\n").await;
    t.world.install("acme");
    healed(&mut t, &acme, "one").await;
    for branch in ["two", "three", "four"] {
        let (pull, runner) = broken(&mut t, &acme, branch).await;
        let remedy = runner.brief.remedies[0].remedy;
        runner.finds_in_vain(Stage::Execute, remedy).await;
        t.world.close(&pull, "mona");
        t.settle_with_ci().await;
        runner.ends(&t);
    }
    assert_eq!(offered(&mut t, &acme, "five").await, []);
    t.finish().await;
}
