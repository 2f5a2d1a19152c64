//! Identifiers and other small values, parsed once at the border.
//!
//! Past the border no `String` holds a SHA, a login, a branch or a path: each has a type here with a
//! private field and a fallible `parse`. Numeric ids are the forge's own and never change, while
//! names and owners do, so everything is keyed by number (`platform.md` rule: key tenants and
//! repositories by numeric ids). Ids of our own are UUIDs with a prefix in their text form.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// A text that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} expected, got {got:?}")]
pub struct Malformed {
    /// What was expected, in words.
    pub what: &'static str,
    /// The beginning of what was given; at most [`MALFORMED_CHARS_MAX`] characters.
    pub got: String,
}

/// How much of a malformed text an error repeats: enough to recognise it, too little to leak a log.
pub const MALFORMED_CHARS_MAX: usize = 60;

impl Malformed {
    /// An error for `got`, of which only the beginning is kept.
    pub fn new(what: &'static str, got: &str) -> Self {
        Self { what, got: got.chars().take(MALFORMED_CHARS_MAX).collect() }
    }
}

/// Lets serde read and write a value by its text form, so that a stored or sent one is parsed too.
macro_rules! text_form {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The id that the forge gave.
            pub const fn new(id: u64) -> Self {
                Self(id)
            }

            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

numeric_id! {
    /// A repository, by the forge's own number.
    RepoId
}
numeric_id! {
    /// An installation of the App on an account.
    InstallationId
}
numeric_id! {
    /// A user or bot.
    UserId
}
numeric_id! {
    /// A pull request's number within its repository.
    PrNumber
}
numeric_id! {
    /// A workflow run; its re-runs share the id and count attempts.
    RunId
}
numeric_id! {
    /// A job of a workflow run.
    JobId
}
numeric_id! {
    /// A check run.
    CheckRunId
}
numeric_id! {
    /// An artifact of a workflow run.
    ArtifactId
}
numeric_id! {
    /// A comment on a pull request or in its review.
    CommentId
}

macro_rules! own_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        text_form!($name);

        impl $name {
            /// The id made of a UUID, which the `Ids` port hands out (version 7, ordered by time).
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Reads the text form, for example
            #[doc = concat!("`", $prefix, "_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b`.")]
            ///
            /// # Errors
            /// [`Malformed`] when the prefix or the UUID is wrong.
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| Malformed::new(concat!("an id that starts with ", $prefix, "_"), text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

own_id! {
    /// A case.
    CaseId, "case"
}
own_id! {
    /// An attempt inside a case.
    AttemptId, "att"
}
own_id! {
    /// An effect in the outbox.
    EffectId, "eff"
}
own_id! {
    /// A call of a model.
    CallId, "call"
}

macro_rules! text_value {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        text_form!($name);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text_value! {
    /// A commit's (or another git object's) full hash: 40 or 64 lower-case hexadecimal digits.
    Sha
}

impl Sha {
    /// Reads a full hash; upper case is folded.
    ///
    /// # Errors
    /// [`Malformed`] unless it is 40 (SHA-1) or 64 (SHA-256) hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
        if hex && matches!(text.len(), 40 | 64) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(Malformed::new("a full commit hash", text))
        }
    }

    /// The first seven digits, as people write it.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

text_value! {
    /// A user's or bot's login; for people to read, never a key.
    Login
}

impl Login {
    /// Reads a login; `[bot]` endings are part of it.
    ///
    /// # Errors
    /// [`Malformed`] when it is empty, over 100 characters, or has white space or control characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fine = !text.is_empty()
            && text.len() <= 100
            && text.chars().all(|c| c.is_alphanumeric() || "-_.[]".contains(c));
        if fine { Ok(Self(text.to_owned())) } else { Err(Malformed::new("a login", text)) }
    }

    /// Whether it names a bot account, as GitHub marks Apps' users.
    pub fn is_bot(&self) -> bool {
        self.0.ends_with("[bot]")
    }
}

text_value! {
    /// A branch's name without `refs/heads/`.
    Branch
}

impl Branch {
    /// Reads a branch name by git's rules for reference names (`git check-ref-format`).
    ///
    /// # Errors
    /// [`Malformed`] when git would refuse the name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let bad_char = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
        let bad_part = |p: &str| {
            p.is_empty() || p.starts_with('.') || p.ends_with('.') || p.ends_with(".lock")
        };
        let fine = text.len() <= 255
            && !text.starts_with('-')
            && !text.contains("..")
            && !text.contains("@{")
            && !text.chars().any(bad_char)
            && !text.split('/').any(bad_part);
        if fine { Ok(Self(text.to_owned())) } else { Err(Malformed::new("a branch name", text)) }
    }
}

text_value! {
    /// A path inside a repository: relative, `/`-separated, without `.`, `..`, empty parts or NUL.
    RepoPath
}

impl RepoPath {
    /// Reads a path as git's index holds it.
    ///
    /// # Errors
    /// [`Malformed`] for absolute paths, `.git` as any part (in any case), parts that leave the
    /// repository, control characters, backslashes, or over 4,096 bytes.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let bad_part =
            |p: &str| p.is_empty() || p == "." || p == ".." || p.eq_ignore_ascii_case(".git");
        let fine = text.len() <= 4096
            && !text.chars().any(|c| c.is_control() || c == '\\')
            && !text.split('/').any(bad_part);
        if fine {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("a path inside the repository", text))
        }
    }
}

text_value! {
    /// A label's name; GitHub compares them without regard to case, and so do we.
    Label
}

impl Label {
    /// Reads a label's name.
    ///
    /// # Errors
    /// [`Malformed`] when it is empty, over 50 characters (GitHub's limit) or has control characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fine = !text.trim().is_empty()
            && text.chars().count() <= 50
            && !text.chars().any(char::is_control);
        if fine { Ok(Self(text.to_owned())) } else { Err(Malformed::new("a label", text)) }
    }

    /// Whether both name the same label.
    pub fn is(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }
}

text_value! {
    /// A webhook delivery's id as the forge sent it; the same again on redelivery.
    DeliveryId
}

impl DeliveryId {
    /// Reads the id; GitHub sends a GUID, so anything short, printable and without spaces will do.
    ///
    /// # Errors
    /// [`Malformed`] when it is empty, over 64 bytes, or has other characters than letters, digits
    /// and `-`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fine = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if fine { Ok(Self(text.to_owned())) } else { Err(Malformed::new("a delivery id", text)) }
    }
}

/// A repository's owner and name: for URLs and people, never a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoSlug {
    owner: String,
    name: String,
}

text_form!(RepoSlug);

impl RepoSlug {
    /// Reads `owner/name`.
    ///
    /// # Errors
    /// [`Malformed`] unless both parts are made of letters, digits, `-`, `_` and `.`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let part = |p: &str| {
            !p.is_empty()
                && p.len() <= 100
                && p != "."
                && p != ".."
                && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if part(owner) && part(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(Malformed::new("a repository as owner/name", text)),
        }
    }

    /// The account that owns the repository.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's name without its owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RepoSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// A moment, in milliseconds since 1970 UTC; handed out by the `Clock` port alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that many milliseconds after 1970 began in UTC.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970 UTC.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This moment moved by a span; saturates at the ends.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How many milliseconds passed since `earlier`; zero when it lies ahead.
    pub const fn since_ms(self, earlier: Self) -> i64 {
        let span = self.0.saturating_sub(earlier.0);
        if span < 0 { 0 } else { span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn path(text: &str, fine: bool) {
        assert_eq!(RepoPath::parse(text).is_ok(), fine, "{text:?}");
    }

    #[test]
    fn a_repository_path_cannot_leave_the_repository() {
        path("src/lib.rs", true);
        path("a b/ü.txt", true);
        path("", false);
        path("/etc/passwd", false);
        path("../up", false);
        path("a/../b", false);
        path("a//b", false);
        path("a\\b", false);
        path(".git/config", false);
        path("sub/.GIT/hooks", false);
        path(".gitignore", true);
        path("a\nb", false);
    }

    #[track_caller]
    fn branch(text: &str, fine: bool) {
        assert_eq!(Branch::parse(text).is_ok(), fine, "{text:?}");
    }

    #[test]
    fn a_branch_name_obeys_git() {
        branch("main", true);
        branch("renovate/major-react", true);
        branch("-option", false);
        branch("a..b", false);
        branch("a/.hidden", false);
        branch("a.lock", false);
        branch("a b", false);
        branch("a@{1}", false);
        branch("", false);
    }

    #[test]
    fn ids_of_our_own_read_back_what_they_print() {
        let id = AttemptId::new(Uuid::from_u128(7));
        assert_eq!(id.to_string(), "att_00000000000000000000000000000007");
        assert_eq!(AttemptId::parse(&id.to_string()), Ok(id));
        assert!(CaseId::parse(&id.to_string()).is_err());
    }

    #[test]
    fn a_hash_is_whole_or_nothing() {
        assert!(Sha::parse("abc1234").is_err());
        assert_eq!(Sha::parse(&"A".repeat(40)).map(|s| s.short().to_owned()), Ok("aaaaaaa".into()));
    }
}
