//! Devil's advocate: after three red rounds, a second look at what all of them took for granted.
//!
//! An agent reads everything that was tried and seen, in a checkout that is thrown away, and names
//! the assumption that does not hold. Its answer has a schema; one that does not fit is asked for
//! once more and then refused, and the attempt ends as it would have without. What it recommends
//! guides one more round; what it asks is the core of the report to people when that fails, too. A
//! provider that is down is waited for; whatever else keeps the agent from its work is not asked again.

use std::fmt::Write as _;

use super::execute::job;
use super::{StageError, Work};
use crate::documents::{AnalysisNote, AssumptionAnalysis, about, fenced, short, write};
use crate::domain::document::{Document, DocumentName};
use crate::runner::fixers::{Fixer, Hindrance};
use crate::runner::observe::Happening;
use crate::runner::progress::Progress;
use crate::runner::task::Task;

/// How much of a refused answer's fault is kept.
const FAULT_BYTES_MAX: usize = 300;

/// Does the stage.
///
/// # Errors
/// Any [`StageError`].
pub async fn run(
    work: &Work<'_>,
    progress: &mut Progress,
    round: u8,
) -> Result<Vec<Document>, StageError> {
    let Some(fixer) = work.advisor(progress) else { return Ok(Vec::new()) };
    let task =
        Task::new(work.brief, round, progress.seen()).within(work.context).after(&progress.turns);
    let prompt = task.second_look(&AnalysisNote::schema());
    let mut found = asked(work, progress, fixer.as_ref(), &task, &prompt).await?;
    if let (Err(fault), None) = (&found.analysis, &found.hindrance) {
        let again = task.repair(&prompt, fault);
        found = asked(work, progress, fixer.as_ref(), &task, &again).await?;
    }
    progress.waits = found.hindrance.as_ref().and_then(|it| it.waits(fixer.as_ref()));
    if progress.waits.is_some() {
        return Ok(Vec::new());
    }
    let document = AssumptionAnalysis {
        about: about(DocumentName::AssumptionAnalysis, work.brief.attempt, round),
        fixer: fixer.id(),
        model: found.model,
        prompt: Task::digest_of(&prompt),
        refused: found.analysis.as_ref().err().map(|f| short(f, FAULT_BYTES_MAX).to_owned()),
        analysis: found.analysis.ok(),
    };
    let written = write(&document, &text(&document))?;
    progress.analysis = Some(document);
    Ok(vec![written])
}

struct Found {
    analysis: Result<AnalysisNote, String>,
    hindrance: Option<Hindrance>,
    model: Option<String>,
}

/// Asks once, in a checkout with the change so far; what is changed there is nobody's.
async fn asked(
    work: &Work<'_>,
    progress: &Progress,
    fixer: &dyn Fixer,
    task: &Task,
    prompt: &str,
) -> Result<Found, StageError> {
    let mut room = work.room(&progress.patch).await?;
    room.checkout.take_agents_from_base().await?;
    let home = work.home()?;
    let id = fixer.id();
    work.observer.saw(&Happening::FixerBegins { fixer: &id });
    let report = fixer.ask(job(work, &room, task, home.path()), prompt).await?;
    work.observer.saw(&Happening::FixerEnded { fixer: &id, files: 0 });
    let analysis = match &report.hindrance {
        Some(hindrance) => Err(hindrance.words().to_owned()),
        None => AnalysisNote::read(&report.words),
    };
    Ok(Found { analysis, hindrance: report.hindrance, model: report.model })
}

fn text(document: &AssumptionAnalysis) -> String {
    let Some(analysis) = &document.analysis else {
        let fault = document.refused.as_deref().unwrap_or("there was no answer");
        return format!("# No analysis\n\n{}", fenced(fault));
    };
    let mut text = format!("# What does not hold\n\n{}", fenced(&analysis.wrong_assumption));
    let list = |items: &[String]| items.iter().flat_map(|item| ["- ", item, "\n"]).collect();
    let (evidence, disproved): (String, String) =
        (list(&analysis.evidence), list(&analysis.disproved));
    for (title, body) in [
        ("What failed", &analysis.what_failed),
        ("What shows it", &evidence),
        ("What it is not either", &disproved),
        ("What to do instead", &analysis.recommended_fix),
        ("What a person would have to answer", &analysis.question),
    ] {
        let _ = write!(text, "\n## {title}\n\n{}", fenced(body));
    }
    text
}
