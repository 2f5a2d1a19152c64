//! What speed must not cost: held against every real log that is kept here.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use bumpalo::Bump;
use flate2::read::GzDecoder;
use regex::bytes::RegexSetBuilder;

use super::super::lines::{Lines, Place};
use super::super::peel::{PEELS_MAX, peel};
use super::super::{Hints, LogStream, Reading, decode, read, sieve, tools};

/// The labelled logs, by name.
fn logs() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
    let mut logs: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "gz"))
        .map(|path| {
            let mut log = Vec::new();
            GzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_end(&mut log).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), log)
        })
        .collect();
    logs.sort_unstable();
    assert!(logs.len() > 50, "{} logs", logs.len());
    logs
}

/// The numbers and beginnings of the lines that the sieve lets through, and the rules that it knows
/// they call.
fn sifted(text: &[u8]) -> HashMap<(usize, usize), Option<Vec<u16>>> {
    let mut lines = HashMap::new();
    let mut sifted = sieve::sift(text, 0, 0);
    while let Some((place, calls)) = sifted.next() {
        let known = (calls == sieve::Calls::Known).then(|| sifted.rules().to_vec());
        lines.insert((place.index, place.start), known);
    }
    lines
}

#[test]
fn no_line_that_a_rule_matches_falls_through_the_sieve_or_its_literals() {
    let rules: Vec<_> = tools::TOOLS.iter().flat_map(|tool| tool.rules).collect();
    let patterns = RegexSetBuilder::new(rules.iter().map(|rule| rule.pattern))
        .unicode(false)
        .size_limit(1 << 28)
        .dfa_size_limit(1 << 28)
        .build()
        .unwrap();
    let mut missed: Vec<String> = Vec::new();
    for (name, log) in logs() {
        let text = decode::decoded(&log);
        let sifted = sifted(&text);
        let space = Bump::new();
        let lines = Lines { bytes: &text, space: &space };
        let end = memchr::memchr(b'\n', &text).unwrap_or(text.len());
        let mut next = Some(Place { index: 0, start: 0, end });
        let (mut met, mut called) = (Vec::new(), Vec::new());
        while let Some(place) = next {
            let mut line = lines.clean(place).text;
            sieve::called(line, &mut met, &mut called);
            for _ in 0..=PEELS_MAX {
                for rule in patterns.matches(line.as_bytes()) {
                    let number = u16::try_from(rule).unwrap();
                    if !called.contains(&number) {
                        missed
                            .push(format!("{name}: not called: {:?} {line}", rules[rule].pattern));
                    } else if !sifted.get(&(place.index, place.start)).is_some_and(|known| {
                        known.as_ref().is_none_or(|known| known.contains(&number))
                    }) {
                        missed
                            .push(format!("{name}: not sifted: {:?} {line}", rules[rule].literals));
                    }
                }
                let Some(rest) = peel(line) else { break };
                line = rest;
            }
            next = lines.below(place);
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

/// What a reading says, to be compared.
fn said(reading: &Reading) -> String {
    format!("{:#?}{:?}{}", reading.failures, reading.stats, reading.excerpt(100_000))
}

fn streamed(log: &[u8], piece: usize) -> Reading {
    let hints = Hints::default();
    let mut stream = LogStream::new(&hints);
    for piece in log.chunks(piece) {
        stream.push(piece);
    }
    stream.finish()
}

#[test]
fn a_log_says_the_same_however_it_is_cut_into_pieces() {
    let mut all = Vec::new();
    for (name, log) in logs() {
        let whole = said(&read(&log, &Hints::default()));
        assert_eq!(said(&streamed(&log, 4099)), whole, "{name}");
        if std::str::from_utf8(&log).is_ok() {
            all.extend_from_slice(&log);
        }
    }
    // Longer than what is kept in memory, so that most of it is let go.
    let whole = said(&read(&all, &Hints::default()));
    for piece in [100_003, 3_000_017] {
        assert!(said(&streamed(&all, piece)) == whole, "all, in pieces of {piece}");
    }
}
