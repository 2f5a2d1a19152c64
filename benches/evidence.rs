//! How fast logs are read, beside what the machine and others do with the same bytes.
//!
//! The corpus is the labelled logs, one after the other, again and again. Rates are bytes per second
//! of this process's own processor time, the best of several turns that take the methods in turn,
//! so that a busy machine troubles all alike. `cargo xtask bench` runs it; `docs/performance.md`
//! records a run.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use flate2::read::GzDecoder;
use grep_regex::RegexMatcherBuilder;
use grep_searcher::sinks::Bytes;
use grep_searcher::{Searcher, SearcherBuilder};
use regex::bytes::{RegexSet, RegexSetBuilder};
use rustix::time::{ClockId, clock_gettime};
use selfheal::evidence::{self, Hints, LogStream};

/// How large the corpus is.
const CORPUS_BYTES: usize = 100_000_000;

/// How often each method takes its turn.
const TURNS: usize = 5;

/// How long the streamed log is.
const STREAM_BYTES: usize = 1_000_000_000;

/// How often the program is started.
const STARTS: usize = 20;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    if words.peek().is_some() && !words.any(|word| "evidence".contains(&word)) {
        return;
    }
    let corpus = corpus();
    // The rules' patterns are for lines without stamps and colours; the others get them clean.
    let clean = clean(&corpus);
    let patterns: Vec<&str> = evidence::patterns().collect();
    let set = RegexSetBuilder::new(&patterns)
        .unicode(false)
        .size_limit(1 << 28)
        .dfa_size_limit(1 << 28)
        .build()
        .expect("every pattern compiles");
    let mut methods: Vec<Method<'_>> = vec![
        Method::new("count line feeds (`memchr`)", &corpus, |log| {
            memchr::memchr_iter(b'\n', log).count()
        }),
        Method::new("split into lines (`memchr`)", &corpus, |log| {
            let mut from = 0;
            let mut longest = 0;
            for at in memchr::memchr_iter(b'\n', log) {
                longest = longest.max(log[from..at].len());
                from = at + 1;
            }
            longest
        }),
        Method::new("**selfheal, whole reader, in memory**", &corpus, |log| {
            evidence::read(log, &Hints::default()).failures.len()
        }),
        Method::new("**selfheal, whole reader, streamed**", &corpus, |log| {
            let hints = Hints::default();
            let mut stream = LogStream::new(&hints);
            log.chunks(64 * 1024).for_each(|piece| stream.push(piece));
            stream.finish().failures.len()
        }),
        Method::new("`RegexSet` of the same patterns, clean lines", &clean, |log| {
            by_line(&set, log)
        }),
        Method::new("the same `RegexSet`, raw lines, which patterns match", &corpus, |log| {
            let added = added();
            log.split(|byte| *byte == b'\n')
                .map(|line| set.matches(&added.replace_all(line, b"".as_slice())).iter().count())
                .sum()
        }),
        Method::new("ripgrep, the same patterns, clean lines", &clean, ripgrep(&patterns)),
    ];
    for _ in 0..TURNS {
        for method in &mut methods {
            method.turn();
        }
    }
    let of =
        |name: &str| methods.iter().find(|m| m.name.starts_with(name)).map_or(0.0, Method::rate);
    let set_rate = of("`RegexSet`");
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{} patterns, {} MB\n", patterns.len(), corpus.len() / 1_000_000);
    let _ = writeln!(
        out,
        "| method | GB per processor second | times `RegexSet` |\n| --- | --- | --- |"
    );
    for method in &methods {
        let rate = method.rate();
        let _ = writeln!(out, "| {} | {rate:.3} | {:.1} |", method.name, rate / set_rate);
    }
    let _ = writeln!(out, "\nstart to end on a log of one line, median: {:.1} ms", start_ms());
    match stream_peak_mb(&corpus) {
        Some(mb) => {
            let _ = writeln!(out, "peak memory on a streamed log of 1 GB: {mb} MB");
        }
        None => {
            let _ = writeln!(out, "peak memory: this system does not tell");
        }
    }
}

/// What a method does with a log; the number keeps the work from being left out.
type Run<'l> = Box<dyn Fn(&[u8]) -> usize + 'l>;

/// One way to go through the corpus.
struct Method<'l> {
    name: &'static str,
    log: &'l [u8],
    run: Run<'l>,
    best_s: f64,
}

impl<'l> Method<'l> {
    fn new(name: &'static str, log: &'l [u8], run: impl Fn(&[u8]) -> usize + 'l) -> Self {
        Self { name, log, run: Box::new(run), best_s: f64::INFINITY }
    }

    fn turn(&mut self) {
        let before = processor_s();
        std::hint::black_box((self.run)(self.log));
        self.best_s = self.best_s.min(processor_s() - before);
    }

    /// Gigabytes per processor second, of the best turn.
    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.log.len()).expect("a corpus is below 4 GB"))
            / 1e9
            / self.best_s
    }
}

/// This process's processor time.
fn processor_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    std::time::Duration::try_from(time).expect("processor time is positive").as_secs_f64()
}

fn by_line(set: &RegexSet, log: &[u8]) -> usize {
    log.split(|byte| *byte == b'\n').filter(|line| set.is_match(line)).count()
}

/// What `rg -c` does: its own crates, an equal alternation, Unicode off.
fn ripgrep(patterns: &[&str]) -> impl Fn(&[u8]) -> usize {
    let alternation: Vec<String> = patterns.iter().map(|p| format!("(?:{})", unnamed(p))).collect();
    let matcher = RegexMatcherBuilder::new()
        .unicode(false)
        .line_terminator(Some(b'\n'))
        .size_limit(1 << 28)
        .dfa_size_limit(1 << 28)
        .build(&alternation.join("|"))
        .expect("the alternation compiles");
    move |log| {
        let mut searcher: Searcher = SearcherBuilder::new().line_number(true).build();
        let mut lines = 0;
        let sink = Bytes(|_, _| {
            lines += 1;
            Ok(true)
        });
        searcher.search_slice(&matcher, log, sink).expect("memory can be searched");
        lines
    }
}

/// A pattern whose groups have no names: in an alternation names would be given twice.
fn unnamed(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("(?P<") {
        out.push_str(before);
        out.push_str("(?:");
        rest = after.split_once('>').map_or("", |(_, rest)| rest);
    }
    out + rest
}

/// The corpus without time stamps, columns and colours.
fn clean(corpus: &[u8]) -> Vec<u8> {
    added().replace_all(corpus, b"".as_slice()).into_owned()
}

/// What the runner adds to a line.
fn added() -> regex::bytes::Regex {
    let added = r"(?m-u)^(?:[^\t\n]*\t[^\t\n]*\t)?(?:\xEF\xBB\xBF)?\d{4}-\d\d-\d\dT[\d:.]+Z |\x1b\[[0-9;]*[A-Za-z]";
    regex::bytes::Regex::new(added).expect("the pattern compiles")
}

/// The labelled logs in UTF-8, again and again.
fn corpus() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus is there")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "gz"))
        .collect();
    paths.sort_unstable();
    let mut logs = Vec::new();
    for path in paths {
        let mut log = Vec::new();
        let file = File::open(&path).expect("a log can be read");
        GzDecoder::new(file).read_to_end(&mut log).expect("a log is compressed well");
        if std::str::from_utf8(&log).is_ok() {
            logs.extend_from_slice(&log);
            logs.push(b'\n');
        }
    }
    logs.iter().copied().cycle().take(CORPUS_BYTES).collect()
}

/// How long the program takes for next to nothing.
fn start_ms() -> f64 {
    let mut times: Vec<f64> = (0..STARTS)
        .map(|_| {
            let start = Instant::now();
            let mut child = parse();
            let _ = child.stdin.take().map(|mut stdin| stdin.write_all(b"error: no\n"));
            let _ = child.wait();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[STARTS / 2]
}

/// The most memory that `selfheal parse -` ever has while a gigabyte passes through it.
fn stream_peak_mb(corpus: &[u8]) -> Option<u64> {
    let mut child = parse();
    let written = child.stdin.as_mut().map_or(Ok(()), |stdin| {
        (0..STREAM_BYTES / corpus.len()).try_for_each(|_| stdin.write_all(corpus))
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    drop(child.stdin.take());
    let _ = child.wait();
    let status = written.and(status).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").trim().parse().ok()?;
    Some(kilobytes / 1024)
}

fn parse() -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_selfheal"))
        .args(["parse", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts")
}
