//! Values to store: small, and different where it matters.

use bytes::Bytes;
use selfheal::domain::ask::{Ask, AskKind};
use selfheal::domain::attempt::{Attempt, AttemptState};
use selfheal::domain::brief::StageReport;
use selfheal::domain::case::{Asked, Case, CaseState};
use selfheal::domain::cause::{BaseBreak, Cause, Judged, Judgement};
use selfheal::domain::document::{Document, DocumentName, Stage};
use selfheal::domain::effect::{Act, Effect, EffectResult, Wanted};
use selfheal::domain::event::{CommentPlace, CommentRef};
use selfheal::domain::evidence::Evidence;
use selfheal::domain::feedback::Exchange;
use selfheal::domain::gate::kept::KeptVerdict;
use selfheal::domain::gate::{Finding, Verdict, Weight};
use selfheal::domain::ids::{
    AttemptId, Branch, CaseId, CommentId, DeliveryId, EffectId, InstallationId, Label, Login,
    PrNumber, RepoId, RepoPath, RepoSlug, RunId, Sha, Timestamp, UserId,
};
use selfheal::domain::outcome::{GaveUp, Outcome, Proof};
use selfheal::domain::patch::{Content, FileChange, FileMode, NewFile, Patch};
use selfheal::domain::pull::{Actor, AutoMerge, Head, PullHead, PullState, Repo};
use selfheal::domain::undo::Restored;
use selfheal::domain::view::CommentView;
use selfheal::ports::store::{NewDelivery, RunnerAdmission, Seat};
use uuid::Uuid;

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// A commit whose hash is that digit over and over.
pub(crate) fn sha(digit: char) -> Sha {
    Sha::parse(&digit.to_string().repeat(40)).unwrap()
}

pub(crate) fn branch(name: &str) -> Branch {
    Branch::parse(name).unwrap()
}

pub(crate) fn label(name: &str) -> Label {
    Label::parse(name).unwrap()
}

pub(crate) fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

pub(crate) fn case_id(number: u128) -> CaseId {
    CaseId::new(Uuid::from_u128(number))
}

pub(crate) fn attempt_id(number: u128) -> AttemptId {
    AttemptId::new(Uuid::from_u128(number))
}

pub(crate) fn effect_id(number: u64) -> EffectId {
    EffectId::new(Uuid::from_u128(u128::from(number)))
}

pub(crate) fn delivery(id: &str, received: i64) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::parse(id).unwrap(),
        event: "push".to_owned(),
        repo: None,
        body: Bytes::from_static(b"{\"zen\":\"\x00\xff\"}"),
        received_at: at(received),
    }
}

/// Repository 7 of installation 1.
pub(crate) fn repo() -> Repo {
    Repo {
        id: RepoId::new(7),
        slug: RepoSlug::parse("acme/shop").unwrap(),
        installation: InstallationId::new(1),
    }
}

/// Repository 8 of installation 2.
pub(crate) fn other_repo() -> Repo {
    Repo {
        id: RepoId::new(8),
        slug: RepoSlug::parse("umbrella/site").unwrap(),
        installation: InstallationId::new(2),
    }
}

/// An open pull request of [`repo`], as the forge showed it at time 100.
pub(crate) fn pull(number: u64) -> PullHead {
    PullHead {
        repo: repo(),
        number: PrNumber::new(number),
        head: Head { sha: sha('a'), branch: branch("fix/it"), repo: Some(RepoId::new(7)) },
        base: branch("main"),
        state: PullState::Open,
        updated_at: at(100),
    }
}

pub(crate) fn ask(key: &str, kind: AskKind, asked: i64) -> Ask {
    Ask {
        key: key.to_owned(),
        kind,
        text: "/selfheal fix".to_owned(),
        actor: Actor { id: UserId::new(5), login: login("ada"), is_bot: false },
        comment: Some(CommentRef { id: CommentId::new(17), place: CommentPlace::Review }),
        at: at(asked),
    }
}

/// A case of [`pull`] that is in that state since time 300.
pub(crate) fn case(number: u128, of: &PullHead, state: CaseState) -> Case {
    Case {
        id: case_id(number),
        repo: of.repo.clone(),
        number: of.number,
        opened_head: sha('a'),
        head: sha('b'),
        opened_at: at(200),
        since: at(300),
        state,
        attempts: 2,
        reruns: 1,
        asked: Asked::ByPerson,
        labels: vec![label("selfheal"), label("stop-updating")],
        auto_merge: Some(AutoMerge {
            enabled_by: login("ada"),
            method: "squash".to_owned(),
            commit_title: Some("Title".to_owned()),
            commit_message: None,
        }),
    }
}

pub(crate) fn attempt(number: u8, of: &Case, state: AttemptState) -> Attempt {
    Attempt {
        id: attempt_id(u128::from(number)),
        case: of.id,
        number,
        head: sha('b'),
        planned_at: at(400),
        dispatches: 1,
        dispatched_at: at(401),
        state,
        note: Some("why".to_owned()),
        verdict: Some(KeptVerdict::from(&Verdict::new(vec![Finding::new(
            "mode",
            Weight::Hold,
            "a 'mode' \u{fc}",
        )]))),
        feedback: vec![Exchange {
            time: 1,
            number: 2,
            question: "Which \u{fc} 'one'?".to_owned(),
            answer: "The first.".to_owned(),
            by: login("mona"),
        }],
    }
}

pub(crate) fn evidence(head: char) -> Evidence {
    Evidence {
        head: sha(head),
        runs: Vec::new(),
        failures: Vec::new(),
        excerpt: "error: \u{0}\u{fffd} 'quoted'".to_owned(),
        commands: vec!["cargo test".to_owned()],
        green_commands: Vec::new(),
        sources: vec!["ci / test: log".to_owned()],
        notes: Vec::new(),
        changed_files: vec![RepoPath::parse("src/a b.rs").unwrap()],
        judgement: Judgement {
            causes: vec![Judged { cause: Cause::Base, why: "main has it".to_owned() }],
            base: Some(BaseBreak {
                branch: Branch::parse("main").unwrap(),
                broken_at: sha('b'),
                mended_at: None,
                mending: Some(PrNumber::new(31)),
            }),
            runs: Some(3),
            mends: Some(Branch::parse("main").unwrap()),
        },
    }
}

fn effect(of: &PullHead, act: Act) -> Effect {
    Effect { repo: of.repo.clone(), number: Some(of.number), act }
}

/// An effect of which the newest wish counts.
pub(crate) fn comment(of: &PullHead, body: &str) -> Effect {
    effect(of, Act::UpsertComment { view: CommentView { body: body.to_owned() } })
}

/// Another one of which the newest wish counts.
pub(crate) fn set_label(of: &PullHead, name: &str) -> Effect {
    effect(of, Act::SetLabel { label: label(name), wanted: Wanted::Present })
}

/// An effect that happens once.
pub(crate) fn reply(of: &PullHead, to: u64, body: &str) -> Effect {
    effect(of, Act::Reply { to: CommentId::new(to), body: body.to_owned() })
}

pub(crate) fn dispatch(of: &PullHead, attempt: AttemptId) -> Effect {
    effect(of, Act::Dispatch { attempt, dispatch: 1, head: sha('b'), after: Some(RunId::new(7)) })
}

pub(crate) fn commit(of: &PullHead, attempt: AttemptId) -> Effect {
    effect(
        of,
        Act::Commit {
            attempt,
            patch_digest: "d".to_owned(),
            branch: branch("fix/it"),
            parent: sha('b'),
            message: "Fix it".to_owned(),
        },
    )
}

/// Takes a commit of that case back, because somebody has wanted it since then.
pub(crate) fn undo(of: &PullHead, case: &Case, wanted_at: Timestamp) -> Effect {
    let to = Some((FileMode::Executable, sha('d')));
    let restored = vec![Restored { path: RepoPath::parse("src/lib.rs").unwrap(), to }];
    effect(
        of,
        Act::Undo {
            case: case.id,
            wanted_at,
            branch: branch("fix/it"),
            parent: sha('b'),
            commits: vec![sha('c')],
            restored,
            message: "Take it back".to_owned(),
        },
    )
}

/// An effect about the repository as a whole.
pub(crate) fn onboard() -> Effect {
    Effect { repo: repo(), number: None, act: Act::Onboard }
}

pub(crate) fn performed() -> EffectResult {
    EffectResult::Done { commit: None, run: None }
}

pub(crate) fn refused() -> EffectResult {
    EffectResult::Refused { message: "rules say no".to_owned() }
}

pub(crate) fn patch(text: &str) -> Patch {
    let content = Content::new(text.as_bytes());
    let new = Some(NewFile { mode: FileMode::Regular, content });
    Patch::new(vec![FileChange { path: RepoPath::parse("src/lib.rs").unwrap(), new }]).unwrap()
}

/// The attempt as the runner of that identity has it.
pub(crate) fn seat(attempt: AttemptId, identity: &str) -> Seat {
    Seat { attempt, token_hash: format!("hash of {identity}") }
}

pub(crate) fn admission(attempt: AttemptId, identity: &str, now: i64) -> RunnerAdmission {
    RunnerAdmission {
        attempt,
        token_hash: seat(attempt, identity).token_hash,
        token_until: at(now + 5_000),
        identity: identity.to_owned(),
        run: Some(RunId::new(99)),
        now: at(now),
    }
}

pub(crate) fn document(name: DocumentName, round: u8, body: &str) -> Document {
    Document { name, round, body: body.to_owned() }
}

pub(crate) fn stage(stage: Stage, round: u8, documents: Vec<Document>) -> StageReport {
    let work_in_progress = patch(stage.as_str());
    StageReport { stage, round, documents, work_in_progress, remedies_in_vain: Vec::new() }
}

/// A patch that changes nothing, proposed by that fixer.
pub(crate) fn proposed(fixer: &str) -> Outcome {
    let proof = Proof {
        head: sha('b'),
        patch_digest: String::new(),
        before: Vec::new(),
        after: Vec::new(),
        set_aside: Vec::new(),
        tests: Vec::new(),
        coverage: Vec::new(),
    };
    let (fixer, summary) = (fixer.to_owned(), String::new());
    Outcome::Proposed { patch: Patch::default(), proof: Box::new(proof), fixer, summary }
}

pub(crate) fn gave_up(note: &str) -> Outcome {
    Outcome::GaveUp {
        why: GaveUp::StillRed,
        note: note.to_owned(),
        runs: Vec::new(),
        analysis: None,
    }
}
