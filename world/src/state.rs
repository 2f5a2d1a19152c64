//! What is true on this GitHub: one value behind one mutex.
//!
//! REST answers, GraphQL answers and webhooks are projections of it (`shapes`); nothing else
//! remembers anything. The mutex is never held across an await: whoever needs git reads git first,
//! then locks, and re-checks what may have changed in between. Git objects and refs live on disk,
//! and the state holds only what git does not: who, when, and what people said.

pub(crate) mod app;
pub(crate) mod check;
pub(crate) mod pull;
pub(crate) mod repo;
pub(crate) mod run;

use std::collections::BTreeMap;

use crate::faults::Faults;
use crate::hooks::Hooks;
use crate::ledger::Ledger;
use crate::odds::Luck;

use app::{App, Installation, Token};
use repo::Repo;

/// The App that makes check runs for workflow jobs; its number on github.com.
pub(crate) const ACTIONS_APP: u64 = 15_368;

/// What kind of account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    /// A person.
    User,
    /// The user of an App.
    Bot,
    /// An organization.
    Organization,
}

impl UserKind {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Bot => "Bot",
            Self::Organization => "Organization",
        }
    }
}

/// An account.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: UserKind,
}

/// An App by which check runs are made: ours, Actions, or some other CI.
#[derive(Debug, Clone)]
pub(crate) struct AppRef {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) name: String,
}

/// Bytes behind a signed address, as the answer to "where is the log".
#[derive(Debug, Clone)]
pub(crate) struct SignedBlob {
    pub(crate) bytes: Vec<u8>,
    pub(crate) until_ms: i64,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) api_url: String,
    pub(crate) web_url: String,
    next_id: u64,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) app: App,
    pub(crate) other_apps: BTreeMap<u64, AppRef>,
    pub(crate) manifests: BTreeMap<String, serde_json::Value>,
    pub(crate) installations: BTreeMap<u64, Installation>,
    pub(crate) tokens: BTreeMap<String, Token>,
    /// Tokens of people, for git.
    pub(crate) personal_tokens: BTreeMap<String, String>,
    /// What jobs show when they ask for an OIDC token, and the claims it will have.
    pub(crate) identities: BTreeMap<String, serde_json::Value>,
    pub(crate) repos: BTreeMap<u64, Repo>,
    pub(crate) blobs: BTreeMap<String, SignedBlob>,
    pub(crate) hooks: Hooks,
    pub(crate) faults: Faults,
    pub(crate) luck: Luck,
    pub(crate) ledger: Ledger,
}

impl State {
    pub(crate) fn new(api_url: String, web_url: String, now_ms: i64) -> Self {
        let actions = AppRef {
            id: ACTIONS_APP,
            slug: "github-actions".into(),
            name: "GitHub Actions".into(),
        };
        let mut state = Self {
            api_url,
            web_url,
            next_id: 1000,
            users: BTreeMap::new(),
            app: App::registered(now_ms),
            other_apps: BTreeMap::from([(ACTIONS_APP, actions)]),
            manifests: BTreeMap::new(),
            installations: BTreeMap::new(),
            tokens: BTreeMap::new(),
            personal_tokens: BTreeMap::new(),
            identities: BTreeMap::new(),
            repos: BTreeMap::new(),
            blobs: BTreeMap::new(),
            hooks: Hooks::default(),
            faults: Faults::default(),
            luck: Luck::default(),
            ledger: Ledger::default(),
        };
        state.user("github-actions[bot]");
        let bot = state.app.bot();
        state.user(&bot);
        state
    }

    /// A number that nothing else has; kinds share one sequence, so that mixed-up ids show.
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The account of that name, made when it is met first.
    pub(crate) fn user(&mut self, login: &str) -> User {
        let kind = if login.ends_with("[bot]") { UserKind::Bot } else { UserKind::User };
        self.account(login, kind)
    }

    pub(crate) fn account(&mut self, login: &str, kind: UserKind) -> User {
        let key = login.to_lowercase();
        if let Some(user) = self.users.get(&key) {
            return user.clone();
        }
        let user = User { id: self.fresh_id(), login: login.to_owned(), kind };
        self.users.insert(key, user.clone());
        user
    }

    pub(crate) fn find_user(&self, login: &str) -> Option<&User> {
        self.users.get(&login.to_lowercase())
    }

    pub(crate) fn repo(&self, id: u64) -> Option<&Repo> {
        self.repos.get(&id)
    }

    /// A repository that is known to exist: its id came from the state itself.
    pub(crate) fn repo_mut(&mut self, id: u64) -> &mut Repo {
        self.repos.get_mut(&id).expect("invariant: repositories are never removed from the map")
    }

    pub(crate) fn repo_named(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.repos.values().find(|repo| {
            repo.owner.eq_ignore_ascii_case(owner) && repo.name.eq_ignore_ascii_case(name)
        })
    }

    /// The installation that reaches a repository.
    pub(crate) fn installation_of(&self, repo: u64) -> Option<&Installation> {
        let owner = &self.repos.get(&repo)?.owner;
        self.installations
            .values()
            .find(|inst| inst.account.eq_ignore_ascii_case(owner) && inst.reaches(repo))
    }

    /// The App with that slug, other than ours, made when it is met first.
    pub(crate) fn other_app(&mut self, slug: &str) -> AppRef {
        if let Some(app) = self.other_apps.values().find(|app| app.slug == slug) {
            return app.clone();
        }
        let app = AppRef { id: self.fresh_id(), slug: slug.to_owned(), name: slug.to_owned() };
        self.other_apps.insert(app.id, app.clone());
        app
    }

    /// The App with that number: ours or another.
    pub(crate) fn app_ref(&self, id: u64) -> AppRef {
        if id == self.app.id {
            return AppRef { id, slug: self.app.slug.clone(), name: self.app.name.clone() };
        }
        self.other_apps.get(&id).cloned().expect("invariant: check runs name a known App")
    }
}
