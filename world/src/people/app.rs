//! The App's owner and the accounts that install it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::repo::Repository;
use crate::World;
use crate::keys;
use crate::state::app::{Installation, Level, Selection};
use crate::state::{State, UserKind};

impl World {
    /// The App's number.
    pub fn app_id(&self) -> u64 {
        self.state().app.id
    }

    /// The App's private key, as GitHub hands it out.
    pub fn private_key_pem(&self) -> String {
        keys::app_key().pem.clone()
    }

    /// What was signed with the App's key, if it was: the payload of a compact JSON Web Signature.
    pub fn signed_by_the_app(&self, signature: &str) -> Option<serde_json::Value> {
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let payload = jsonwebtoken::decode(signature, &keys::app_key().public, &validation);
        payload.ok().map(|payload| payload.claims)
    }

    /// The secret that webhooks are signed with.
    pub fn webhook_secret(&self) -> String {
        self.state().app.webhook_secret.clone()
    }

    /// Webhooks are signed with a new secret from now on.
    pub fn rotate_webhook_secret(&self) -> String {
        let secret = keys::random_hex();
        self.state().app.webhook_secret.clone_from(&secret);
        secret
    }

    /// The login of the App's bot user.
    pub fn bot(&self) -> String {
        self.state().app.bot()
    }

    /// The App's owner changes a permission; installations follow at once. `None` takes it away.
    pub fn grant(&self, permission: &str, level: Option<Level>) {
        let mut state = self.state();
        let State { app, installations, .. } = &mut *state;
        let all = installations.values_mut().map(|one| &mut one.permissions);
        for permissions in all.chain([&mut app.permissions]) {
            match level {
                Some(level) => permissions.insert(permission.to_owned(), level),
                None => permissions.remove(permission),
            };
        }
    }

    /// The App's owner changes what the App hears.
    pub fn subscribe(&self, events: &[&str]) {
        self.state().app.events = events.iter().map(|event| (*event).to_owned()).collect();
    }

    /// The App's owner changes where webhooks go.
    pub fn send_webhooks_to(&self, url: &str) {
        url.clone_into(&mut self.state().app.hook_url);
    }

    /// A person confirms a manifest; the code is what GitHub sends back with them.
    pub fn accept_manifest(&self, manifest: Value) -> String {
        let code = keys::random_hex();
        self.state().manifests.insert(code.clone(), manifest);
        code
    }

    /// An account installs the App on all its repositories; the installation's number.
    pub fn install(&self, account: &str) -> u64 {
        self.installed(account, Selection::All)
    }

    /// An account installs the App on these of its repositories; the installation's number.
    pub fn install_on(&self, account: &str, repositories: &[&Repository]) -> u64 {
        let ids = repositories.iter().map(|repository| repository.id).collect();
        self.installed(account, Selection::Selected(ids))
    }

    fn installed(&self, account: &str, selection: Selection) -> u64 {
        let now_ms = self.now_ms();
        let mut state = self.state();
        state.account(account, UserKind::Organization);
        let id = state.fresh_id();
        let installation = Installation {
            id,
            account: account.to_owned(),
            selection,
            permissions: state.app.permissions.clone(),
            suspended_ms: None,
            created_ms: now_ms,
        };
        state.installations.insert(id, installation);
        state.tell_of_installation(id, "created", account, now_ms);
        id
    }

    /// The account removes the App.
    pub fn uninstall(&self, account: &str) {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let id = state.installation_for(account);
        state.uninstall(id, account, now_ms);
    }

    /// The account suspends the App.
    pub fn suspend(&self, account: &str) {
        let now_ms = self.now_ms();
        self.set_suspended(account, Some(now_ms));
    }

    /// The account lets the App work again.
    pub fn unsuspend(&self, account: &str) {
        self.set_suspended(account, None);
    }

    fn set_suspended(&self, account: &str, at_ms: Option<i64>) {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let id = state.installation_for(account);
        if let Some(installation) = state.installations.get_mut(&id) {
            installation.suspended_ms = at_ms;
        }
        let action = if at_ms.is_some() { "suspend" } else { "unsuspend" };
        state.tell_of_installation(id, action, account, now_ms);
    }

    /// The account adds a repository to its selection.
    pub fn add_repository(&self, repository: &Repository) {
        self.select(repository, "added");
    }

    /// The account takes a repository out of its selection.
    pub fn remove_repository(&self, repository: &Repository) {
        self.select(repository, "removed");
    }

    fn select(&self, repository: &Repository, action: &str) {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let account = state.repo_mut(repository.id).owner.clone();
        let id = state.installation_for(&account);
        let all: BTreeSet<u64> =
            state.repos.values().filter(|repo| repo.owner == account).map(|repo| repo.id).collect();
        let Some(installation) = state.installations.get_mut(&id) else { return };
        let mut ids = match &installation.selection {
            Selection::All => all,
            Selection::Selected(ids) => ids.clone(),
        };
        if action == "added" {
            ids.insert(repository.id);
        } else {
            ids.remove(&repository.id);
        }
        installation.selection = Selection::Selected(ids);
        let installation = installation.clone();
        let brief = state.repo_brief_json(repository.id);
        let (added, removed) = if action == "added" {
            (json!([brief]), json!([]))
        } else {
            (json!([]), json!([brief]))
        };
        let body = json!({
            "installation": state.installation_json(&installation),
            "repository_selection": "selected",
            "repositories_added": added,
            "repositories_removed": removed,
            "requester": null,
            "sender": state.user_json(&account),
        });
        state.tell_installation(now_ms, ("installation_repositories", action), id, body);
    }
}

impl State {
    fn installation_for(&self, account: &str) -> u64 {
        let mut all = self.installations.values();
        let found = all.find(|one| one.account.eq_ignore_ascii_case(account));
        let Some(found) = found else { unknown(&format!("the App is not installed on {account}")) };
        found.id
    }

    fn tell_of_installation(&mut self, id: u64, action: &str, sender: &str, now_ms: i64) {
        let Some(installation) = self.installations.get(&id).cloned() else { return };
        let reached: Vec<Value> = self
            .repos
            .values()
            .filter(|repo| repo.owner.eq_ignore_ascii_case(&installation.account))
            .filter(|repo| installation.reaches(repo.id))
            .map(|repo| self.repo_brief_json(repo.id))
            .collect();
        let body = json!({
            "installation": self.installation_json(&installation),
            "repositories": reached,
            "requester": null,
            "sender": self.user_json(sender),
        });
        self.tell_installation(now_ms, ("installation", action), id, body);
    }

    pub(crate) fn uninstall(&mut self, id: u64, sender: &str, now_ms: i64) {
        self.tell_of_installation(id, "deleted", sender, now_ms);
        self.installations.remove(&id);
        self.tokens.retain(|_, token| token.installation != id);
    }
}

/// A test asked for what is not there.
#[track_caller]
#[expect(clippy::panic, reason = "a mistake of the test must stop it where it was made")]
pub(crate) fn unknown(what: &str) -> ! {
    panic!("{what}");
}
