//! Paths as printed, made relative to the repository.
//!
//! Machines differ in where a checkout lies; faults must not. The invariant: what comes out is a
//! [`RepoPath`] with forward slashes, or nothing when the file is not the repository's own (a
//! toolchain, a dependency, a temporary directory).

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::redact::harmless;
use crate::domain::ids::RepoPath;

/// Where CI systems and containers put a checkout, the longest prefix first.
static CHECKOUTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let roots = [
        r"/(?:home|Users)/runner/work/[^/]+/[^/]+", // GitHub
        r"/__w/[^/]+/[^/]+",                        // GitHub, in a container
        r"/github/workspace",
        r"/(?:runner|actions-runner)/_work/[^/]+/[^/]+",
        r"/[A-Za-z]/a/[^/]+/[^/]+", // GitHub, Windows, after `D:\` became `/D/`
        r"/a/[^/]+/[^/]+",
        r"/home/travis/build/[^/]+/[^/]+",
        r"/(?:home/travis|root)/gopath/src/[^/]+/[^/]+/[^/]+",
        r"/home/travis/gopath/src/[^/]+/[^/]+/[^/]+",
        r"/Users/travis/build/[^/]+/[^/]+",
        r"/builds/[^/]+/[^/]+",                      // GitLab
        r"/(?:home/circleci|root)/(?:project|repo)", // CircleCI
        r"/(?:[^/]+/){0,4}buildkite(?:-agent)?/builds/[^/]+/[^/]+/[^/]+",
        r"/Users/distiller/project",                 // CircleCI, macOS
        r"/(?:home/vsts|agent|azp)/_?work/[0-9]+/s", // Azure
        r"/home/vsts/work/[0-9]+/s",
        r"/(?:var/lib/jenkins|home/jenkins|var/jenkins_home)/(?:agent/)?workspace/[^/]+",
        r"/opt/(?:buildagent|atlassian)/[^/]+/(?:agent/)?(?:build|[0-9a-f]+)",
        r"/[cC]/projects/[^/]+", // AppVeyor
        r"/drone/src",
        r"/woodpecker/src/[^/]+/[^/]+/[^/]+",
        r"/.*/\.cache/act/[0-9a-f]+/hostexecutor", // act on the host
        r"/builddir/build/BUILD/[^/]+(?:-build/[^/]+)?", // RPM
        concat!(
            r"/(?:workspace|workspaces/[^/]+|usr/src/app|usr/src/[^/]+|code|app|src|repo",
            r"|project|build|work)",
        ),
        r"/go/src/[^/]+/[^/]+/[^/]+",
        r"/tmp/(?:repo|workspace|checkout)",
    ];
    Regex::new(&format!(r"(?-u)^(?:{})/", roots.join("|"))).ok()
});

/// Parts of a path that say that the file belongs to somebody else.
const FOREIGN: [&str; 18] = [
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/.cargo/registry/",
    "/.cargo/git/",
    "/.rustup/",
    "/rustc/",
    "/rustlib/",
    "/hostedtoolcache/",
    "/pkg/mod/",
    "/usr/local/go/",
    "/usr/lib/",
    "/usr/include/",
    "/usr/local/lib/",
    "/usr/local/include/",
    "/.gradle/",
    "/.m2/",
    "/gems/",
];

/// Directories that stand for the repository's root, besides those that CI systems always use.
#[derive(Debug, Default)]
pub(super) struct Roots<'a> {
    /// What the caller knows.
    pub(super) given: &'a [String],
    /// What the log itself says, the shortest first.
    pub(super) learned: &'a [String],
}

/// How many roots a log may teach.
const LEARNED_MAX: usize = 8;

/// What programs print before and after the directory in which they work.
const MENTIONS: [(&str, &str); 6] = [
    ("Initialized empty Git repository in ", "/.git"),
    ("Reinitialized existing Git repository in ", "/.git"),
    ("Working directory is '", "'"),
    ("rootdir: ", ","),
    ("Building in workspace ", "\n"),
    ("Checkout directory: ", "\n"),
];

/// Learns from a line which directory is the repository's root.
pub(super) fn learn(line: &str, roots: &mut Vec<String>) {
    if roots.len() >= LEARNED_MAX {
        return;
    }
    for (before, after) in MENTIONS {
        let Some(rest) = line.strip_prefix(before) else { continue };
        let root = normalise(rest.split(after).next().unwrap_or(rest).trim());
        let deep = root.starts_with('/') && root.matches('/').count() > 1;
        if deep && !roots.contains(&root) {
            roots.push(root);
            roots.sort_by_key(String::len);
        }
    }
}

/// The path in the repository that a printed path means.
pub(super) fn relative(printed: &str, roots: &Roots<'_>) -> Option<RepoPath> {
    let path = normalise(printed);
    if FOREIGN.iter().any(|part| path.contains(part))
        || path.starts_with("node_modules/")
        || path.starts_with('<')
    {
        return None;
    }
    let mut inside = without_root(&path, roots)?;
    while let Some(rest) = inside.strip_prefix("./").or_else(|| inside.strip_prefix("../")) {
        inside = rest;
    }
    let collapsed = collapse(inside);
    // A name with hidden characters reads like another file's: that is no place to send anybody.
    RepoPath::parse(&collapsed).ok().filter(|path| harmless(path.as_str()) == path.as_str())
}

/// A printed path below the directory in which its program worked; `None` when it says itself where it
/// lies: it is absolute, a URL, or begins with that directory already.
pub(super) fn joined(directory: &str, printed: &str) -> Option<String> {
    let path = normalise(printed);
    let is_relative = !path.starts_with(['/', '<', '~']) && !printed.contains("://");
    let plain = path.trim_start_matches("./");
    (is_relative && below(plain, directory).is_none()).then(|| format!("{directory}/{plain}"))
}

/// Forward slashes, no scheme, no drive; an absolute path begins with a slash.
fn normalise(printed: &str) -> String {
    let trimmed = printed.trim().trim_matches(['"', '\'', '`', '(', ')']);
    let mut path = trimmed.replace('\\', "/");
    for scheme in ["file://", "webpack:///", "webpack://", "//?/", "//./"] {
        if let Some(rest) = path.strip_prefix(scheme) {
            path = rest.to_owned();
        }
    }
    // A file URL's way to write a drive: `/D:/a`.
    let is_drive = |at: &[u8]| at.len() > 2 && at[0].is_ascii_alphabetic() && &at[1..3] == b":/";
    if path.strip_prefix('/').is_some_and(|rest| is_drive(rest.as_bytes())) {
        path.remove(0);
    }
    let bytes = path.as_bytes();
    if is_drive(bytes) {
        path = format!("/{}{}", &path[..1], &path[2..]);
    }
    // Bazel runs compilers in a sandbox that mirrors the workspace.
    if let Some((_, rest)) = path.split_once("/execroot/")
        && let Some((_, inside)) = rest.split_once('/')
    {
        return inside.to_owned();
    }
    path
}

fn without_root<'p>(path: &'p str, roots: &Roots<'_>) -> Option<&'p str> {
    let below = |roots: &[String]| roots.iter().find_map(|root| below(path, root));
    if let Some(inside) = below(roots.given) {
        return Some(inside);
    }
    if !path.starts_with('/') {
        return Some(path);
    }
    match CHECKOUTS.as_ref()?.find(path.as_bytes()) {
        Some(root) => path.get(root.end()..),
        None => below(roots.learned),
    }
}

/// The part of a path below a root.
fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    let root = normalise(root);
    path.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/')
}

/// Takes `.` and resolvable `..` parts out of a relative path.
fn collapse(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(printed: &str, expected: Option<&str>) {
        let given = ["/opt/checkout/".to_owned()];
        let mut learned = Vec::new();
        learn("Initialized empty Git repository in /srv/ci/shop/.git/", &mut learned);
        let got = relative(printed, &Roots { given: &given, learned: &learned });
        assert_eq!(got.as_ref().map(RepoPath::as_str), expected, "{printed:?}");
    }

    #[test]
    fn a_place_is_the_same_wherever_the_checkout_lies() {
        for root in [
            "",
            "./",
            "/home/runner/work/shop/shop/",
            "/Users/runner/work/shop/shop/",
            "D:\\a\\shop\\shop\\",
            "/D:/a/shop/shop/",
            "\\\\?\\D:\\a\\shop\\shop\\",
            "/__w/shop/shop/",
            "/github/workspace/",
            "/builds/group/shop/",
            "/home/circleci/project/",
            "/Users/distiller/project/",
            "/var/lib/buildkite-agent/builds/agent-1/acme/shop/",
            "/buildkite/builds/agent-1/acme/shop/",
            "/woodpecker/src/git.example.com/acme/shop/",
            "/home/vsts/work/1/s/",
            "/home/travis/build/acme/shop/",
            "/opt/checkout/",
            "/srv/ci/shop/",
            "/home/me/.cache/act/0a1b2c/hostexecutor/",
            "file:///home/runner/work/shop/shop/",
            "webpack:///./",
            "/root/.cache/bazel/x/sandbox/linux-sandbox/7/execroot/_main/",
        ] {
            check(&format!("{root}src/a.rs"), Some("src/a.rs"));
        }
        check("src\\a\\b.cs", Some("src/a/b.cs"));
        check("../../lib/a.rs", Some("lib/a.rs"));
        check("src/x/../a.rs", Some("src/a.rs"));
    }

    #[test]
    fn what_is_printed_in_a_directory_lies_there() {
        let joined = |path| joined("web/api", path);
        assert_eq!(joined("src/a.ts").as_deref(), Some("web/api/src/a.ts"));
        assert_eq!(joined("./a.ts").as_deref(), Some("web/api/a.ts"));
        assert_eq!(joined("..\\b.ts").as_deref(), Some("web/api/../b.ts"));
        for itself in
            ["/srv/ci/shop/a.ts", "web/api/a.ts", "C:\\a.ts", "file:///a.ts", "<anonymous>"]
        {
            assert_eq!(joined(itself), None, "{itself}");
        }
    }

    #[test]
    fn files_of_others_have_no_place_here() {
        check("/home/runner/.cargo/registry/src/index/serde-1.0.0/src/lib.rs", None);
        check("/rustc/abc/library/core/src/option.rs", None);
        check("node_modules/jest/build/index.js", None);
        check("/usr/lib/python3/dist-packages/x.py", None);
        check("<frozen importlib._bootstrap>", None);
        check("/etc/passwd", None);
        check("src/.git/config", None);
        check("", None);
        check("src/a\u{202e}sr.rs", None);
    }
}
