//! Toolchains: what of the machine a command can run.
//!
//! `/usr` is seen whole. Of everything else only what the runner's own search path leads to is seen,
//! read-only, and never a whole home directory: `~/.cargo/bin` but not `~/.cargo/credentials.toml`.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Directories that `/usr` stands for; they are links or the same on every current system.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/libx32"];

/// Toolchain directories below a home, with the part of the search path that leads to them and what
/// of them is seen.
const IN_HOME: [(&str, &[&str]); 9] = [
    (".cargo/bin", &[".cargo/bin"]),
    (".local/bin", &[".local/bin", ".local/lib", ".local/share/pipx", ".local/share/uv"]),
    (".pyenv", &[".pyenv"]),
    (".nvm", &[".nvm/versions"]),
    (".volta", &[".volta/bin", ".volta/tools"]),
    (".rbenv", &[".rbenv"]),
    (".sdkman", &[".sdkman/candidates"]),
    (".deno/bin", &[".deno/bin"]),
    (".bun/bin", &[".bun/bin"]),
];

/// What a command can run.
#[derive(Debug, Clone, Default)]
pub struct Toolchain {
    /// The search path, as inside.
    pub(super) search_path: String,
    /// Directories to show read-only, at their own place.
    pub(super) directories: BTreeSet<PathBuf>,
    /// rustup's home, when there is one.
    pub(super) rustup_home: Option<PathBuf>,
}

impl Toolchain {
    /// What this process could run.
    pub(super) fn of_this_process() -> Self {
        let home = env::var_os("HOME").map(PathBuf::from);
        let mut tools = Self::of(&env::var_os("PATH").unwrap_or_default(), home.as_deref());
        let rustup = env::var_os("RUSTUP_HOME").map(PathBuf::from);
        let rustup = rustup.or_else(|| home.map(|home| home.join(".rustup")));
        tools.rustup_home = rustup.filter(|dir| dir.is_dir());
        tools.directories.extend(tools.rustup_home.clone());
        let named = ["RUNNER_TOOL_CACHE", "JAVA_HOME", "GOROOT", "DOTNET_ROOT", "PYENV_ROOT"];
        let named = named.into_iter().filter_map(env::var_os).map(PathBuf::from);
        tools.directories.extend(named.chain([PathBuf::from("/nix/store")]));
        tools.directories.retain(|dir| dir.is_absolute() && dir.is_dir() && !is_system(dir));
        tools
    }

    fn of(path: &OsString, home: Option<&Path>) -> Self {
        let mut tools = Self::default();
        let mut kept: Vec<String> = Vec::new();
        for dir in env::split_paths(path) {
            let Some(text) = dir.to_str().filter(|text| text.starts_with('/')) else { continue };
            if kept.iter().any(|known| known == text) {
                continue;
            }
            match shown_for(&dir, home) {
                Some(directories) => tools.directories.extend(directories),
                None => continue,
            }
            kept.push(text.to_owned());
        }
        for usual in ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"] {
            if !kept.iter().any(|known| known == usual) {
                kept.push(usual.to_owned());
            }
        }
        tools.search_path = kept.join(":");
        tools
    }
}

/// What has to be seen for a directory of the search path to work; `None` leaves it out.
fn shown_for(dir: &Path, home: Option<&Path>) -> Option<Vec<PathBuf>> {
    if is_system(dir) {
        return Some(Vec::new());
    }
    if let Some((home, rest)) = home.and_then(|home| Some((home, dir.strip_prefix(home).ok()?))) {
        let (_, shown) = IN_HOME.iter().find(|(lead, _)| rest.starts_with(lead))?;
        return Some(shown.iter().map(|part| home.join(part)).collect());
    }
    // `/opt/tool/bin` needs what stands beside it; `/tool` alone would show too much of the machine.
    let parent = dir.parent().filter(|parent| parent.components().count() > 2);
    let is_bin = dir.file_name().is_some_and(|name| name == "bin" || name == "sbin");
    match parent {
        Some(parent) if is_bin => Some(vec![parent.to_owned()]),
        Some(_) | None if dir.components().count() > 2 => Some(vec![dir.to_owned()]),
        Some(_) | None => None,
    }
}

fn is_system(dir: &Path) -> bool {
    SYSTEM.iter().any(|system| dir.starts_with(system))
}

/// Finds a program on this process's own search path; an absolute path.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, search_path: &str, shown: &[&str]) {
        let tools = Toolchain::of(&OsString::from(path), Some(Path::new("/home/me")));
        let usual = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
        let expected =
            if search_path.is_empty() { usual.into() } else { format!("{search_path}:{usual}") };
        assert_eq!(tools.search_path, expected);
        let directories: Vec<&str> =
            tools.directories.iter().filter_map(|dir| dir.to_str()).collect();
        assert_eq!(directories, shown);
    }

    #[test]
    fn a_home_is_never_shown_only_toolchains_in_it() {
        check("/home/me/.cargo/bin", "/home/me/.cargo/bin", &["/home/me/.cargo/bin"]);
        check("/home/me/.pyenv/shims", "/home/me/.pyenv/shims", &["/home/me/.pyenv"]);
        check("/home/me/bin", "", &[]);
        check("/home/me", "", &[]);
        check("relative/bin", "", &[]);
        check("/bin2", "", &[]);
        check("/opt/node/bin", "/opt/node/bin", &["/opt/node"]);
        check("/opt/tools", "/opt/tools", &["/opt/tools"]);
        check("/home/other/bin", "/home/other/bin", &["/home/other"]);
    }
}
