//! What a look notes for figures: the states that the case went through, what was fixed, and signs
//! that a fix was wrong. Nothing is decided by it.

use super::Look;
use crate::domain::attempt::{AttemptEnd, AttemptState};
use crate::domain::case::{Case, CaseState};
use crate::domain::evidence::Evidence;
use crate::domain::failure::{Failure, Fingerprint};
use crate::domain::false_fix::{
    FalseFix, OVERWRITTEN_FILES_MAX, Seen, Sign, WITHIN_MS, is_overwritten, of_end, red_again,
};
use crate::domain::ids::{RepoPath, Timestamp};
use crate::domain::outcome::Outcome;
use crate::ports::store::Changes;
use crate::service::autonomy::found;
use crate::service::gather::Gathered;
use crate::service::remedies::filed;
use crate::service::{ServiceError, Services};

/// Failures of one head that are told apart here; the first are the root causes.
const PRINTS_MAX: usize = 50;

/// Adds them to what the look writes.
pub(super) async fn note(
    services: &Services,
    look: &Look,
    gathered: &Gathered,
    changes: &mut Changes,
) -> Result<(), ServiceError> {
    let case = look.case.id;
    changes.moves = look.moves.iter().map(|state| (case, state.clone())).collect();
    let next = changes.successor.as_ref().map(|next| (next.id, next.state.clone()));
    changes.moves.extend(next);
    changes.autonomy = found(gathered, &look.case).map(|found| (case, found));
    changes.false_fixes = look.changed.iter().filter_map(of_end).collect();
    for attempt in &look.changed {
        if !matches!(attempt.state, AttemptState::Ended(AttemptEnd::Healed(_))) {
            continue;
        }
        if let Some(read) = services.store.evidence(case, &attempt.head).await? {
            let fixed = prints(&read).into_iter().map(|print| (attempt.id, print));
            changes.fixes.extend(fixed);
            let of = look.attempts.iter().find(|record| record.attempt.id == attempt.id);
            if let Some(record) = of {
                let about = (&look.case, gathered.policy.policy.as_ref());
                changes.remedies.extend(filed(services, about, record, &read).await?);
            }
        }
    }
    changes.false_fixes.extend(superseded(services, look, changes.now).await);
    if let Some(evidence) = gathered.evidence.as_ref().filter(|_| gathered.evidence_is_new) {
        let (fingerprints, at) = (prints(evidence), changes.now);
        let pull = (look.case.repo.id, look.case.number);
        let since = at.plus_ms(-WITHIN_MS);
        let fixes = services.figures.fixes(pull, &fingerprints, since).await?;
        let seen = Seen {
            number: look.case.number,
            head: &evidence.head,
            fingerprints: &fingerprints,
            at,
        };
        changes.false_fixes.extend(fixes.iter().filter_map(|fix| red_again(fix, &seen)));
    }
    Ok(())
}

/// Fixes of ours that CI had called green, over which somebody wrote other lines. Figures are worth two
/// requests and no trouble: what the forge does not show counts for nothing.
async fn superseded(services: &Services, look: &Look, now: Timestamp) -> Vec<FalseFix> {
    let CaseState::Superseded(head) = &look.case.state else { return Vec::new() };
    let is_recent = |was: &Case| now.since_ms(was.since) <= WITHIN_MS;
    if !look.was.as_ref().is_some_and(is_recent) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for record in &look.attempts {
        let AttemptState::Ended(AttemptEnd::Healed(_)) = record.attempt.state else { continue };
        let Some(Outcome::Proposed { patch, .. }) = &record.report.outcome else { continue };
        let written = patch.changes().iter().filter_map(|change| {
            let new = change.new.as_ref().and_then(|file| file.content.text());
            new.map(|text| (change.path.clone(), text))
        });
        let written: Vec<(RepoPath, &str)> = written.take(OVERWRITTEN_FILES_MAX).collect();
        let paths: Vec<RepoPath> = written.iter().map(|(path, _)| path.clone()).collect();
        let repo = &look.case.repo;
        let before = services.forge.texts(repo, &record.attempt.head, &paths).await;
        let after = services.forge.texts(repo, head, &paths).await;
        let (Ok(before), Ok(after)) = (before, after) else { continue };
        let sides = written.iter().zip(before.iter().zip(&after));
        let gone = |(before, now): (&Option<String>, &Option<String>), ours: &str| {
            let text = |side: &Option<String>| side.clone().unwrap_or_default();
            is_overwritten(&text(before), ours, &text(now))
        };
        let path = sides.into_iter().find(|((_, ours), sides)| gone(*sides, ours));
        found.extend(path.map(|((path, _), _)| FalseFix {
            attempt: record.attempt.id,
            sign: Sign::Superseded,
            evidence: format!("{head} has other lines in {path}"),
        }));
    }
    found
}

/// What failed, each once.
fn prints(evidence: &Evidence) -> Vec<Fingerprint> {
    let mut prints: Vec<Fingerprint> = Vec::new();
    for print in evidence.failures.iter().take(PRINTS_MAX).map(Failure::fingerprint) {
        if !prints.contains(&print) {
            prints.push(print);
        }
    }
    prints
}
