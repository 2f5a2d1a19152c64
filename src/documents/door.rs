//! What the server takes of a runner: only documents of their schemas, of this attempt, of the stage and
//! the round that are reported.
//!
//! A runner is not trusted, and what it says is shown to people, handed to the next runner and counted
//! in receipts. What does not fit is refused as a whole, with what is wrong and where, so that nothing
//! is kept that nobody can read.

use thiserror::Error;

use super::{
    AssumptionAnalysis, BadDocument, Front, State, TaskInput, TriagePlan, ValidationStrategy,
    VerificationResults, about, form::front_of,
};
use crate::domain::brief::StageReport;
use crate::domain::document::{Document, DocumentName, LAST_ROUND};
use crate::domain::ids::AttemptId;

/// Why a stage's documents are not taken.
#[derive(Debug, Error)]
pub enum Refused {
    /// There is no such round.
    #[error("the round {0} is none of 1 to {LAST_ROUND}")]
    Round(u8),
    /// It is another stage's document, or the same once more.
    #[error("the stage {stage} does not write the document {document}, or wrote it already")]
    NotIts {
        /// The stage.
        stage: &'static str,
        /// The document.
        document: &'static str,
    },
    /// It is not what it should be.
    #[error(transparent)]
    Bad(#[from] BadDocument),
}

/// Holds the documents of a finished stage against their schemas.
///
/// # Errors
/// [`Refused`] for the first that does not fit.
pub fn taken(report: &StageReport, attempt: AttemptId) -> Result<(), Refused> {
    if !(1..=LAST_ROUND).contains(&report.round) {
        return Err(Refused::Round(report.round));
    }
    let mut left = report.stage.writes().to_vec();
    for document in &report.documents {
        let Some(at) = left.iter().position(|name| *name == document.name) else {
            let (stage, document) = (report.stage.as_str(), document.name.as_str());
            return Err(Refused::NotIts { stage, document });
        };
        left.swap_remove(at);
        checked(document, attempt, report.round)?;
    }
    Ok(())
}

/// Holds a document against its schema, and against what it has to be about.
///
/// # Errors
/// [`BadDocument`] when it does not fit.
pub fn checked(document: &Document, attempt: AttemptId, round: u8) -> Result<(), BadDocument> {
    match document.name {
        DocumentName::TaskInput => fits::<TaskInput>(document, attempt, round),
        DocumentName::TriagePlan => fits::<TriagePlan>(document, attempt, round),
        DocumentName::State => fits::<State>(document, attempt, round),
        DocumentName::ValidationStrategy => fits::<ValidationStrategy>(document, attempt, round),
        DocumentName::VerificationResults => fits::<VerificationResults>(document, attempt, round),
        DocumentName::AssumptionAnalysis => fits::<AssumptionAnalysis>(document, attempt, round),
    }
}

fn fits<T: Front>(document: &Document, attempt: AttemptId, round: u8) -> Result<(), BadDocument> {
    let front: T = front_of(document)?;
    if document.round == round && *front.about() == about(T::NAME, attempt, round) {
        Ok(())
    } else {
        Err(BadDocument::Foreign(T::NAME.as_str()))
    }
}
