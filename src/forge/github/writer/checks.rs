//! The check run: found by its number, else by its external id, else created.

use http::Method;
use serde_json::{Value, json};

use super::super::GithubForge;
use super::super::client::As;
use super::super::types::CheckRunJson;
use crate::domain::ids::CheckRunId;
use crate::domain::pull::Repo;
use crate::domain::view::{Annotation, AnnotationLevel, CheckStatus, CheckView};
use crate::ports::forge::{ForgeError, PublishedCheck};

/// GitHub takes at most fifty annotations in a request and appends them.
const ANNOTATIONS_PER_REQUEST: usize = 50;

impl GithubForge {
    pub(super) async fn check_published(
        &self,
        repo: &Repo,
        view: &CheckView,
        known: Option<PublishedCheck>,
    ) -> Result<PublishedCheck, ForgeError> {
        let known = match known {
            Some(known) => Some(known),
            None => self.check_with_external_id(repo, view).await?,
        };
        let sent = known.map_or(0, |known| known.annotations_sent as usize);
        let left = view.annotations.get(sent..).unwrap_or_default();
        let mut batches = left.chunks(ANNOTATIONS_PER_REQUEST);
        let first = batches.next().unwrap_or_default();
        let known_id = known.map(|known| known.id);
        let id = self.send_check(As::reporter(repo), view, known_id, first).await?;
        for batch in batches {
            self.send_check(As::reporter(repo).following(), view, Some(id), batch).await?;
        }
        let annotations_sent = u32::try_from(view.annotations.len().max(sent)).unwrap_or(u32::MAX);
        Ok(PublishedCheck { id, annotations_sent })
    }

    /// A check run that was made before a crash, whose answer we never saw, or that a database which
    /// was put back from a backup does not know, with as many annotations as it has.
    async fn check_with_external_id(
        &self,
        repo: &Repo,
        view: &CheckView,
    ) -> Result<Option<PublishedCheck>, ForgeError> {
        let path = format!(
            "/commits/{}/check-runs?check_name={}&app_id={}&filter=all",
            view.head,
            self.check_name,
            self.client.app_id()
        );
        let checks: Vec<CheckRunJson> = self.client.pages(repo, &path, Some("check_runs")).await?;
        let found = checks
            .into_iter()
            .find(|check| check.external_id.as_deref() == Some(view.external_id.as_str()));
        Ok(found.map(|check| {
            let sent = check.output.and_then(|output| output.annotations_count);
            PublishedCheck { id: CheckRunId::new(check.id), annotations_sent: sent.unwrap_or(0) }
        }))
    }

    async fn send_check(
        &self,
        who: As<'_>,
        view: &CheckView,
        id: Option<CheckRunId>,
        annotations: &[Annotation],
    ) -> Result<CheckRunId, ForgeError> {
        let mut body = check_body(view, annotations);
        let answer = match id {
            Some(id) => {
                let path = format!("/check-runs/{id}");
                self.client.call(who, Method::PATCH, &path, Some(&body)).await?
            }
            None => {
                body["head_sha"] = json!(view.head.as_str());
                self.client.call(who, Method::POST, "/check-runs", Some(&body)).await?
            }
        };
        let check: CheckRunJson = answer.json()?;
        Ok(CheckRunId::new(check.id))
    }
}

fn check_body(view: &CheckView, annotations: &[Annotation]) -> Value {
    let (status, conclusion) = match view.status {
        CheckStatus::Queued => ("queued", None),
        CheckStatus::InProgress => ("in_progress", None),
        CheckStatus::Success => ("completed", Some("success")),
        CheckStatus::Neutral => ("completed", Some("neutral")),
        CheckStatus::ActionRequired => ("completed", Some("action_required")),
        CheckStatus::Cancelled => ("completed", Some("cancelled")),
    };
    // An empty text is sent too: left out, GitHub would go on showing the one before.
    let mut output = json!({ "title": view.title, "summary": view.summary, "text": view.text });
    if !annotations.is_empty() {
        output["annotations"] = annotations.iter().map(annotation).collect();
    }
    let mut body = json!({
        "name": super::super::CHECK_NAME,
        "external_id": view.external_id,
        "status": status,
        "output": output,
    });
    if let Some(conclusion) = conclusion {
        body["conclusion"] = json!(conclusion);
        body["actions"] = view
            .buttons
            .iter()
            .map(|button| {
                json!({
                    "label": button.label,
                    "description": button.description,
                    "identifier": button.identifier,
                })
            })
            .collect();
    }
    if let Some(url) = &view.details_url {
        body["details_url"] = json!(url);
    }
    body
}

fn annotation(annotation: &Annotation) -> Value {
    let level = match annotation.level {
        AnnotationLevel::Notice => "notice",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Failure => "failure",
    };
    let mut body = json!({
        "path": annotation.path.as_str(),
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "annotation_level": level,
        "title": annotation.title,
        "message": annotation.message,
    });
    if let Some(column) = annotation.start_column {
        // A column without the other is refused.
        body["start_column"] = json!(column);
        body["end_column"] = json!(column);
    }
    if let Some(details) = &annotation.raw_details {
        body["raw_details"] = json!(details);
    }
    body
}
