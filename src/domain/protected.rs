//! Protected paths: what a patch may not touch, or only with a person's word.
//!
//! Patterns have gitignore's meaning and are compared without regard to case, because
//! `.GitHub/Workflows` is the same directory on some checkouts. A pattern that cannot be read
//! protects everything (it fails closed). A repository adds to the defaults; it narrows them only
//! by naming the very pattern under `unprotect`.

use std::sync::LazyLock;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use thiserror::Error;

use super::agent::{CARDS, Card};
use super::ids::RepoPath;

/// How strongly a path is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protection {
    /// A patch that touches it waits for a person.
    Hold,
    /// A patch that touches it is refused.
    Refuse,
}

/// A protected pattern, as built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// The pattern, in gitignore's form.
    pub pattern: &'static str,
    /// How strongly it is protected.
    pub protection: Protection,
    /// Why, for people.
    pub why: &'static str,
}

const fn refuse(pattern: &'static str, why: &'static str) -> BuiltIn {
    BuiltIn { pattern, protection: Protection::Refuse, why }
}

const fn hold(pattern: &'static str, why: &'static str) -> BuiltIn {
    BuiltIn { pattern, protection: Protection::Hold, why }
}

const CI: &str = "decides what CI runs";
const AGENT: &str = "configures coding agents";
const GUIDE: &str = "guides coding agents";
const DOTENV: &str = "is read by coding agents as their own settings";
const MANIFEST: &str = "decides which dependencies are used";
const OWNERS: &str = "decides who reviews";

/// What is protected unless a repository says otherwise: what decides about CI, owners and git, what
/// steers coding agents, what decides about dependencies.
pub fn built_in() -> &'static [BuiltIn] {
    static ALL: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
        let mut all = FIRST.to_vec();
        for built_in in CARDS.iter().flat_map(|card| of_an_agent(card)).chain(OTHERS.to_vec()) {
            if !all.iter().any(|known| known.pattern == built_in.pattern) {
                all.push(built_in);
            }
        }
        all.extend(MANIFESTS);
        all
    });
    &ALL
}

/// What steers one agent, as its card says.
fn of_an_agent(card: &Card) -> Vec<BuiltIn> {
    let guides = card.guidance.iter().chain(card.more_guidance).map(|it| refuse(it, GUIDE));
    let settings = card.settings.iter().map(|it| refuse(it, AGENT));
    let shared = card.shared_settings.iter().map(|it| refuse(it, DOTENV));
    guides.chain(settings).chain(shared).collect()
}

const FIRST: &[BuiltIn] = &[
    refuse("/.github/**", CI),
    refuse("/.gitlab-ci.yml", CI),
    refuse("/.circleci/**", CI),
    refuse("/.buildkite/**", CI),
    refuse("Jenkinsfile", CI),
    refuse("/.travis.yml", CI),
    refuse("azure-pipelines.yml", CI),
    refuse("/security/**", "is the repository's own security policy"),
    refuse("CODEOWNERS", OWNERS),
    refuse("selfheal.yml", "is selfheal's own configuration"),
    refuse(".gitmodules", "decides which other repositories are pulled in"),
    refuse(".gitattributes", "decides how git treats files"),
];

/// What steers agents that have no card: they come by the command line of a policy.
const OTHERS: &[BuiltIn] = &[
    refuse(".goosehints", GUIDE),
    refuse(".cursor/", AGENT),
    refuse(".husky/", "runs on every commit"),
];

const MANIFESTS: &[BuiltIn] = &[
    hold("Cargo.toml", MANIFEST),
    hold("Cargo.lock", MANIFEST),
    hold("package.json", MANIFEST),
    hold("package-lock.json", MANIFEST),
    hold("npm-shrinkwrap.json", MANIFEST),
    hold("pnpm-lock.yaml", MANIFEST),
    hold("pnpm-workspace.yaml", MANIFEST),
    hold("yarn.lock", MANIFEST),
    hold("bun.lock*", MANIFEST),
    hold(".npmrc", MANIFEST),
    hold("pyproject.toml", MANIFEST),
    hold("poetry.lock", MANIFEST),
    hold("uv.lock", MANIFEST),
    hold("Pipfile*", MANIFEST),
    hold("requirements*.txt", MANIFEST),
    hold("setup.py", MANIFEST),
    hold("go.mod", MANIFEST),
    hold("go.sum", MANIFEST),
    hold("Gemfile*", MANIFEST),
    hold("pom.xml", MANIFEST),
    hold("build.gradle*", MANIFEST),
    hold("gradle.lockfile", MANIFEST),
    hold("composer.json", MANIFEST),
    hold("composer.lock", MANIFEST),
    hold("mix.exs", MANIFEST),
    hold("mix.lock", MANIFEST),
    hold("*.csproj", MANIFEST),
    hold("packages.lock.json", MANIFEST),
    hold("Package.resolved", MANIFEST),
];

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{pattern:?} is not a path pattern: {reason}")]
pub struct BadPattern {
    /// The pattern as given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What protects a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The pattern that matched.
    pub pattern: String,
    /// How strongly.
    pub protection: Protection,
    /// Why, for people.
    pub why: String,
}

/// The protected paths of one repository.
#[derive(Debug, Clone)]
pub struct ProtectedPaths {
    guards: Vec<Guard>,
    refused: Gitignore,
    held: Gitignore,
}

impl Default for ProtectedPaths {
    fn default() -> Self {
        static DEFAULT: LazyLock<ProtectedPaths> = LazyLock::new(|| {
            ProtectedPaths::new(&Additions::default())
                .expect("invariant: the built-in patterns are well formed")
        });
        DEFAULT.clone()
    }
}

impl PartialEq for ProtectedPaths {
    fn eq(&self, other: &Self) -> bool {
        self.guards == other.guards
    }
}

impl Eq for ProtectedPaths {}

/// What a repository adds to the defaults and takes from them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Additions {
    /// Patterns that refuse.
    pub refuse: Vec<String>,
    /// Patterns that hold.
    pub hold: Vec<String>,
    /// Built-in patterns that shall not protect, written exactly as built in.
    pub unprotect: Vec<String>,
}

impl ProtectedPaths {
    /// The defaults with a repository's additions.
    ///
    /// # Errors
    /// [`BadPattern`] for a pattern that cannot be read, is negated, or an `unprotect` that names
    /// no built-in pattern.
    pub fn new(additions: &Additions) -> Result<Self, BadPattern> {
        if let Some(unknown) = additions
            .unprotect
            .iter()
            .find(|text| !built_in().iter().any(|b| b.pattern == text.as_str()))
        {
            return Err(BadPattern {
                pattern: unknown.clone(),
                reason: "no built-in pattern is written like this".into(),
            });
        }
        let own = built_in()
            .iter()
            .filter(|b| !additions.unprotect.iter().any(|text| text == b.pattern))
            .map(|b| (b.pattern, b.protection, b.why));
        let refused = additions.refuse.iter().map(|p| (p.as_str(), Protection::Refuse, OWN));
        let held = additions.hold.iter().map(|p| (p.as_str(), Protection::Hold, OWN));
        let guards: Vec<Guard> = own
            .chain(refused)
            .chain(held)
            .map(|(pattern, protection, why)| {
                let (pattern, why) = (pattern.to_owned(), why.to_owned());
                Guard { pattern, protection, why }
            })
            .collect();
        let refused = matcher(&guards, Protection::Refuse)?;
        let held = matcher(&guards, Protection::Hold)?;
        Ok(Self { guards, refused, held })
    }

    /// The strongest guard of a path, if any.
    pub fn guard_of(&self, path: &RepoPath) -> Option<&Guard> {
        [&self.refused, &self.held].into_iter().find_map(|matcher| {
            let found = matcher.matched_path_or_any_parents(path.as_str(), false);
            let pattern = found.inner()?.original();
            self.guards.iter().find(|guard| guard.pattern == pattern)
        })
    }

    /// What protects, the built-in first.
    pub fn guards(&self) -> impl Iterator<Item = &Guard> {
        self.guards.iter()
    }

    /// All patterns, for the brief and for `explain`.
    pub fn patterns(&self) -> Vec<String> {
        self.guards.iter().map(|guard| guard.pattern.clone()).collect()
    }
}

/// Whether a path configures coding agents; such files are never taken from a pull request.
pub fn configures_agents(path: &RepoPath) -> bool {
    static AGENTS: LazyLock<Gitignore> = LazyLock::new(|| because(&[AGENT, GUIDE, DOTENV]));
    is_among(&AGENTS, path)
}

/// Whether a path is of those that agents may see as the base branch has them: guidance for them, and
/// settings that are the repository's own before they are theirs. What configures them and nothing
/// else they never see.
pub fn is_agents_from_base(path: &RepoPath) -> bool {
    static FROM_BASE: LazyLock<Gitignore> = LazyLock::new(|| because(&[GUIDE, DOTENV]));
    is_among(&FROM_BASE, path)
}

/// The built-in patterns that are there for one of these reasons.
fn because(reasons: &[&str]) -> Gitignore {
    let chosen = built_in().iter().filter(|built_in| reasons.contains(&built_in.why));
    let guards: Vec<Guard> = chosen
        .map(|built_in| Guard {
            pattern: built_in.pattern.to_owned(),
            protection: built_in.protection,
            why: built_in.why.to_owned(),
        })
        .collect();
    matcher(&guards, Protection::Refuse).expect("invariant: the built-in patterns are well formed")
}

fn is_among(patterns: &Gitignore, path: &RepoPath) -> bool {
    // As a file and as a directory: `.claude` may be a symbolic link to one.
    [false, true]
        .iter()
        .any(|is_dir| patterns.matched_path_or_any_parents(path.as_str(), *is_dir).is_ignore())
}

const OWN: &str = "is protected by this repository's own policy";

/// One matcher for all patterns of a strength.
fn matcher(guards: &[Guard], protection: Protection) -> Result<Gitignore, BadPattern> {
    let mut builder = GitignoreBuilder::new("");
    let bad = |pattern: &str, reason: &str| BadPattern {
        pattern: pattern.to_owned(),
        reason: reason.to_owned(),
    };
    let _ = builder.case_insensitive(true).map_err(|error| bad("", &error.to_string()))?;
    for guard in guards.iter().filter(|guard| guard.protection == protection) {
        let pattern = guard.pattern.as_str();
        if pattern.trim().is_empty() || pattern.starts_with('#') {
            return Err(bad(pattern, "it is empty or a comment"));
        }
        if pattern.starts_with('!') {
            return Err(bad(pattern, "a protection cannot be negated; use `unprotect`"));
        }
        builder.add_line(None, pattern).map_err(|error| bad(pattern, &error.to_string()))?;
    }
    builder.build().map_err(|error| bad("", &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<Protection>) {
        let paths = ProtectedPaths::default();
        let found = paths.guard_of(&RepoPath::parse(path).unwrap()).map(|guard| guard.protection);
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn the_defaults_protect_what_steers_ci_agents_and_dependencies() {
        use Protection::{Hold, Refuse};
        check("src/lib.rs", None);
        check(".github/workflows/ci.yml", Some(Refuse));
        check(".GitHub/Workflows/ci.yml", Some(Refuse));
        check("docs/.github/x.md", None);
        check("security/policy/a.rs", Some(Refuse));
        check("src/security/a.rs", None);
        check("CODEOWNERS", Some(Refuse));
        check("docs/CODEOWNERS", Some(Refuse));
        check("packages/a/CLAUDE.md", Some(Refuse));
        check(".claude/settings.json", Some(Refuse));
        check("sub/.claude/hooks/x.sh", Some(Refuse));
        check("Cargo.lock", Some(Hold));
        check("crates/x/Cargo.toml", Some(Hold));
        check("requirements-dev.txt", Some(Hold));
        check("package.json.md", None);
        check(".github/selfheal.yml", Some(Refuse));
    }

    #[test]
    fn what_configures_agents_is_told_from_what_is_only_protected() {
        let check = |path: &str, expected: bool| {
            assert_eq!(configures_agents(&RepoPath::parse(path).unwrap()), expected, "{path}");
        };
        check("CLAUDE.md", true);
        check("sub/claude.md", true);
        check(".claude", true);
        check(".claude/settings.json", true);
        check("packages/a/.mcp.json", true);
        check(".github/workflows/ci.yml", false);
        check("Cargo.lock", false);
        check("src/claude.rs", false);
    }

    #[test]
    fn a_repository_adds_to_the_defaults_and_narrows_them_only_by_name() {
        let paths = ProtectedPaths::new(&Additions {
            refuse: vec!["migrations/".into()],
            hold: vec!["*.snap".into()],
            unprotect: vec!["Cargo.lock".into()],
        })
        .unwrap();
        let guard = |path: &str| {
            paths.guard_of(&RepoPath::parse(path).unwrap()).map(|guard| guard.protection)
        };
        assert_eq!(guard("db/migrations/1.sql"), Some(Protection::Refuse));
        assert_eq!(guard("src/a.snap"), Some(Protection::Hold));
        assert_eq!(guard("Cargo.lock"), None);
        assert_eq!(guard("Cargo.toml"), Some(Protection::Hold));
    }

    #[test]
    fn a_pattern_that_cannot_protect_is_an_error() {
        let with = |refuse: &str| {
            ProtectedPaths::new(&Additions { refuse: vec![refuse.into()], ..Additions::default() })
        };
        assert!(with("!src").is_err());
        assert!(with(" ").is_err());
        assert!(with("[z-a]").is_err());
        let unknown = Additions { unprotect: vec!["cargo.lock".into()], ..Additions::default() };
        assert!(ProtectedPaths::new(&unknown).is_err());
    }
}
