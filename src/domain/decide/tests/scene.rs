//! A scene: everything that a decision looks at, changed one thing at a time.

use uuid::Uuid;

use super::*;

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);
pub(super) const LONG_AGO: Timestamp = Timestamp::from_millis(0);

pub(super) fn sha(digit: char) -> Sha {
    Sha::parse(&digit.to_string().repeat(40)).unwrap()
}

pub(super) fn actor(login: &str) -> Actor {
    Actor { id: UserId::new(5), login: Login::parse(login).unwrap(), is_bot: false }
}

pub(super) fn repo() -> Repo {
    Repo {
        id: RepoId::new(1),
        slug: RepoSlug::parse("acme/widget").unwrap(),
        installation: InstallationId::new(2),
    }
}

pub(super) fn attempt_id(number: u128) -> AttemptId {
    AttemptId::new(Uuid::from_u128(number))
}

/// Stopped, because somebody wants our commits taken back.
pub(super) fn undoing(stage: UndoStage) -> CaseState {
    let by = Login::parse("mona").unwrap();
    CaseState::Stopped(StoppedBy::Undo(Undoing { by, parent: sha('a'), stage }))
}

pub(super) fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

pub(super) fn red() -> Ci {
    Ci::Red(vec![CiRun::Workflow { run: RunId::new(11), attempt: 1, name: "ci".into() }])
}

/// What somebody asked by command at that time.
pub(super) fn asked(kind: AskKind, at: Timestamp) -> Ask {
    Ask {
        key: "comment:1".into(),
        kind,
        text: match kind {
            AskKind::Answer => "1: yes".to_owned(),
            kind => format!("/selfheal {}", kind.as_str()),
        },
        actor: actor("mona"),
        comment: None,
        at,
    }
}

/// Everything that a decision looks at, owned, so that a test changes one thing at a time.
pub(super) struct Scene {
    pub(super) case: Case,
    pub(super) pull: Pull,
    pub(super) ci: Ci,
    pub(super) policy: Policy,
    pub(super) policy_state: PolicyState,
    pub(super) evidence: Option<Evidence>,
    pub(super) before: Option<Verdict>,
    pub(super) attempt: Attempt,
    pub(super) report: RunnerReport,
    pub(super) dispatched: Option<EffectResult>,
    pub(super) committed: Option<EffectResult>,
    pub(super) run_ended: bool,
    pub(super) verdict: Option<Verdict>,
    pub(super) asks: Vec<(Ask, Permission)>,
    pub(super) heeded: Vec<Ask>,
    pub(super) own_head: Option<OwnCommit>,
    pub(super) undo: Option<Result<Undo, NoUndo>>,
    pub(super) undone: Option<EffectResult>,
}

impl Scene {
    pub(super) fn new(state: CaseState) -> Self {
        let case = Case {
            id: CaseId::new(Uuid::from_u128(1)),
            repo: repo(),
            number: PrNumber::new(7),
            opened_head: sha('a'),
            head: sha('a'),
            opened_at: LONG_AGO,
            since: NOW,
            attempts: u8::from(state.attempt().is_some()),
            state,
            reruns: 0,
            asked: Asked::No,
            labels: Vec::new(),
            auto_merge: None,
        };
        let attempt_state = match &case.state {
            CaseState::AwaitingApproval(_) | CaseState::AwaitingAnswer(_) => AttemptState::Held,
            CaseState::Proving(_) => AttemptState::Committed(sha('c')),
            _ => AttemptState::Running,
        };
        let mut scene = Self {
            pull: pull(),
            ci: red(),
            policy: Policy::default(),
            policy_state: PolicyState::Usable,
            evidence: None,
            before: None,
            attempt: Attempt {
                id: attempt_id(1),
                case: case.id,
                number: 1,
                head: sha('a'),
                planned_at: NOW,
                dispatches: 1,
                dispatched_at: NOW,
                state: attempt_state,
                note: None,
                verdict: None,
                feedback: Vec::new(),
            },
            report: RunnerReport { run: Some(RunId::new(99)), ..RunnerReport::default() },
            dispatched: None,
            committed: None,
            run_ended: false,
            verdict: None,
            asks: Vec::new(),
            heeded: Vec::new(),
            own_head: None,
            undo: None,
            undone: None,
            case,
        };
        if matches!(scene.case.state, CaseState::Proving(_)) {
            scene.case.head = sha('c');
            scene.pull.head.sha = sha('c');
        }
        scene
    }

    pub(super) fn decide(&self) -> Decision {
        let facts = Facts {
            pull: &self.pull,
            ci: &self.ci,
            policy: &self.policy,
            policy_state: self.policy_state,
            evidence: self.evidence.as_ref(),
            before: self.before.as_ref(),
            attempt: Some(AttemptFacts {
                attempt: &self.attempt,
                report: &self.report,
                dispatched: self.dispatched.as_ref(),
                committed: self.committed.as_ref(),
                run_ended: self.run_ended,
                verdict: self.verdict.as_ref(),
            }),
            asks: &self.asks,
            heeded: &self.heeded,
            hold: AutoMergeHold::BySwitch,
            own_head: self.own_head.as_ref(),
            undo: self.undo.as_ref(),
            undone: self.undone.as_ref(),
            next_attempt: attempt_id(2),
        };
        decide(self.case.clone(), &facts, NOW)
    }

    /// The head is a commit of ours that nobody remembers.
    pub(super) fn forgets(&mut self, attempt: AttemptId) {
        let (sha, parent) = (sha('d'), self.case.head.clone());
        let number = 1 + u8::from(attempt != attempt_id(1));
        self.pull.head.sha = sha.clone();
        self.own_head = Some(OwnCommit { sha, parent, attempt, number });
    }

    pub(super) fn asks(&mut self, kind: AskKind, permission: Permission) {
        self.asks.push((asked(kind, NOW), permission));
    }

    /// Somebody wants our commits taken back, of which there is one.
    pub(super) fn asks_to_undo(&mut self) {
        self.undo = Some(Ok(Undo { commits: vec![sha('c')], restored: Vec::new() }));
        self.asks(AskKind::Undo, Permission::Write);
    }

    pub(super) fn reads(&mut self, kind: FailureKind) {
        let failures = vec![Failure::new(kind, "it broke")];
        let earlier = Judgement::default();
        let known = Known {
            changed_files: &[],
            base: None,
            began: None,
            past: &[],
            earlier: &earlier,
            mends: None,
        };
        self.evidence = Some(Evidence {
            head: self.pull.head.sha.clone(),
            runs: Vec::new(),
            judgement: judge(&failures, &known),
            failures,
            excerpt: String::new(),
            commands: Vec::new(),
            green_commands: Vec::new(),
            sources: Vec::new(),
            notes: Vec::new(),
            changed_files: Vec::new(),
        });
        self.before = Some(Verdict::default());
    }

    /// What failed fails on the base branch, too, or did until that commit of it.
    pub(super) fn base_has_it(&mut self, mended_at: Option<Sha>) {
        self.reads(FailureKind::Lint);
        let judgement = &mut self.evidence.as_mut().unwrap().judgement;
        judgement.causes = vec![Judged { cause: Cause::Base, why: "main has it".into() }];
        judgement.base = Some(BaseBreak {
            branch: Branch::parse("main").unwrap(),
            broken_at: sha('d'),
            mended_at,
            mending: None,
        });
    }

    /// The same, on the pull request that is there to mend it.
    pub(super) fn mends_the_base(&mut self) {
        self.base_has_it(None);
        let judgement = &mut self.evidence.as_mut().unwrap().judgement;
        judgement.mends = Some(Branch::parse("main").unwrap());
    }

    pub(super) fn refused_by(&mut self, rule: &'static str) {
        self.reads(FailureKind::Lint);
        self.before = Some(Verdict::new(vec![Finding::new(rule, Weight::Refuse, "no")]));
    }

    pub(super) fn proposes(&mut self, weight: Option<Weight>) {
        let patch = Patch::default();
        let proof = Proof {
            head: sha('a'),
            patch_digest: patch.digest(),
            before: Vec::new(),
            after: Vec::new(),
            set_aside: Vec::new(),
            tests: Vec::new(),
            coverage: Vec::new(),
        };
        let (fixer, summary) = ("recipe:rustfmt".to_owned(), "Run rustfmt".to_owned());
        self.report.outcome =
            Some(Outcome::Proposed { patch, proof: Box::new(proof), fixer, summary });
        let finding = |weight| Finding::new("protected-path", weight, "it is protected");
        self.verdict = Some(Verdict::new(weight.map(finding).into_iter().collect()));
    }

    /// Its runner waits for a model until then.
    pub(super) fn waits(&mut self, until: Timestamp, tries: u8) {
        self.report.outcome =
            Some(Outcome::Waits { note: "429".to_owned(), tries, until, asked: 0 });
    }

    /// Its runner has asked that many questions.
    pub(super) fn is_asked(&mut self, questions: usize) {
        let questions = vec!["Which?".to_owned(); questions];
        let note = "agent:codex".to_owned();
        self.report.outcome = Some(Outcome::Asks { questions, note, time: 1, waited: 0 });
    }

    pub(super) fn gives_up(&mut self, why: GaveUp) {
        self.report.outcome =
            Some(Outcome::GaveUp { why, note: String::new(), runs: Vec::new(), analysis: None });
    }
}

pub(super) fn pull() -> Pull {
    Pull {
        repo: repo(),
        number: PrNumber::new(7),
        node_id: "PR_7".into(),
        author: actor("mona"),
        state: PullState::Open,
        readiness: Readiness::Ready,
        head: Head {
            sha: sha('a'),
            branch: Branch::parse("feature").unwrap(),
            repo: Some(RepoId::new(1)),
        },
        base: Branch::parse("main").unwrap(),
        base_sha: sha('0'),
        labels: Vec::new(),
        auto_merge: None,
        conflicts: None,
        updated_at: NOW,
    }
}
