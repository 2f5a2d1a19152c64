//! What a look notes for figures: the states that the case went through, what was fixed, and signs
//! that a fix was wrong. Nothing is decided by it.

use super::Look;
use crate::domain::attempt::{AttemptEnd, AttemptState};
use crate::domain::case::{Case, CaseState};
use crate::domain::evidence::Evidence;
use crate::domain::failure::{Failure, Fingerprint};
use crate::domain::false_fix::{FalseFix, Seen, Sign, WITHIN_MS, of_end, red_again};
use crate::domain::ids::Timestamp;
use crate::domain::outcome::Outcome;
use crate::ports::store::Changes;
use crate::service::autonomy::found;
use crate::service::gather::Gathered;
use crate::service::overwritten::{Written, overwritten};
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

/// Fixes of ours that CI had called green, over which somebody wrote other lines. Figures are worth a
/// few requests and no trouble: what the forge does not show counts for nothing.
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
        let fix = Written { before: &record.attempt.head, patch };
        let path = overwritten(services, &look.case.repo, &fix, head).await;
        found.extend(path.map(|path| FalseFix {
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
