//! Judging a patch: what the gate looks at, read from forge and store.

use super::Gathered;
use crate::domain::attempt::AttemptRecord;
use crate::domain::gate::patch::{PatchToJudge, judge};
use crate::domain::gate::reach::Failed;
use crate::domain::outcome::Proof;
use crate::domain::patch::Patch;
use crate::report;
use crate::service::content::content_of;
use crate::service::repeats::proof_runs;
use crate::service::{ServiceError, Services, autonomy};

/// What the gate says about an attempt's patch, and the patch as people read it.
pub(super) async fn patch(
    services: &Services,
    gathered: &mut Gathered,
    record: &AttemptRecord,
    (patch, proof): (&Patch, &Proof),
) -> Result<(), ServiceError> {
    let paths: Vec<_> = patch.changes().iter().map(|change| change.path.clone()).collect();
    let (head, repo) = (&record.attempt.head, &gathered.pull.repo);
    let base = services.forge.base_files(repo, head, &paths).await?;
    let policy = gathered.policy.policy.as_ref();
    let content = content_of(patch.clone(), base.clone()).await;
    let evidence = services.store.evidence(record.attempt.case, head).await?;
    let proof_runs = proof_runs(evidence.as_ref());
    let standing = match &evidence {
        Some(read) => Some(autonomy::of(services, (repo, policy), read).await?),
        None => None,
    };
    let (base_of, autonomy) = (base.as_slice(), standing.as_ref());
    gathered.verdict = Some(judge(&PatchToJudge {
        patch,
        base: base_of,
        proof,
        proof_runs,
        head,
        policy,
        content,
        autonomy,
        failed: evidence.as_ref().map(Failed::of),
    }));
    gathered.diff = Some(report::unified(patch, &base));
    gathered.autonomy = standing;
    Ok(())
}
