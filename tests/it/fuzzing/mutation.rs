//! Inputs made from inputs: the same on every machine, from a number.
//!
//! Mutations know what logs are made of (marks of runners, colours, braces, stamps, the secret), so
//! that few rounds go deep. They know nothing of what is expected.

use super::promises::{SECRET, SECRET_FORMS};

/// The longest input made; what is longer is generated for one test each.
const INPUT_BYTES_MAX: usize = 16 * 1024;
/// Long enough for what grows with the square of its input to be felt without optimisation.
const GENERATED_BYTES: usize = 256 * 1024;
/// The most changes made to one input.
const CHANGES_MAX: usize = 6;
/// How often a piece is repeated at most.
const REPEATS_MAX: usize = 40;

/// What logs, reports, comments and YAML are made of.
const TOKENS: &[&str] = &[
    "\u{1b}[31m",
    "\u{1b}[0m",
    "\u{1b}[",
    "\u{1b}]8;;",
    "^[[1m",
    "\r",
    "\r\n",
    "\n",
    "\n\n",
    "\t",
    "\0",
    "\u{8}",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\u{fffd}",
    "\u{2028}",
    "\u{e0041}",
    "é",
    "⇒",
    "│",
    "██",
    "##[group]Run ",
    "##[endgroup]",
    "##[error]",
    "::error file=",
    "::endgroup::",
    "travis_fold:start:",
    "2026-01-01T00:00:00.0000000Z ",
    "job\tstep\t",
    "UNKNOWN STEP",
    "#19 11.02 ",
    "[08:38:44]: ",
    "Process completed with exit code 1.",
    "The command exited with 1.",
    "shell: bash",
    "error",
    "error: ",
    "error[E0308]: ",
    "  --> src/a.rs:1:2",
    "warning: ",
    "FAILED ",
    "FAIL ",
    "--- FAIL: ",
    "panicked at src/a.rs:1:2:",
    ": error TS2322: ",
    "E   AssertionError",
    "Traceback (most recent call last):",
    "  File \"a.py\", line 9",
    "/home/runner/work/a/a/",
    "C:\\a\\b.cs(1,2): ",
    "../../",
    "src/a.rs:1:1",
    ":0:0",
    "99999999999999999999",
    "-1",
    "0",
    "(",
    ")",
    "((((((((",
    "[",
    "]",
    "{",
    "}",
    "{{{{{{{{",
    "\"",
    "'",
    "`",
    "\\",
    "<",
    ">",
    "</a>",
    "<![CDATA[",
    "]]>",
    "&#x0;",
    "&amp;",
    "<!ENTITY a \"b\">",
    "{\"kind\":\"lint\",\"message\":\"",
    "\"failures\":[",
    "null",
    "true",
    "1e999",
    "/selfheal fix",
    "```",
    "~~~",
    "> ",
    "    ",
    "&a ",
    "*a",
    "<<: ",
    "- ",
    ": ",
    "? ",
    "!!binary ",
    "attempts: ",
    "fixers: ",
    "ghp_0123456789abcdef0123",
    "-----BEGIN PRIVATE KEY-----",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Numbers that look like chance: `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The numbers that follow from this one.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; zero when that is zero.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap().max(1);
        usize::try_from(self.next() % end).unwrap()
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// One of the inputs, changed.
pub(crate) fn mutated(inputs: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = inputs[chance.below(inputs.len())].clone();
    for _ in 0..=chance.below(CHANGES_MAX) {
        let (from, to) = span(&input, chance);
        match chance.below(8) {
            0 => drop(input.drain(from..to)),
            1 => {
                let piece = input[from..to].repeat(1 + chance.below(REPEATS_MAX));
                input.splice(from..from, piece);
            }
            2 => {
                let other = &inputs[chance.below(inputs.len())];
                let (start, end) = span(other, chance);
                input.splice(from..to, other[start..end].iter().copied());
            }
            3 => input.truncate(to),
            4 => {
                for byte in &mut input[from..to.min(from + 4)] {
                    *byte = chance.next().to_le_bytes()[0];
                }
            }
            5 if chance.below(8) == 0 => input = utf16(&input),
            6 => {
                let secret = chance.one(SECRET_FORMS);
                input.splice(from..from, secret.bytes());
            }
            _ => {
                let token = chance.one(TOKENS).repeat(1 + chance.below(3));
                input.splice(from..from, token.bytes());
            }
        }
        input.truncate(INPUT_BYTES_MAX);
    }
    input
}

/// Some bytes of the input, mostly few.
fn span(input: &[u8], chance: &mut Chance) -> (usize, usize) {
    let from = chance.below(input.len() + 1);
    let left = input.len() - from;
    let length = if chance.below(4) == 0 { left } else { left.min(64) };
    (from, from + chance.below(length + 1))
}

/// As PowerShell writes it.
fn utf16(input: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(input);
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// Inputs too long to be kept, each of one kind of malice.
pub(crate) fn generated() -> Vec<(&'static str, Vec<u8>)> {
    let long = |piece: &str| piece.repeat(GENERATED_BYTES / piece.len()).into_bytes();
    let failed =
        |log: Vec<u8>| [log, b"\n##[error]Process completed with exit code 1.\n".to_vec()].concat();
    vec![
        ("a line of a megabyte", failed(vec![b'a'; 1024 * 1024])),
        ("words of failure on one line", failed(long("error: "))),
        ("places on one line", failed(long("src/a.rs:1:2: "))),
        ("colours without end", failed(long("\u{1b}[1;31"))),
        ("open brackets", failed(long("(["))),
        ("carriage returns", failed(long("error\r"))),
        ("groups in groups", failed(long("##[group]Run a\n"))),
        ("columns without a step", failed(long("job\t\t\n"))),
        ("more failures than are kept", failed(long("src/a.rs:1:2: error: a\n"))),
        ("frames without an error", failed(long("  File \"a.py\", line 1, in b\n"))),
        ("carets", failed(long("error[E0001]: a\n  |\n  | ^^^\n"))),
        ("a secret again and again", failed(long(&format!("error: {SECRET} ")))),
        ("braces", long("{\"a\":[")),
        ("elements", long("<a b=\"c\">")),
        ("keys", long("a: &a\n ")),
        ("commands", long("/selfheal fix\n")),
        ("nothing but NUL", long("\0")),
        ("half a character", vec![0xe2; GENERATED_BYTES]),
        ("UTF-16", failed(utf16(&long("error: a\n")))),
    ]
}
