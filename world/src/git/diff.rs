//! What changed between two commits, read from git's raw list and its patch.

use super::ZEROS;

/// What a diff says about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// The path in the new tree.
    pub path: String,
    /// The path in the old tree, when renamed.
    pub previous_path: Option<String>,
    /// `added`, `removed`, `modified` or `renamed`.
    pub status: String,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// The hunks; `None` for binary files.
    pub patch: Option<String>,
    /// The blob in the new tree, zeros when it was removed.
    pub sha: String,
}

pub(super) fn changed_files(raw: &str, patch: &str) -> Vec<ChangedFile> {
    let patch = format!("\n{patch}");
    let mut bodies = patch.split("\ndiff --git ").skip(1);
    let mut fields = raw.split_terminator('\0');
    let mut files = Vec::new();
    while let Some(meta) = fields.next() {
        let meta: Vec<&str> = meta.split_whitespace().collect();
        let letter = meta.get(4).and_then(|field| field.chars().next()).unwrap_or('M');
        let first = fields.next().unwrap_or_default().to_owned();
        let renamed = matches!(letter, 'R' | 'C');
        let second = if renamed { fields.next().map(str::to_owned) } else { None };
        let hunks = bodies.next().and_then(|body| body.find("\n@@").map(|at| &body[at + 1..]));
        let counted = |sign: char| {
            let lines = hunks.unwrap_or_default().lines();
            lines.filter(|line| line.starts_with(sign)).count() as u64
        };
        let status = match letter {
            'A' => "added",
            'D' => "removed",
            'R' | 'C' => "renamed",
            _ => "modified",
        };
        files.push(ChangedFile {
            path: second.clone().unwrap_or_else(|| first.clone()),
            previous_path: second.map(|_| first),
            status: status.into(),
            additions: counted('+'),
            deletions: counted('-'),
            patch: hunks.map(|text| text.trim_end_matches('\n').to_owned()),
            sha: (*meta.get(3).unwrap_or(&ZEROS)).to_owned(),
        });
    }
    files
}
