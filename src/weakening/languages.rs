//! The languages that are read by syntax: one file each, which says what a node is.
//!
//! A file knows its grammar's node kinds and its test libraries' names, and nothing of comparing. A
//! new language is a file, its line in [`of_path`], and its cases in the corpus.

mod csharp;
mod go;
mod java;
mod javascript;
mod python;
mod ruby;
mod rust;

use super::reader::Language;

/// The language of a file, by its name.
pub fn of_path(path: &str) -> Option<&'static Language> {
    let (_, extension) = path.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "rs" => Some(&rust::RUST),
        "js" | "mjs" | "cjs" | "jsx" => Some(&javascript::JAVASCRIPT),
        "ts" | "mts" | "cts" => Some(&javascript::TYPESCRIPT),
        "tsx" => Some(&javascript::TSX),
        "py" | "pyi" => Some(&python::PYTHON),
        "go" => Some(&go::GO),
        "java" => Some(&java::JAVA),
        "rb" | "rake" => Some(&ruby::RUBY),
        "cs" => Some(&csharp::CSHARP),
        _ => None,
    }
}
