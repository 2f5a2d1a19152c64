//! Mending: the pull request of our own that heals a broken base branch, from its opening to its end.
//!
//! What it is healed by is its case, as any pull request's. Here is what it has beside that: it is
//! opened when others are set aside because of their base branch, says who waits for it, is marked as
//! ready when it is healed, and is closed when the base branch is mended otherwise.
//!
//! Races: several are set aside at once, on any number of replicas (one effect by its key, and one
//! branch of that name); the base branch moves (nothing is opened for a commit that is not its newest);
//! a person pushes to it or closes it (it is theirs, and not opened again for the same); it is closed
//! while a person pushes (its branch is deleted only where it was).

use super::effects::Performed;
use super::gather::Gathered;
use super::{ServiceError, Services, causes};
use crate::domain::attempt::AttemptRecord;
use crate::domain::case::{Asked, Case, CaseState, Excuse, Healed};
use crate::domain::cause::{Base, BaseBreak};
use crate::domain::effect::{Act, Effect};
use crate::domain::evidence::Evidence;
use crate::domain::failure::Failure;
use crate::domain::ids::{Branch, CaseId, Login, PrNumber, RepoId, Sha, Timestamp};
use crate::domain::mending::{self, Begun, Known, Over, Plan, WITHDRAWN};
use crate::domain::policy::BasePolicy;
use crate::domain::pull::{Pull, PullCommit, PullHead, PullState, Readiness, Repo};
use crate::ports::forge::ForgeError;
use crate::ports::mending::{NewBranch, NewPull};
use crate::report::mending::{Mending, body, farewell, title};

/// Whether a pull request is there to mend its base branch. Asks nobody where its branch has another
/// name.
pub(super) async fn is_mending(services: &Services, pull: &Pull) -> Result<bool, ServiceError> {
    if pull.head.branch != mending::branch_of(&pull.base) {
        return Ok(false);
    }
    Ok(mending::is_mending(pull, services.forge.app().await?.bot))
}

/// Such a pull request is healed like one that a person asked for: being a draft does not hold it back.
pub(super) fn asked(asked: Asked, evidence: &Evidence) -> Asked {
    if evidence.judgement.mends.is_some() { Asked::ByPerson } else { asked }
}

/// The open pull request that mends a branch.
pub(super) async fn onto(
    services: &Services,
    repo: RepoId,
    base: &Branch,
) -> Result<Option<PullHead>, ServiceError> {
    let all = services.store.pulls_onto(repo, base).await?;
    Ok(all.into_iter().find(mending::is_named_so))
}

/// The pull request that mends what is broken there, or that has mended it.
pub(super) async fn of_base(
    services: &Services,
    repo: &Repo,
    broken: &BaseBreak,
) -> Result<Option<PrNumber>, ServiceError> {
    let open = onto(services, repo.id, &broken.branch).await?.map(|pull| pull.number);
    if broken.mended_at.is_none() && open.is_some() {
        return Ok(open);
    }
    let Some(number) = broken.mending else { return Ok(None) };
    // It was there when this was looked at last: has it landed?
    match services.forge.pull(repo, number).await {
        Ok(pull) => Ok((pull.state == PullState::Merged).then_some(number)),
        Err(error) if error.is_transient() => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Whom a pull request has joined that has just been set aside: the one that mends says who waits.
pub(super) fn joined(
    case: &Case,
    left: Option<&CaseState>,
    evidence: Option<&Evidence>,
    now: Timestamp,
) -> Option<(RepoId, PrNumber, Timestamp)> {
    let is_new = left.is_some() && case.state == CaseState::Excused(Excuse::BaseBroken);
    let base = evidence.filter(|_| is_new)?.judgement.base.as_ref()?;
    base.mending.map(|number| (case.repo.id, number, now))
}

/// What a look at such a pull request leads to, beside what its case does; nothing for all others.
pub(super) async fn acts(
    services: &Services,
    gathered: &Gathered,
    of: Option<(&Case, &[AttemptRecord])>,
) -> Result<Vec<Act>, ServiceError> {
    let pull = &gathered.pull;
    if pull.state != PullState::Open || !is_mending(services, pull).await? {
        return Ok(Vec::new());
    }
    let bot = services.forge.app().await?.bot;
    let commits = services.forge.pull_commits(&pull.repo, pull.number).await?;
    let Some(begun) = mending::begun(&commits, bot) else { return Ok(Vec::new()) };
    let case = of.map(|(case, _)| case);
    let evidence = first_evidence(services, gathered, case).await?;
    let seen = Seen { gathered, commits: &commits, case, evidence: evidence.as_ref() };
    if let Some(over) = seen.over(services).await? {
        let (comment, body) = farewell(&begun, &over);
        return Ok(vec![Act::Withdraw { head: pull.head.sha.clone(), comment, body }]);
    }
    let (Some(case), Some(evidence)) = (case, &evidence) else { return Ok(Vec::new()) };
    let policy = gathered.policy.policy.base;
    let failures: Vec<&Failure> = evidence.failures.iter().collect();
    let waiting = waiting(services, pull).await?;
    let mending = Mending { begun: &begun, evidence, waiting: &waiting, policy, case: of };
    let mut acts = vec![Act::Describe { body: body(&mending, &failures) }];
    if case.state == CaseState::Healed(Healed::ByUs) && pull.readiness == Readiness::Draft {
        acts.push(Act::MarkReady { head: pull.head.sha.clone() });
    }
    Ok(acts)
}

/// What failed on its first commit, which is what it is for.
async fn first_evidence(
    services: &Services,
    gathered: &Gathered,
    case: Option<&Case>,
) -> Result<Option<Evidence>, ServiceError> {
    let Some(case) = case else { return Ok(None) };
    let just_read = gathered.evidence.as_ref().filter(|read| read.head == case.opened_head);
    match just_read {
        Some(read) => Ok(Some(read.clone())),
        None => Ok(services.store.evidence(case.id, &case.opened_head).await?),
    }
}

/// Who waits for a base branch, by number.
async fn waiting(services: &Services, pull: &Pull) -> Result<Vec<PrNumber>, ServiceError> {
    let all = services.store.waiting_for_base(pull.repo.id, &pull.base).await?;
    Ok(all.into_iter().map(|pull| pull.number).collect())
}

/// What was seen of such a pull request.
struct Seen<'a> {
    gathered: &'a Gathered,
    commits: &'a [PullCommit],
    case: Option<&'a Case>,
    evidence: Option<&'a Evidence>,
}

impl Seen<'_> {
    /// Whether it is not needed any more. What is kept of the base branch may be older than the fault,
    /// so a word that closes it is asked for anew.
    async fn over(&self, services: &Services) -> Result<Option<Over>, ServiceError> {
        let pull = &self.gathered.pull;
        let of = (pull, self.gathered.policy.policy.as_ref());
        let base = causes::base(services, of.0, of.1).await?;
        match self.judged(services, base.as_ref()) {
            Some(Over::Mended(_)) => {
                services.bases.stir(pull.repo.id, &pull.base);
                let base = causes::base(services, of.0, of.1).await?;
                Ok(self.judged(services, base.as_ref()))
            }
            other => Ok(other),
        }
    }

    fn judged(&self, services: &Services, base: Option<&Base>) -> Option<Over> {
        let minutes = i64::from(self.gathered.policy.policy.ci_start_minutes_max);
        mending::over(&Known {
            commits: self.commits,
            ci: &self.gathered.ci,
            base,
            case: self.case,
            evidence: self.evidence,
            quiet_ms: services.clock.now().since_ms(self.gathered.pull.updated_at),
            ci_start_ms_max: minutes * 60 * 1000,
        })
    }
}

/// Performs what concerns such a pull request.
///
/// # Errors
/// [`ServiceError`] when store or forge could not be used.
pub(super) async fn performed(
    services: &Services,
    effect: &Effect,
) -> Result<Performed, ServiceError> {
    let repo = &effect.repo;
    if let Act::Mend { base, broken_at, case, head } = &effect.act {
        let wish = Wish { repo, base, broken_at, of: (*case, head) };
        return unless_refused(wish.opened(services).await);
    }
    let number = effect.number.unwrap_or(PrNumber::new(0));
    let forge = &services.forge;
    let pull = forge.pull(repo, number).await?;
    let is_open = pull.state == PullState::Open;
    let is_at = |head: &Sha| pull.head.sha == *head;
    if let Act::Describe { body } = &effect.act
        && is_open
    {
        forge.describe(repo, number, body).await?;
    }
    if let Act::MarkReady { head } = &effect.act
        && is_open
        && is_at(head)
        && pull.readiness == Readiness::Draft
    {
        let marked = forge.mark_ready(&pull).await.map(|()| Performed::done());
        return unless_refused(marked.map_err(ServiceError::from));
    }
    if let Act::Withdraw { head, comment, body } = &effect.act
        && pull.state != PullState::Merged
        && is_at(head)
    {
        return withdrawn(services, &pull, comment, body).await;
    }
    Ok(Performed::done())
}

/// A refusal is an answer, and nothing waits for it: rules of the repository may forbid what was wanted.
fn unless_refused(outcome: Result<Performed, ServiceError>) -> Result<Performed, ServiceError> {
    match outcome {
        Err(ServiceError::Forge(
            error @ (ForgeError::Refused { .. } | ForgeError::NoAccess(_)),
        )) => {
            let message = error.to_string();
            tracing::warn!(message, "what should mend a base branch was refused");
            Ok(Performed::refused(&message))
        }
        other => other,
    }
}

/// A base branch that shall be mended.
struct Wish<'a> {
    repo: &'a Repo,
    base: &'a Branch,
    broken_at: &'a Sha,
    /// The case and head whose evidence says what failed.
    of: (CaseId, &'a Sha),
}

impl Wish<'_> {
    /// Opens the pull request, unless there is one, or nobody wants it.
    async fn opened(&self, services: &Services) -> Result<Performed, ServiceError> {
        let Wish { repo, base, broken_at, of: (case, head) } = *self;
        let forge = &services.forge;
        let Some(evidence) = services.store.evidence(case, head).await? else {
            return Ok(Performed::done());
        };
        let failures = mending::on_base(&evidence);
        let prints = mending::prints(&failures);
        if forge.tip(repo, base).await?.as_ref() != Some(broken_at) {
            return Ok(Performed::refused("the base branch has moved since"));
        }
        // The base branch of a stacked pull request is the head of another, which has a case.
        let owner = Login::parse(repo.slug.owner()).ok();
        if let Some(owner) = owner
            && !forge.pulls_from(repo, &owner, base).await?.is_empty()
        {
            return Ok(Performed::refused("the base branch is a pull request's own"));
        }
        let branch = mending::branch_of(base);
        let bot = forge.app().await?.bot;
        match mending::plan(forge.proposed(repo, &branch).await?, bot, &prints) {
            Plan::There(pull) => return self.told(services, (*pull).into()).await,
            Plan::Declined(number) => {
                let why = format!("a person closed #{number}, which was for the same");
                return Ok(Performed::refused(&why));
            }
            Plan::Begin => {}
        }
        let wanted = Begun { base: base.clone(), broken_at: broken_at.clone(), failures: prints };
        let Some(begun) = self.begun(services, &branch, wanted).await? else {
            return Ok(Performed::refused("the branch has commits of others"));
        };
        let policy = self.policy(services).await?;
        let waiting = services.store.waiting_for_base(repo.id, base).await?;
        let waiting: Vec<PrNumber> = waiting.into_iter().map(|pull| pull.number).collect();
        let mending =
            Mending { begun: &begun, evidence: &evidence, waiting: &waiting, policy, case: None };
        let number = forge
            .open_pull(&NewPull {
                repo: repo.clone(),
                branch,
                base: base.clone(),
                title: title(base),
                body: body(&mending, &failures),
            })
            .await?;
        let pull = forge.pull(repo, number).await?;
        self.told(services, pull.into()).await
    }

    /// What the branch was begun for, which is made when it is not there. What is left of an earlier
    /// pull request is deleted first; `None` when anybody else has committed there.
    async fn begun(
        &self,
        services: &Services,
        branch: &Branch,
        wanted: Begun,
    ) -> Result<Option<Begun>, ServiceError> {
        let (forge, repo) = (&services.forge, self.repo);
        if let Some(at) = forge.tip(repo, branch).await? {
            let bot = forge.app().await?.bot;
            let Some(ahead) = forge.ahead(repo, self.broken_at, &at).await? else {
                return Ok(None);
            };
            if ahead.iter().any(|commit| commit.author != Some(bot)) {
                return Ok(None);
            }
            let begun = mending::begun(&ahead, bot).filter(|_| ahead.len() == 1);
            let is_it =
                |begun: &Begun| begun.base == wanted.base && begun.broken_at == wanted.broken_at;
            if let Some(begun) = begun.filter(is_it) {
                return Ok(Some(begun));
            }
            forge.delete_branch(repo, branch, &at).await?;
        }
        let new = NewBranch {
            repo: repo.clone(),
            branch: branch.clone(),
            parent: self.broken_at.clone(),
            message: wanted.message(),
        };
        forge.begin_branch(&new).await?;
        Ok(Some(wanted))
    }

    async fn policy(&self, services: &Services) -> Result<BasePolicy, ServiceError> {
        let forge = services.forge.as_ref();
        let read = services.policies.at(forge, self.repo, self.broken_at).await?;
        Ok(read.policy.base)
    }

    /// The pull request is looked at, and those that wait say that it is there.
    async fn told(&self, services: &Services, pull: PullHead) -> Result<Performed, ServiceError> {
        let mut wake = vec![pull.number];
        let waiting = services.store.waiting_for_base(self.repo.id, self.base).await?;
        wake.extend(waiting.into_iter().map(|pull| pull.number));
        let mut performed = Performed::done();
        (performed.pulls, performed.wake) = (vec![pull], wake);
        Ok(performed)
    }
}

/// Closes it and deletes its branch; those that wait say so.
async fn withdrawn(
    services: &Services,
    pull: &Pull,
    comment: &str,
    body: &str,
) -> Result<Performed, ServiceError> {
    let (forge, repo) = (&services.forge, &pull.repo);
    if pull.state == PullState::Open {
        forge.reply(repo, pull.number, WITHDRAWN, comment).await?;
        forge.close(repo, pull.number, body).await?;
    }
    match forge.delete_branch(repo, &pull.head.branch, &pull.head.sha).await {
        Err(error) if error.is_transient() => return Err(error.into()),
        // Somebody has pushed, or a rule protects it: then it stays.
        Err(error) => tracing::info!(%error, "the branch stays"),
        Ok(()) => {}
    }
    let mut performed = Performed::done();
    performed.wake = vec![pull.number];
    performed.wake.extend(waiting(services, pull).await?);
    Ok(performed)
}
