//! Runners of a history: they speak with the services as the real one does over HTTP, each request
//! with a replica of its own choice, and do what their dice say.

use selfheal::domain::brief::{Identity, Instruction, StageReport};
use selfheal::domain::document::Stage;
use selfheal::domain::ids::{AttemptId, RepoPath, RunId, Sha};
use selfheal::domain::outcome::{CommandRun, Ended, GaveUp, Outcome, Proof};
use selfheal::domain::patch::{Content, FileChange, FileMode, NewFile, Patch};
use selfheal::service::Services;
use selfheal::service::runners::{self, RunnerError};

use super::dice::Dice;
use crate::harness::written;

/// What a runner brings home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A patch of that path, after which CI is what the content says.
    Patch(&'static str, &'static str),
    GivesUp(GaveUp),
    NotReproduced,
    Asks,
}

impl Errand {
    pub(crate) fn thrown(dice: &mut Dice) -> Self {
        const SRC: &str = "src/lib.rs";
        match dice.below(13) {
            0..=3 => Self::Patch(SRC, "good"),
            4..=5 => Self::Patch(SRC, "bad"),
            6 => Self::Patch(SRC, "flaky"),
            7 => Self::Patch(SRC, "silent"),
            8 => Self::Patch("Cargo.toml", "good"),
            9 => Self::GivesUp(GaveUp::StillRed),
            10 => Self::GivesUp(GaveUp::ToolMissing),
            11 => Self::Asks,
            _ => Self::NotReproduced,
        }
    }
}

/// A runner's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Admission,
    Brief,
    Stage,
    Outcome,
}

impl Request {
    pub(crate) const ALL: [Self; 4] = [Self::Admission, Self::Brief, Self::Stage, Self::Outcome];
}

/// What a runner knows.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    pub(crate) run: RunId,
    pub(crate) attempt: AttemptId,
    pub(crate) errand: Errand,
    pub(crate) token: Option<String>,
    /// Identities used so far: each request for admission has a new one.
    pub(crate) asked: u32,
    /// The commit of the brief.
    pub(crate) head: Option<Sha>,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It goes on.
    Next(Box<Runner>),
    /// It asks again later.
    Later,
    /// There is nothing more for it to do.
    Over,
}

/// Makes one request.
pub(crate) async fn ask(services: Services, mut runner: Runner, request: Request) -> Answer {
    match answered(&services, &mut runner, request).await {
        Ok(Instruction::Continue) => Answer::Next(Box::new(runner)),
        Ok(Instruction::Stop)
        | Err(
            RunnerError::Over | RunnerError::NotYou(_) | RunnerError::Unknown | RunnerError::Bad(_),
        ) => Answer::Over,
        Err(RunnerError::Later(_)) => Answer::Later,
    }
}

async fn answered(
    services: &Services,
    runner: &mut Runner,
    request: Request,
) -> Result<Instruction, RunnerError> {
    if request == Request::Admission {
        let token = format!("{}:{}", runner.run, runner.asked);
        let identity = Identity::Oidc { token };
        let admission = runners::admit(services, runner.attempt, &identity).await?;
        runner.token = Some(admission.token);
        return Ok(Instruction::Continue);
    }
    let token = runner.token.clone().unwrap_or_default();
    let view = runners::with_token(services, runner.attempt, &token).await?;
    match request {
        Request::Admission | Request::Brief => {
            runner.head = Some(runners::brief(services, &view).await?.head);
            runners::heartbeat(services, &view).await
        }
        Request::Stage => runners::stage(services, &view, &stage(runner.attempt)).await,
        Request::Outcome => {
            let head = runner.head.clone().unwrap();
            runners::outcome(services, &view, &outcome(runner.errand, head)).await
        }
    }
}

fn stage(attempt: AttemptId) -> StageReport {
    StageReport {
        stage: Stage::Execute,
        round: 1,
        documents: written(Stage::Execute, attempt),
        work_in_progress: Patch::default(),
        remedies_in_vain: Vec::new(),
    }
}

fn outcome(errand: Errand, head: Sha) -> Outcome {
    let run = |ended| CommandRun {
        command: "make".to_owned(),
        ended,
        duration_ms: 1,
        output_tail: String::new(),
    };
    match errand {
        Errand::GivesUp(why) => {
            Outcome::GaveUp { why, note: "tried".to_owned(), runs: Vec::new(), analysis: None }
        }
        Errand::Asks => Outcome::Asks {
            questions: vec!["Which?".to_owned()],
            note: "command:agent".to_owned(),
            time: 0,
            waited: 0,
        },
        Errand::NotReproduced => Outcome::NotReproduced { runs: vec![run(Ended::Exit(0))] },
        Errand::Patch(path, text) => {
            let (path, content) = (RepoPath::parse(path).unwrap(), Content::new(text));
            let new = Some(NewFile { mode: FileMode::Regular, content });
            let patch = Patch::new(vec![FileChange { path, new }]).unwrap();
            let proof = Proof {
                head,
                patch_digest: patch.digest(),
                before: vec![run(Ended::Exit(1))],
                after: vec![run(Ended::Exit(0))],
                set_aside: Vec::new(),
                tests: Vec::new(),
                coverage: Vec::new(),
            };
            let (fixer, summary) = ("recipe:make".to_owned(), "Fix it".to_owned());
            Outcome::Proposed { patch, proof: Box::new(proof), fixer, summary }
        }
    }
}
