//! Policy: what a repository allows and wants, after its file has been checked.
//!
//! Every value here is legal; `config` makes it from `.github/selfheal.yml` on the base branch. A
//! repository without the file gets [`Policy::default`].

use super::autonomy::Bounds;
use super::brief::{FixerSpec, Network, RunLimits};
use super::failure::FailureKind;
use super::gate::content::Severities;
use super::ids::{Label, RepoPath};
use super::ledger::Caps;
use super::protected::ProtectedPaths;

/// The cap that no repository can raise: after three attempts a person looks.
pub const ATTEMPTS_MAX: u8 = 3;

/// What a repository allows and wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether selfheal works in this repository at all.
    pub enabled: bool,
    /// Attempts per case, 1 to [`ATTEMPTS_MAX`].
    pub attempts_max: u8,
    /// Fixers in the order in which they are tried.
    pub fixers: Vec<FixerSpec>,
    /// Commands that must be green after a fix, beside the failing one.
    pub verify: Vec<String>,
    /// Paths that a patch may not touch, or only with a person's word.
    pub protected: ProtectedPaths,
    /// Labels that matter.
    pub labels: Labels,
    /// What may be spent.
    pub budget: Budget,
    /// How large a patch may be.
    pub size: SizeLimits,
    /// What rules about content weigh here, where the repository says so.
    pub gate: Severities,
    /// Which workflows are healed.
    pub workflows: NameFilter,
    /// Which base branches are healed.
    pub branches: NameFilter,
    /// Whether draft pull requests are healed.
    pub drafts: Drafts,
    /// What happens with pull requests from forks.
    pub forks: Forks,
    /// Files of problem matchers: the repository's own rules for reading its logs.
    pub matchers: Vec<FileGlob>,
    /// Kinds of failure that are worth an attempt.
    pub kinds: Vec<FailureKind>,
    /// What the sandbox may reach.
    pub network: Network,
    /// Limits of one attempt.
    pub limits: RunLimits,
    /// How long CI may take to start on our commit before we say that it does not, in minutes.
    pub ci_start_minutes_max: u32,
    /// Whether fixers may ask people.
    pub questions: Questions,
    /// How often failed jobs run again.
    pub reruns: Reruns,
    /// What happens about failures that the base branch has, too.
    pub base: BasePolicy,
    /// Whether fixes that healed are kept and tried first.
    pub remedies: Remedies,
    /// How much may be done without a person.
    pub autonomy: Bounds,
}

/// Whether fixes that healed are kept and tried first, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedies {
    /// They are not.
    None,
    /// For the repository itself.
    Repository,
    /// For all repositories of its owner that say the same: what healed one is tried in the others.
    Owner,
}

/// How often the failed jobs of one head run again on our word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reruns {
    /// When all that failed comes and goes.
    pub flaky: u8,
    /// When machines or servers failed.
    pub infrastructure: u8,
}

/// The most reruns that a repository can ask for: a service that is down for longer is down.
pub const RERUNS_MAX: u8 = 3;

/// What happens about failures that the base branch has, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasePolicy {
    /// How it is healed.
    pub heal: HealBase,
    /// What happens with pull requests when it is mended.
    pub when_mended: WhenMended,
}

/// How a broken base branch is healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealBase {
    /// By a pull request of our own, once for all that wait for it.
    PullRequest,
    /// Not at all: people mend it.
    Off,
}

/// What happens with pull requests whose base branch is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenMended {
    /// People are told.
    Tell,
    /// They are brought up to date by merging the base branch into them.
    Update,
}

/// Whether fixers may ask people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Questions {
    /// The most questions at a time; with 0 nobody is asked.
    pub max: u8,
    /// How long people have to answer, in hours.
    pub hours: u32,
}

/// Labels that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Set while selfheal works on a pull request.
    pub involved: Label,
    /// Any of these, set by a person, means hands off.
    pub stop: Vec<Label>,
    /// When given, only pull requests with this label are healed.
    pub require: Option<Label>,
    /// Set while selfheal works on an update bot's pull request, so that the bot leaves it alone.
    pub hold_updates: Label,
    /// Logins of update bots.
    pub update_bots: Vec<String>,
}

/// What may be spent in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Attempts within 24 hours.
    pub attempts_per_day: u32,
    /// Attempts at the same time.
    pub attempts_at_once: u32,
    /// What calls of models may cost; they lower the operator's caps and raise none.
    pub models: Caps,
}

/// How large a patch may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimits {
    /// Files touched.
    pub files_max: u32,
    /// Lines added and removed together.
    pub lines_max: u32,
    /// Bytes of new content.
    pub bytes_max: u64,
}

/// Which names are meant: all but the excluded, or only the included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameFilter {
    /// When not empty, only these (globs with `*`).
    pub include: Vec<String>,
    /// Never these (globs with `*`).
    pub exclude: Vec<String>,
}

impl NameFilter {
    /// Whether a name is meant. Comparison is exact but for `*`, which stands for any characters.
    pub fn admits(&self, name: &str) -> bool {
        let any = |globs: &[String]| globs.iter().any(|glob| glob_matches(glob, name));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// Whether `name` is what `glob` describes; `*` stands for any characters, also none.
fn glob_matches(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Where repositories keep the files of problem matchers that their workflows name to GitHub.
const USUAL_MATCHERS: &str = ".github/*matcher*.json";

/// Which files are meant: a path below a folder, in which `*` stands for any characters, also `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGlob(String);

impl FileGlob {
    /// Reads a path; `None` when it is none, or when only the whole repository could be looked
    /// through for it, because a star stands in its first part.
    pub fn parse(text: &str) -> Option<Self> {
        let path = RepoPath::parse(text).ok()?;
        let (before, _) = text.split_once('*').unwrap_or((text, ""));
        let is_named = before.len() == text.len();
        (is_named || before.contains('/')).then(|| Self(path.as_str().to_owned()))
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder to look through; `None` when it names one file.
    pub fn folder(&self) -> Option<RepoPath> {
        let (before, _) = self.0.split_once('*')?;
        let (folder, _) = before.rsplit_once('/')?;
        RepoPath::parse(folder).ok()
    }

    /// Whether a file is meant. Comparison is exact but for `*`.
    pub fn admits(&self, path: &RepoPath) -> bool {
        glob_matches(&self.0, path.as_str())
    }
}

/// Whether draft pull requests are healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drafts {
    /// They are left alone until they are ready.
    Wait,
    /// They are healed like any other.
    Heal,
}

/// What happens with pull requests from forks, whose branches the App cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forks {
    /// They are left alone.
    Ignore,
    /// The failure is read and explained in the check run; no attempt is made.
    Explain,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            enabled: true,
            attempts_max: ATTEMPTS_MAX,
            fixers: vec![FixerSpec::Recipes { only: Vec::new() }],
            verify: Vec::new(),
            protected: ProtectedPaths::default(),
            labels: Labels::default(),
            budget: Budget { attempts_per_day: 40, attempts_at_once: 4, models: Caps::NONE },
            size: SizeLimits { files_max: 20, lines_max: 500, bytes_max: 512 * 1024 },
            gate: Severities::default(),
            workflows: NameFilter::default(),
            branches: NameFilter::default(),
            drafts: Drafts::Wait,
            forks: Forks::Explain,
            matchers: vec![FileGlob(USUAL_MATCHERS.to_owned())],
            kinds: vec![
                FailureKind::CompileError,
                FailureKind::TypeError,
                FailureKind::Lint,
                FailureKind::Format,
                FailureKind::TestFailure,
                FailureKind::Dependency,
                FailureKind::Unknown,
            ],
            network: Network::Closed,
            limits: RunLimits::default(),
            ci_start_minutes_max: 15,
            questions: Questions { max: 3, hours: 72 },
            reruns: Reruns { flaky: 1, infrastructure: 2 },
            base: BasePolicy { heal: HealBase::PullRequest, when_mended: WhenMended::Tell },
            remedies: Remedies::Repository,
            autonomy: Bounds::default(),
        }
    }
}

impl Default for Labels {
    fn default() -> Self {
        let label = |text| Label::parse(text).expect("invariant: a built-in label is well formed");
        Self {
            involved: label("selfheal"),
            stop: vec![label("selfheal:stop"), label("stop-updating")],
            require: None,
            hold_updates: label("stop-updating"),
            update_bots: ["renovate[bot]", "dependabot[bot]"].map(str::to_owned).to_vec(),
        }
    }
}

/// Where a repository says what it allows: on the base branch, never on the head.
pub const POLICY_FILE: &str = ".github/selfheal.yml";

/// The path of [`POLICY_FILE`] as a value.
pub fn policy_path() -> RepoPath {
    RepoPath::parse(POLICY_FILE).expect("invariant: the policy file's path is well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn glob(glob: &str, name: &str, expected: bool) {
        assert_eq!(glob_matches(glob, name), expected, "{glob} {name}");
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        glob("main", "main", true);
        glob("main", "maintenance", false);
        glob("release/*", "release/1.2", true);
        glob("release/*", "release", false);
        glob("*", "", true);
        glob("*-e2e-*", "nightly-e2e-linux", true);
        glob("*-e2e", "x-e2e-y", false);
        glob("a*b*b", "ab", false);
        glob("a*b*b", "abb", true);
    }

    #[track_caller]
    fn file(glob: &str, folder: Option<&str>, meant: &[&str], others: &[&str]) {
        let path = |text: &str| RepoPath::parse(text).unwrap();
        let glob = FileGlob::parse(glob).unwrap();
        assert_eq!(glob.folder(), folder.map(path), "{glob:?}");
        assert!(meant.iter().all(|text| glob.admits(&path(text))), "{glob:?}");
        assert!(!others.iter().any(|text| glob.admits(&path(text))), "{glob:?}");
    }

    #[test]
    fn a_file_is_named_or_looked_for_below_a_folder_and_never_everywhere() {
        file("a.json", None, &["a.json"], &["b/a.json"]);
        file("ci/a*/b.json", Some("ci"), &["ci/ax/b.json", "ci/a/c/b.json"], &["ci/b.json"]);
        let usual = [".github/problem-matchers/go.json", ".github/tsc-matcher.json"];
        let others = [".github/labels.json", "matcher.json", ".github/matcher.yml"];
        file(USUAL_MATCHERS, Some(".github"), &usual, &others);
        for none in ["*.json", "a*/b.json", "/a.json", "../a.json", "", "a//*.json"] {
            assert_eq!(FileGlob::parse(none), None, "{none}");
        }
        assert!(FileGlob::parse(USUAL_MATCHERS).is_some());
    }

    #[test]
    fn an_excluded_name_stays_out_even_when_included() {
        let filter = NameFilter { include: vec!["ci*".into()], exclude: vec!["ci-nightly".into()] };
        assert!(filter.admits("ci"));
        assert!(!filter.admits("ci-nightly"));
        assert!(!filter.admits("docs"));
        assert!(NameFilter::default().admits("anything"));
    }
}
