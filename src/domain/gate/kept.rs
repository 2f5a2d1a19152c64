//! A verdict as it is kept with its attempt: what the gate said when it was asked, for receipts and for
//! whoever asks later why a patch was committed, whatever its rules say by then.

use serde::{Deserialize, Serialize};

use super::{Answer, Finding, Verdict, Weight};

/// Findings that are kept; the weightiest come first, and the count tells of the others.
pub const FINDINGS_KEPT_MAX: usize = 100;

/// What the gate said about a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVerdict {
    /// Its answer.
    pub answer: Answer,
    /// Why, the weightiest first; at most [`FINDINGS_KEPT_MAX`].
    pub findings: Vec<KeptFinding>,
    /// Findings beyond these.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: usize,
}

/// What a rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFinding {
    /// The rule's id.
    pub rule: String,
    /// How much weight it had.
    pub weight: Weight,
    /// The file, and the line where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Why, for people.
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

impl From<&Verdict> for KeptVerdict {
    fn from(verdict: &Verdict) -> Self {
        let findings = verdict.findings();
        Self {
            answer: verdict.answer(),
            findings: findings.iter().take(FINDINGS_KEPT_MAX).map(KeptFinding::from).collect(),
            more: findings.len().saturating_sub(FINDINGS_KEPT_MAX),
        }
    }
}

impl From<&Finding> for KeptFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.to_owned(),
            weight: finding.weight,
            place: finding.place().or_else(|| finding.file.as_ref().map(ToString::to_string)),
            message: finding.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_comes_back_as_it_was_said_and_counts_what_is_left_out() {
        let many = |_| Finding::new("size", Weight::Note, "large");
        let mut findings: Vec<Finding> = (0..FINDINGS_KEPT_MAX).map(many).collect();
        findings.push(Finding::new("mode", Weight::Hold, "a mode"));
        let kept = KeptVerdict::from(&Verdict::new(findings));
        assert_eq!((kept.answer, kept.findings.len(), kept.more), (Answer::Hold, 100, 1));
        assert_eq!(kept.findings[0].rule, "mode");
        let json = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<KeptVerdict>(&json).unwrap(), kept);
    }
}
