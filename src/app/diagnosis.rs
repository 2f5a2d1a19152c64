//! Diagnosis: is everything in place, and what to do where it is not.
//!
//! Looks and never changes anything.

use url::Url;

use super::App;
use crate::compute::actions::WORKFLOW as WORKFLOW_FILE;
use crate::config::{app_manifest, repository};
use crate::domain::ids::RepoSlug;
use crate::domain::model::Provider;
use crate::domain::policy::{POLICY_FILE, policy_path};
use crate::domain::pull::Repo;
use crate::forge::github::app::Registration;
use crate::ports::forge::{ForgeError, ForgeReader};
use crate::ports::history::ForgeHistory as _;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, and how it is.
    pub what: String,
    /// What to do; `None` when it is in place.
    pub remedy: Option<String>,
}

fn fine(what: impl Into<String>) -> Finding {
    Finding { what: what.into(), remedy: None }
}

fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { what: what.into(), remedy: Some(remedy.into()) }
}

/// What there is to say before any credentials.
pub fn without_credentials() -> Vec<Finding> {
    vec![wrong("credentials: none", "run `selfheal setup` and follow its steps")]
}

/// Looks at credentials, permissions, events, the webhook, and at a repository if one is named.
pub async fn diagnose(
    app: &App,
    public_url: Option<&Url>,
    slug: Option<&RepoSlug>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match app.github().client().registration().await {
        Ok(registration) => {
            let name = registration.slug.clone().unwrap_or_default();
            findings.push(fine(format!("credentials: the App {name}")));
            findings.extend(permissions(&registration));
            findings.extend(events(&registration));
            findings.extend(webhook(app, public_url).await);
        }
        Err(error) => findings.push(wrong(
            format!("credentials: GitHub does not accept them ({error})"),
            "check the App's number and its private key; make a new key on the App's page",
        )),
    }
    findings.push(models(app));
    if let Some(slug) = slug {
        findings.extend(repository_findings(app, slug).await);
    }
    findings
}

/// A repository by its name.
///
/// # Errors
/// [`ForgeError::NotFound`] when the App is not installed there.
pub async fn repository_named(app: &App, slug: &RepoSlug) -> Result<Repo, ForgeError> {
    let client = app.github().client();
    let installation = client.installed_on(slug).await?;
    client.repo_named(slug, installation).await
}

fn permissions(registration: &Registration) -> Vec<Finding> {
    app_manifest::permissions()
        .into_iter()
        .map(|(name, level)| {
            let has = registration.permissions.get(&name).and_then(|value| value.as_str());
            let enough = has == Some(level.as_str()) || has == Some("write");
            if enough {
                fine(format!("permission {name}: {level}"))
            } else {
                let remedy = format!(
                    "on the App's page give {name}: {level}; then every installation must accept it"
                );
                wrong(format!("permission {name}: {} of {level}", has.unwrap_or("none")), remedy)
            }
        })
        .collect()
}

fn events(registration: &Registration) -> Vec<Finding> {
    let missing: Vec<String> = app_manifest::events()
        .into_iter()
        .filter(|event| !registration.events.contains(event))
        .collect();
    if missing.is_empty() {
        vec![fine("events: all subscribed")]
    } else {
        let what = format!("events: not subscribed to {}", missing.join(", "));
        vec![wrong(what, "tick them on the App's page under Permissions & events")]
    }
}

async fn webhook(app: &App, public_url: Option<&Url>) -> Vec<Finding> {
    let client = app.github().client();
    let mut findings = Vec::new();
    match client.hook().await {
        Ok(hook) => {
            let url = hook.url.unwrap_or_default();
            let wanted = public_url
                .map(|base| format!("{}/webhooks/github", base.as_str().trim_end_matches('/')));
            match wanted {
                Some(wanted) if wanted != url => findings.push(wrong(
                    format!("webhook: goes to {url}"),
                    format!("set it to {wanted} on the App's page"),
                )),
                Some(_) => findings.push(fine(format!("webhook: goes to {url}"))),
                None => findings.push(wrong(
                    "webhook: this server does not know its public address",
                    "set --public-url (or SELFHEAL_PUBLIC_URL)",
                )),
            }
            if hook.content_type.as_deref() == Some("form") {
                let remedy = "set the content type to application/json on the App's page";
                findings.push(wrong("webhook: is sent as a form", remedy));
            }
        }
        Err(error) => findings.push(cannot_tell("webhook", &error)),
    }
    match app.github().deliveries(None).await {
        Ok(page) => {
            let arrived = |answer: Option<u16>| answer.is_some_and(|code| code < 300);
            let failed = page.deliveries.iter().filter(|one| !arrived(one.answer)).count();
            let all = page.deliveries.len();
            if failed == 0 {
                findings.push(fine(format!("deliveries: the last {all} arrived")));
            } else {
                findings.push(wrong(
                    format!("deliveries: {failed} of the last {all} did not arrive"),
                    "see that the address is reachable and the webhook secret is the same",
                ));
            }
        }
        Err(error) => findings.push(cannot_tell("deliveries", &error)),
    }
    findings
}

/// Which providers of models are set up; without any there are recipes and programs, and no agents.
fn models(app: &App) -> Finding {
    let models = &app.services().models;
    let open: Vec<&str> = models.providers().into_iter().map(Provider::as_str).collect();
    if open.is_empty() {
        return fine("models: no provider is set up; agents need a key, see docs/models.md");
    }
    let version = &models.prices().version;
    fine(format!("models: {}, prices of {version}", open.join(", ")))
}

fn cannot_tell(what: &str, error: &ForgeError) -> Finding {
    wrong(format!("{what}: could not be asked ({error})"), "try again; GitHub may be down")
}

async fn repository_findings(app: &App, slug: &RepoSlug) -> Vec<Finding> {
    let client = app.github().client();
    let installation = match client.installed_on(slug).await {
        Ok(installation) => installation,
        Err(ForgeError::NotFound(_)) => {
            let what = format!("{slug}: the App is not installed there");
            return vec![wrong(what, "install it on the App's page")];
        }
        Err(error) => return vec![cannot_tell(&format!("{slug}: installation"), &error)],
    };
    let mut findings = vec![fine(format!("{slug}: the App is installed"))];
    let repo = match client.repo_named(slug, installation).await {
        Ok(repo) => repo,
        Err(error) => {
            let what = format!("{slug}: cannot be read ({error})");
            findings.push(wrong(what, "accept the App's permissions on the installation's page"));
            return findings;
        }
    };
    findings.push(match client.workflow_state(&repo, WORKFLOW_FILE).await {
        Ok(Some(state)) if state == "active" => fine(format!("{slug}: workflow {WORKFLOW_FILE}")),
        Ok(Some(state)) => wrong(
            format!("{slug}: workflow {WORKFLOW_FILE} is {state}"),
            "switch it on under the repository's Actions tab",
        ),
        Ok(None) => wrong(
            format!("{slug}: workflow {WORKFLOW_FILE} is missing"),
            "copy workflows/selfheal.yml to .github/workflows/selfheal.yml on the default branch",
        ),
        Err(error) => cannot_tell(&format!("{slug}: workflow"), &error),
    });
    findings.push(policy(app, &repo, slug).await);
    findings
}

async fn policy(app: &App, repo: &Repo, slug: &RepoSlug) -> Finding {
    let branch = match app.github().default_branch(repo).await {
        Ok(branch) => branch,
        Err(error) => return cannot_tell(&format!("{slug}: default branch"), &error),
    };
    match app.github().file(repo, branch.as_str(), &policy_path()).await {
        Ok(None) => fine(format!("{slug}: no {POLICY_FILE}, the defaults hold")),
        Ok(Some(text)) => match repository::check(&text) {
            Ok(_) => fine(format!("{slug}: {POLICY_FILE}")),
            Err(problems) => {
                let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
                wrong(format!("{slug}: {POLICY_FILE} is wrong"), words.join("; "))
            }
        },
        Err(error) => cannot_tell(&format!("{slug}: {POLICY_FILE}"), &error),
    }
}
