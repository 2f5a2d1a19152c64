//! Programs that ended badly: sanitizers, valgrind, signals, exceptions that nobody caught.
//!
//! Not for tests' own reports. The runtimes print one form whatever program they run, so the rules
//! are signs: a program may also print such a thing and be expected to.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, has_extension, place_in};

pub(super) static SANITIZERS: Tool = Tool {
    name: "sanitizer",
    about: "AddressSanitizer, UBSan, ThreadSanitizer, MemorySanitizer, LeakSanitizer, valgrind.",
    example: "\
         ==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010\n\
         READ of size 4 at 0x602000000010 thread T0\n\
         \x20   #0 0x4f8a in total /home/runner/work/shop/shop/src/cart.c:12:5",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["Sanitizer: "],
            concat!(
                r"^(?:==[0-9]+==)?\s*(?:ERROR|WARNING): (?P<message>(?:Address|HWAddress|Thread",
                r"|Memory|Leak|UndefinedBehavior)Sanitizer: .+)$",
            ),
        )
        .reading(sanitizer),
        Rule::new(
            K::TestFailure,
            &[": runtime error: "],
            concat!(
                r"^(?P<file>[^\s:][^:]*):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?P<message>runtime error: .+)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(extent::with_frame),
        Rule::new(
            K::TestFailure,
            &[
                "Invalid read of size",
                "Invalid write of size",
                "Invalid free()",
                "Conditional jump or move depends",
                "Use of uninitialised value",
                "definitely lost in loss record",
            ],
            concat!(
                r"^==[0-9]+== (?P<message>(?:Invalid (?:read|write) of size [0-9]+",
                r"|Invalid free\(\).*|Conditional jump or move depends on uninitialised value.*",
                r"|Use of uninitialised value of size [0-9]+",
                r"|.* definitely lost in loss record .*))$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(valgrind),
    ],
};

fn sanitizer(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let frame = at.lines_below(extent::BLOCK_LINES_MAX).find_map(|(distance, line)| {
        let told = line.trim_start().strip_prefix('#')?;
        let place = told.split(" (").next()?.rsplit(' ').next()?;
        let (path, row, column) = place_in(place)?;
        let own = !path.contains("sanitizer") && !path.contains("/asan/") && !is_system(path);
        own.then_some((distance, path, row, column))
    });
    if let Some((distance, path, row, column)) = frame {
        draft.place(path, row, column);
        draft.last = draft.first + distance;
    }
    let summary = at
        .lines_below(extent::BLOCK_LINES_MAX)
        .find(|(_, line)| line.starts_with("SUMMARY: "))
        .map(|(distance, _)| at.index + distance);
    draft.last = draft.last.max(summary.unwrap_or(0));
    found.push(draft);
}

fn is_system(path: &str) -> bool {
    path.starts_with("/usr") || path.starts_with("/lib") || path.contains("/sysdeps/")
}

/// valgrind prints frames as `==12==    at 0x1: main (a.c:5)`.
fn valgrind(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_frame = |line: &str| {
        line.starts_with("==") && (line.contains("==    at 0x") || line.contains("==    by 0x"))
    };
    extent::while_below(at, &mut draft, is_frame);
    let place = at
        .lines_below(extent::BLOCK_LINES_MAX)
        .take_while(|(_, line)| is_frame(line))
        .filter_map(|(_, line)| place_in(line.rsplit_once('(')?.1.trim_end_matches(')')))
        .find(|(path, ..)| !path.starts_with("vg_") && !path.contains(' '));
    if let Some((path, row, _)) = place {
        draft.place(path, row, None);
    }
    found.push(draft);
}

pub(super) static CRASHES: Tool = Tool {
    name: "crash",
    about: "\
         Signals and uncaught exceptions of C++, .NET, Ruby and Perl programs, as their runtimes \
         and shells print them.",
    example: "\
         terminate called after throwing an instance of 'std::runtime_error'\n\
         \x20 what():  no cart\nAborted (core dumped)",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["terminate called after throwing", "terminating due to uncaught", "terminating with"],
            concat!(
                r"^(?P<message>terminate called after throwing an instance of '.+'",
                r"|libc\+\+abi(?:\.dylib)?: terminating (?:due to|with) uncaught .+)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(terminate),
        Rule::new(
            K::TestFailure,
            &["Unhandled exception", "Unhandled Exception"],
            r"^\s*Unhandled [eE]xception[.:] (?P<message>[A-Z][\w.]+(?:Exception|Error)\b.*)$",
        )
        .weighing(Weight::Sign)
        .reading(dotnet),
        Rule::new(
            K::TestFailure,
            &["Error) "],
            r"^\*\* \((?P<code>[A-Z][\w.]*Error)\) (?P<message>.+)$",
        )
        .weighing(Weight::Sign)
        .reading(elixir),
        Rule::new(
            K::TestFailure,
            &["Unhandled exception:"],
            r"^(?P<message>Unhandled exception:)$",
        )
        .weighing(Weight::Sign)
        .reading(dart),
        Rule::new(
            K::TestFailure,
            &["Error)", "Exception)"],
            concat!(
                r"^(?:bundler: failed to load command: .*)?(?P<file>[^\s:]+):(?P<line>[0-9]+)",
                r":in [`'].+': (?P<message>.+ \([A-Z][\w:]*(?:Error|Exception)\))$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(ruby),
        Rule::new(
            K::TestFailure,
            &[
                "stack smashing detected",
                "double free or corruption",
                "free(): invalid",
                "malloc(): ",
                "corrupted ",
            ],
            concat!(
                r"^(?P<message>\*\*\* stack smashing detected \*\*\*.*|double free or corruption.*",
                r"|free\(\): invalid .*|malloc\(\): .*|corrupted (?:size vs|double-linked) .*)$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::TestFailure,
            &[
                "Segmentation fault",
                "Aborted",
                "Illegal instruction",
                "Bus error",
                "Floating point exception",
            ],
            concat!(
                r"^(?:\S*make(?:\[[0-9]+\])?: \*\*\* \[.*\] |.*: line [0-9]+: +)?(?:[0-9]+ )?",
                r"(?P<message>(?:Segmentation fault|Aborted|Illegal instruction|Bus error",
                r"|Floating point exception)(?:: [0-9]+)?(?:\s+\(core dumped\).*|\s*$|  +\S.*$))",
            ),
        )
        .weighing(Weight::Sign)
        .reading(signal),
    ],
};

/// Elixir prints frames below, own ones as `lib/cart.ex:12: Cart.add/1`.
fn elixir(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::indented(at, &mut draft);
    let frame = at
        .lines_below(extent::BLOCK_LINES_MAX)
        .take_while(|(_, line)| line.starts_with("    "))
        .filter_map(|(_, line)| place_in(line))
        .find(|(path, ..)| !path.starts_with('('));
    if let Some((path, row, _)) = frame {
        draft.place(path, row, None);
    }
    found.push(draft);
}

/// Dart prints what was thrown on the next line, then frames: `#0  f (file:///w/a.dart:12:3)`.
fn dart(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(thrown) = at.below(1) else { return };
    thrown.trim().clone_into(&mut draft.failure.message);
    draft.last += 1;
    extent::while_below(at, &mut draft, |line| line.starts_with('#'));
    let frame = at
        .lines_below(extent::BLOCK_LINES_MAX)
        .skip(1)
        .take_while(|(_, line)| line.starts_with('#'))
        .find_map(|(_, line)| place_in(line.rsplit_once("(file://")?.1.trim_end_matches(')')));
    if let Some((path, row, column)) = frame {
        draft.place(path, row, column);
        found.push(draft);
    }
}

fn terminate(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let what = at.below(1).and_then(|line| line.trim().strip_prefix("what():"));
    if let Some(what) = what {
        draft.say(what.trim());
        draft.last += 1;
    }
    found.push(draft);
}

fn dotnet(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let frames = |line: &str| {
        let told = line.trim_start();
        told.starts_with("at ") || told.starts_with("---> ") || told.starts_with("--- End of ")
    };
    extent::while_below(at, &mut draft, frames);
    let place = at
        .lines_below(extent::BLOCK_LINES_MAX)
        .take_while(|(_, line)| frames(line))
        .find_map(|(_, line)| line.rsplit_once(" in ")?.1.rsplit_once(":line "));
    if let Some((path, row)) = place {
        draft.place(path, row.trim().parse().ok(), None);
    }
    found.push(draft);
}

/// Ruby puts the innermost frame first; the first of the project's own is the place.
fn ruby(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_frame = |line: &str| line.trim_start().starts_with("from ");
    extent::while_below(at, &mut draft, is_frame);
    let foreign = |path: &str| {
        path.contains("/gems/") || path.contains("/lib/ruby/") || path.starts_with('<')
    };
    if draft.path.as_deref().is_some_and(foreign) {
        let own = at
            .lines_below(extent::BLOCK_LINES_MAX)
            .take_while(|(_, line)| is_frame(line))
            .filter_map(|(_, line)| place_in(line.trim_start().strip_prefix("from ")?))
            .find(|(path, ..)| !foreign(path) && has_extension(path, "rb"));
        match own {
            Some((path, row, _)) => draft.place(path, row, None),
            None => draft.path = None,
        }
    }
    found.push(draft);
}

/// What a shell says of a signal is a consequence where the program said why.
/// A shell says which line of which script ran what was killed: `./smoke.sh: line 4: 4711 Aborted …`.
fn signal(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some((script, rest)) = at.text().split_once(": line ")
        && !script.contains([' ', ':'])
        && script.contains(['.', '/'])
    {
        let line = rest.split(':').next().and_then(|line| line.parse().ok());
        draft.place(script, line, None);
    }
    if draft.failure.message.starts_with("Aborted") {
        draft.weight = Weight::Consequence;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn exceptions_of_elixir_and_dart_have_their_own_frame() {
        check(
            "** (RuntimeError) no cart\n    (elixir 1.16.0) lib/enum.ex:1: Enum.map/2\n\
             \x20   lib/cart.ex:12: Cart.add/1\n",
            "test_failure lib/cart.ex:12 [RuntimeError] no cart",
        );
        check(
            "Unhandled exception:\nException: no cart\n\
             #0      main (file:///home/runner/work/a/a/bin/main.dart:12:3)\n",
            "test_failure bin/main.dart:12:3 Exception: no cart",
        );
    }

    #[test]
    fn sanitizers_point_at_the_project_s_own_frame() {
        let log = "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n\
             READ of size 4 at 0x1 thread T0\n    #0 0x1 in memcpy (/usr/lib/libasan.so+0x1)\n\
             \x20   #1 0x2 in f /home/runner/work/a/a/src/a.c:3:4\n    #2 0x3 in main a.c:9\n\n\
             SUMMARY: AddressSanitizer: heap-use-after-free src/a.c:3:4 in f\n==1==ABORTING\n";
        check(log, "test_failure src/a.c:3:4 AddressSanitizer: heap-use-after-free on address 0x1");
        check_lines(log, &[(1, 7)]);
        check(
            "WARNING: ThreadSanitizer: data race (pid=12)\n  Write of size 4 at 0x1 by thread T1:\n\
             \x20   #0 f /home/runner/work/a/a/src/a.c:3 (a.out+0x1)\n\n\
             SUMMARY: ThreadSanitizer: data race src/a.c:3 in f\n",
            "test_failure src/a.c:3 ThreadSanitizer: data race (pid=12)",
        );
        check(
            "src/a.c:3:4: runtime error: signed integer overflow: 1 + 2147483647 cannot be \
             represented in type 'int'\n",
            "test_failure src/a.c:3:4 runtime error: signed integer overflow: 1 + 2147483647 \
             cannot be represented in type 'int'",
        );
        check(
            "==12== Invalid read of size 4\n==12==    at 0x1: f (a.c:5)\n\
             ==12==    by 0x2: main (a.c:9)\n==12==  Address 0x3 is 0 bytes after a block\n\
             ==12== ERROR SUMMARY: 1 errors from 1 contexts (suppressed: 0 from 0)\n",
            "test_failure a.c:5 Invalid read of size 4",
        );
        check("==12== All heap blocks were freed -- no leaks are possible\n", "");
    }

    #[test]
    fn signals_and_uncaught_exceptions_are_read() {
        check(
            "terminate called after throwing an instance of 'std::out_of_range'\n\
             \x20 what():  vector::_M_range_check\nAborted (core dumped)\n",
            "test_failure terminate called after throwing an instance of 'std::out_of_range'",
        );
        check(
            "/x/run.sh: line 3:  4711 Segmentation fault      (core dumped) ./a.out\n",
            "test_failure Segmentation fault      (core dumped) ./a.out (in /x/run.sh:3)",
        );
        check(
            "./smoke.sh: line 4: 13717 Segmentation fault      ./infer --batch 1\n",
            "test_failure smoke.sh:4 Segmentation fault      ./infer --batch 1",
        );
        check(
            "make: *** [Makefile:5: test] Segmentation fault (core dumped)\n",
            "test_failure Segmentation fault (core dumped)",
        );
        let dotnet = "Unhandled exception. System.InvalidOperationException: no cart\n\
             \x20  at Shop.Cart.Total() in /home/runner/work/a/a/src/Cart.cs:line 12\n\
             \x20  at Shop.Program.Main()\n";
        check(dotnet, "test_failure src/Cart.cs:12 System.InvalidOperationException: no cart");
        check_lines(dotnet, &[(1, 3)]);
        check(
            "/home/runner/work/a/a/lib/cart.rb:12:in `total': no cart (RuntimeError)\n\
             \tfrom bin/shop:3:in `<main>'\n",
            "test_failure lib/cart.rb:12 no cart (RuntimeError)",
        );
        check(
            "/x/gems/a-1.0/lib/a.rb:3:in 'Kernel#require': cannot load such file -- b \
             (LoadError)\n\tfrom /home/runner/work/a/a/lib/cart.rb:1:in '<main>'\n",
            "test_failure lib/cart.rb:1 cannot load such file -- b (LoadError)",
        );
    }
}
