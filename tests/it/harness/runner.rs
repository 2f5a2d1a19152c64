//! A runner played by hand: it speaks the runner's protocol and does what the story says.

use reqwest::{Client, Method, StatusCode};
use selfheal::documents;
use selfheal::domain::brief::{Admission, Brief, Identity, Instruction, StageReport};
use selfheal::domain::checkpoint::Checkpoint;
use selfheal::domain::document::{Document, DocumentName, Stage};
use selfheal::domain::ids::{AttemptId, RepoPath};
use selfheal::domain::inputs::Prompt;
use selfheal::domain::outcome::{CommandRun, Ended, GaveUp, Outcome, Proof};
use selfheal::domain::patch::{Content, FileChange, FileMode, NewFile, Patch};
use serde::Serialize;
use serde_json::json;
use world::{Repository, RunScript, StartedRun};

use super::Tester;

/// A runner that was let in.
pub(crate) struct HandRunner {
    client: Client,
    base: String,
    token: String,
    repository: Repository,
    pub(crate) run: StartedRun,
    pub(crate) brief: Brief,
}

/// The claims that a run of the shipped workflow has.
pub(crate) fn claims(run: &StartedRun, token_id: &str) -> serde_json::Value {
    json!({
        "repository_id": run.repository_id.to_string(),
        "run_id": run.run_id.to_string(),
        "run_attempt": run.run_attempt.to_string(),
        "workflow_ref":
            format!("{}/.github/workflows/selfheal.yml@refs/heads/main", run.repository),
        "jti": token_id,
    })
}

/// How often a runner asks that is told to come again: on a machine that is held up, the forge's answer
/// can take longer than the server waits for it.
const ASKS_MAX: usize = 3;

async fn brief(client: &Client, base: &str, token: &str) -> Brief {
    let mut asks = 0;
    let answer = loop {
        asks += 1;
        let answer = client.get(format!("{base}/brief")).bearer_auth(token).send().await.unwrap();
        if answer.status() != StatusCode::SERVICE_UNAVAILABLE || asks == ASKS_MAX {
            break answer;
        }
    };
    answer.error_for_status().unwrap().json().await.unwrap()
}

impl HandRunner {
    pub(super) async fn admitted(tester: &mut Tester, repository: &Repository) -> Self {
        let run = tester.world.dispatched(repository).pop().expect("a run was dispatched");
        tester.world.begin_run(repository, run.run_id);
        let base = format!("{}/runner/v1/attempts/{}", tester.url(), run.input("attempt"));
        let client = Client::builder().no_proxy().build().unwrap();
        let token_id = format!("token of run {}", run.run_id);
        let token = tester.world.identity_token(&tester.url(), &claims(&run, &token_id));
        let answer = client
            .post(format!("{base}/admission"))
            .json(&Identity::Oidc { token })
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
        let Admission { token, .. } = answer.json().await.unwrap();
        let brief = brief(&client, &base, &token).await;
        Self { client, base, token, repository: repository.clone(), run, brief }
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Instruction {
        self.client
            .request(Method::POST, format!("{}/{path}", self.base))
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Tells how far it is in the middle of a stage; the server's status code.
    pub(crate) async fn tells(&self, checkpoint: &Checkpoint) -> StatusCode {
        let url = format!("{}/checkpoint", self.base);
        let told = self.client.put(url).bearer_auth(&self.token).json(checkpoint);
        told.send().await.unwrap().status()
    }

    /// Its bearer token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Says that it lives.
    pub(crate) async fn beats(&self) -> Instruction {
        self.post("heartbeat", &json!({})).await
    }

    /// Finishes a stage with its documents and the change so far.
    pub(crate) async fn finishes(&self, stage: Stage, files: &[(&str, Option<&str>)]) {
        let report = StageReport {
            stage,
            round: 1,
            documents: written(stage, self.brief.attempt),
            work_in_progress: patch(files),
            remedies_in_vain: Vec::new(),
        };
        assert_eq!(self.post("stages", &report).await, Instruction::Continue);
    }

    /// Reports a stage; the server's status code and its words.
    pub(crate) async fn tries(&self, report: &StageReport) -> (StatusCode, String) {
        let url = format!("{}/stages", self.base);
        let answer = self.client.post(url).bearer_auth(&self.token).json(report).send().await;
        let answer = answer.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Tells what it is about to tell a fixer.
    pub(crate) async fn prompts(&self, text: &str) -> Instruction {
        let (fixer, text) = ("agent:codex".to_owned(), text.to_owned());
        self.post("prompts", &Prompt { round: 1, fixer, text }).await
    }

    /// Finishes a stage in which a remedy applied in vain.
    pub(crate) async fn finds_in_vain(&self, stage: Stage, remedy: AttemptId) {
        let (documents, work_in_progress) = (Vec::new(), Patch::default());
        let remedies_in_vain = vec![remedy];
        let report = StageReport { stage, round: 1, documents, work_in_progress, remedies_in_vain };
        assert_eq!(self.post("stages", &report).await, Instruction::Continue);
    }

    /// Proposes these files, proven; its run ends green.
    pub(crate) async fn proposes(&self, tester: &Tester, files: &[(&str, Option<&str>)]) {
        let patch = patch(files);
        let outcome = Outcome::Proposed {
            proof: Box::new(self.proof(&patch)),
            patch,
            fixer: "recipe:rustfmt".into(),
            summary: "Run rustfmt".into(),
        };
        self.reports(tester, &outcome).await;
    }

    /// A proof that is as it should be.
    pub(crate) fn proof(&self, patch: &Patch) -> Proof {
        let run = |ended| CommandRun {
            command: "cargo fmt --check".into(),
            ended,
            duration_ms: 12,
            output_tail: String::new(),
        };
        Proof {
            head: self.brief.head.clone(),
            patch_digest: patch.digest(),
            before: vec![run(Ended::Exit(1))],
            after: vec![run(Ended::Exit(0))],
            set_aside: Vec::new(),
            tests: Vec::new(),
            coverage: Vec::new(),
        }
    }

    /// Brings no patch; its run ends green all the same.
    pub(crate) async fn gives_up(&self, tester: &Tester, why: GaveUp) {
        let note = "tried and failed".to_owned();
        self.reports(tester, &Outcome::GaveUp { why, note, runs: Vec::new(), analysis: None })
            .await;
    }

    /// Reports an outcome; its run ends green.
    pub(crate) async fn reports(&self, tester: &Tester, outcome: &Outcome) {
        assert_eq!(self.post("outcome", outcome).await, Instruction::Stop);
        self.ends(tester);
    }

    /// Reports an outcome that the server does not take; what it says.
    pub(crate) async fn refused(&self, outcome: &Outcome) -> String {
        let url = format!("{}/outcome", self.base);
        let answer = self.client.post(url).bearer_auth(&self.token).json(outcome).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        answer.text().await.unwrap()
    }

    /// Its run ends, whatever it has reported.
    pub(crate) fn ends(&self, tester: &Tester) {
        tester.world.finish_run(&self.repository, self.run.run_id, &RunScript::green());
    }
}

/// What a stage writes in its first round, as short as its schema allows.
pub(crate) fn written(stage: Stage, attempt: AttemptId) -> Vec<Document> {
    let about = |name| documents::about(name, attempt, 1);
    let text = format!("after {}\n", stage.as_str());
    let of = |name: &DocumentName| match name {
        DocumentName::TriagePlan => {
            let plan = documents::TriagePlan {
                about: about(*name),
                granularity: None,
                because: String::new(),
                questions: Vec::new(),
                answered: 0,
                candidates: Vec::new(),
                reproduced: Vec::new(),
            };
            Some(documents::write(&plan, &text).unwrap())
        }
        DocumentName::State => {
            let state = documents::State { about: about(*name), turns: Vec::new() };
            Some(documents::write(&state, &text).unwrap())
        }
        DocumentName::TaskInput
        | DocumentName::ValidationStrategy
        | DocumentName::VerificationResults
        | DocumentName::AssumptionAnalysis => None,
    };
    stage.writes().iter().filter_map(of).collect()
}

/// A patch of ordinary files; `None` deletes.
pub(crate) fn patch(files: &[(&str, Option<&str>)]) -> Patch {
    let change = |(path, content): &(&str, Option<&str>)| FileChange {
        path: RepoPath::parse(path).unwrap(),
        new: content.map(|text| NewFile { mode: FileMode::Regular, content: Content::new(text) }),
    };
    Patch::new(files.iter().map(change).collect()).unwrap()
}
