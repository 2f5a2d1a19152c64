//! The project's files as they lie on disk.
//!
//! Not git's view: a file that is not committed yet is judged too. Build output, tools and fixtures
//! (other people's text) are left out.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are not ours to judge.
const FOREIGN: &[&str] = &[".git", "target", "node_modules", "fixtures"];
/// Larger files are data, not text that somebody wrote.
const TEXT_BYTES_MAX: u64 = 512 * 1024;

/// The project's folder.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

/// A text file.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

impl Tree {
    /// The folder that the package's manifest lies in.
    pub(crate) fn of_the_project() -> Self {
        // Asked at run time: one build may serve several checkouts that share a target directory.
        let root = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        Self { root }
    }

    /// All files, sorted, relative to the root.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of the project can be read") {
                let entry = entry.expect("a folder of the project can be read");
                let name = entry.file_name();
                let kind = entry.file_type().expect("a file has a type");
                if FOREIGN.iter().any(|foreign| name == *foreign) {
                    continue;
                }
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    paths.push(self.relative(&entry.path()));
                }
            }
        }
        paths.sort();
        paths
    }

    /// The text files with one of these extensions; all text files when none is named.
    pub(crate) fn texts(&self, extensions: &[&str]) -> Vec<Text> {
        self.paths()
            .into_iter()
            .filter(|path| {
                let extension = Path::new(path).extension().and_then(|it| it.to_str());
                extensions.is_empty() || extension.is_some_and(|it| extensions.contains(&it))
            })
            .filter_map(|path| Some(Text { text: self.text(&path)?, path }))
            .collect()
    }

    /// The names of the files in one folder, sorted; none when there is no such folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let start = format!("{folder}/");
        self.paths()
            .iter()
            .filter_map(|path| path.strip_prefix(&start))
            .map(str::to_owned)
            .collect()
    }

    fn text(&self, path: &str) -> Option<String> {
        let path = self.root.join(path);
        let bytes = fs::metadata(&path).ok()?.len();
        if bytes > TEXT_BYTES_MAX { None } else { fs::read_to_string(path).ok() }
    }

    fn relative(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).expect("a file of the tree lies in the tree");
        path.to_string_lossy().replace('\\', "/")
    }
}
