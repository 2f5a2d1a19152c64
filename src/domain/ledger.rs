//! The ledger's arithmetic: how much a call may take, before it is made, such that no cap is ever
//! passed.
//!
//! A call is granted its worst case: the dearest price of every token that its prompt can have, and
//! of every token that its answer may have. That is *held* until the provider's own figure is known
//! and *settled*; a call of which nothing is heard stays charged with all that it held. Because what
//! is settled is never more than what was held, the sum of both never passes a cap.
//!
//! Not here: the rows (`ports::ledger`), what a request asks for (`models`).

use super::money::{Price, Usd};

/// The least that an answer may have before a call is refused: with less, no agent gets a thought to
/// its end, and the money of the prompt would be wasted.
pub const OUTPUT_FLOOR_TOKENS: u64 = 1_024;

/// An answer is not cut below this because of what other calls hold: they will give most of it back,
/// so it is better to be told to come again.
pub const OUTPUT_COMFORT_TOKENS: u64 = 8_192;

/// What a cap is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One attempt.
    Attempt,
    /// One case, all its attempts.
    Case,
    /// One pull request, all its cases.
    Pull,
    /// One repository, within a day.
    Repository,
    /// Everything, within a day.
    Day,
}

impl Scope {
    /// All of them, the narrowest first; [`Caps`] and [`Usage`] are in this order.
    pub const ALL: [Self; 5] = [Self::Attempt, Self::Case, Self::Pull, Self::Repository, Self::Day];

    /// Its name in settings and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Case => "case",
            Self::Pull => "pull",
            Self::Repository => "repository",
            Self::Day => "day",
        }
    }

    /// What it is, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Attempt => "this attempt",
            Self::Case => "this case",
            Self::Pull => "this pull request",
            Self::Repository => "this repository within a day",
            Self::Day => "all repositories within a day",
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Attempt => 0,
            Self::Case => 1,
            Self::Pull => 2,
            Self::Repository => 3,
            Self::Day => 4,
        }
    }
}

/// Money and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// The money.
    pub usd: Usd,
    /// The tokens.
    pub tokens: u64,
}

impl Amount {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { usd: self.usd.plus(other.usd), tokens: self.tokens.saturating_add(other.tokens) }
    }
}

/// The caps of one attempt's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps([Amount; Scope::ALL.len()]);

impl Caps {
    /// Caps in the order of [`Scope::ALL`].
    pub const fn new(caps: [Amount; Scope::ALL.len()]) -> Self {
        Self(caps)
    }

    /// The cap of a scope.
    pub const fn of(&self, scope: Scope) -> Amount {
        self.0[scope.place()]
    }

    /// Sets the cap of a scope.
    pub const fn set(&mut self, scope: Scope, cap: Amount) {
        self.0[scope.place()] = cap;
    }

    /// The lower of both, everywhere: nobody raises another's cap.
    #[must_use]
    pub fn lowered(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.usd = mine.usd.min(theirs.usd);
            mine.tokens = mine.tokens.min(theirs.tokens);
        }
        self
    }

    /// Caps that nothing reaches: what a repository says that says nothing.
    pub const NONE: Self =
        Self([Amount { usd: Usd::MAX, tokens: i64::MAX as u64 }; Scope::ALL.len()]);
}

impl Default for Caps {
    /// What an operator has who sets nothing: an attempt of a large model costs a dollar or two, so
    /// its cap is for one that goes wrong; the others are what a few of those cost together.
    fn default() -> Self {
        let cap = |usd: u64, million_tokens: u64| Amount {
            usd: Usd::dollars(usd),
            tokens: million_tokens * 1_000_000,
        };
        Self([cap(5, 20), cap(10, 40), cap(20, 80), cap(50, 200), cap(200, 800)])
    }
}

/// What has been taken of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// For good.
    pub settled: Amount,
    /// By calls that are under way, or of which nothing was heard.
    pub held: Amount,
}

/// What has been taken of each cap, in the order of [`Scope::ALL`].
pub type Usage = [Taken; Scope::ALL.len()];

/// What a call would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Its prompt, at its worst.
    pub prompt: Amount,
    /// A million tokens of its answer, at their worst.
    pub output: Price,
    /// The most tokens that its answer shall have.
    pub output_tokens: u64,
}

/// What a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The most tokens that its answer may have.
    pub output_tokens: u64,
    /// What is held for it.
    pub held: Amount,
}

/// Why a call may take nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The cap that has too little left.
    pub scope: Scope,
    /// What is left of it.
    pub left: Amount,
    /// What the call needs at least.
    pub needs: Amount,
    /// Whether there may be room soon.
    pub passes: Passes,
}

/// Whether a refusal passes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// Calls that are under way hold the room, and will give some of it back.
    Soon,
    /// It was spent.
    Never,
}

impl Wish {
    /// The most that the call can take with an answer of so many tokens.
    fn amount(&self, output_tokens: u64) -> Amount {
        let output = Amount { usd: self.output.of(output_tokens), tokens: output_tokens };
        self.prompt.plus(output)
    }

    /// How long an answer may be with that much left; `None` when not even the prompt fits.
    fn affords(&self, left: Amount) -> Option<u64> {
        let fits = self.prompt.usd <= left.usd && self.prompt.tokens <= left.tokens;
        let by_money = self.output.buys(left.usd.minus(self.prompt.usd));
        let by_tokens = left.tokens.saturating_sub(self.prompt.tokens);
        fits.then(|| by_money.min(by_tokens).min(self.output_tokens))
    }
}

fn left(cap: Amount, taken: Amount) -> Amount {
    Amount { usd: cap.usd.minus(taken.usd), tokens: cap.tokens.saturating_sub(taken.tokens) }
}

/// What a call may take, given what was taken before it.
///
/// # Errors
/// [`Refusal`] with the cap that has the least room for it.
pub fn grant(wish: &Wish, caps: &Caps, usage: &Usage) -> Result<Grant, Refusal> {
    let scopes = || Scope::ALL.into_iter().zip(usage);
    let now = scopes().map(|(scope, taken)| {
        let left = left(caps.of(scope), taken.settled.plus(taken.held));
        (wish.affords(left), scope, left)
    });
    let (affords, scope, left_now) =
        now.min_by_key(|(affords, ..)| *affords).expect("invariant: there are scopes");
    let at_rest = scopes().map(|(scope, taken)| wish.affords(left(caps.of(scope), taken.settled)));
    let at_rest = at_rest.min().flatten();
    let floor = wish.output_tokens.min(OUTPUT_FLOOR_TOKENS);
    let comfort = wish.output_tokens.min(OUTPUT_COMFORT_TOKENS);
    let enough = match affords {
        // Others hold the rest: a cut answer now, or a whole one soon.
        Some(now) if Some(now) < at_rest => now >= comfort,
        Some(now) => now >= floor,
        None => false,
    };
    match affords {
        Some(output_tokens) if enough => {
            Ok(Grant { output_tokens, held: wish.amount(output_tokens) })
        }
        Some(_) | None => {
            let passes = if at_rest >= Some(floor) { Passes::Soon } else { Passes::Never };
            Err(Refusal { scope, left: left_now, needs: wish.amount(floor), passes })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dollar a token, so that both measures read alike.
    fn wish(prompt: u64, output: u64) -> Wish {
        let prompt = Amount { usd: Usd::dollars(prompt), tokens: prompt };
        Wish { prompt, output: Price::parse("1000000").unwrap(), output_tokens: output }
    }

    fn amount(n: u64) -> Amount {
        Amount { usd: Usd::dollars(n), tokens: n }
    }

    fn caps(n: u64) -> Caps {
        let mut caps = Caps::NONE;
        caps.set(Scope::Pull, amount(n));
        caps
    }

    fn taken(settled: u64, held: u64) -> Usage {
        let mut usage = Usage::default();
        usage[Scope::Pull.place()] = Taken { settled: amount(settled), held: amount(held) };
        usage
    }

    #[track_caller]
    fn granted(wish: Wish, cap: u64, taken: Usage, output: u64, held: u64) {
        let grant = grant(&wish, &caps(cap), &taken).unwrap();
        assert_eq!((grant.output_tokens, grant.held), (output, amount(held)));
    }

    #[track_caller]
    fn refused(wish: Wish, cap: u64, taken: Usage, passes: Passes) -> Refusal {
        let refusal = grant(&wish, &caps(cap), &taken).unwrap_err();
        assert_eq!((refusal.scope, refusal.passes), (Scope::Pull, passes), "{refusal:?}");
        refusal
    }

    #[test]
    fn a_call_gets_what_it_asks_for_when_there_is_room() {
        granted(wish(100, 5_000), 10_000, taken(0, 0), 5_000, 5_100);
        granted(wish(100, 5_000), 5_100, taken(0, 0), 5_000, 5_100);
        granted(wish(100, 5), 105, taken(0, 0), 5, 105);
        granted(wish(0, 0), 0, taken(0, 0), 0, 0);
    }

    #[test]
    fn an_answer_is_cut_to_what_is_left_but_not_below_the_floor() {
        granted(wish(100, 5_000), 3_000, taken(1_000, 0), 1_900, 2_000);
        let floor = OUTPUT_FLOOR_TOKENS;
        granted(wish(100, 5_000), floor + 100, taken(0, 0), floor, floor + 100);
        let refusal = refused(wish(100, 5_000), floor + 99, taken(0, 0), Passes::Never);
        assert_eq!(refusal.needs, amount(floor + 100));
        assert_eq!(refusal.left, amount(floor + 99));
        refused(wish(5_000, 5_000), 4_999, taken(0, 0), Passes::Never);
        refused(wish(1, 1), 0, taken(0, 0), Passes::Never);
    }

    #[test]
    fn room_that_other_calls_hold_is_waited_for_and_not_refused() {
        refused(wish(100, 5_000), 10_000, taken(0, 9_000), Passes::Soon);
        refused(wish(100, 5_000), 10_000, taken(9_000, 0), Passes::Never);
        // Below the comfort by what others hold: later there is more.
        refused(wish(100, 50_000), 50_000, taken(0, 45_000), Passes::Soon);
        let comfort = OUTPUT_COMFORT_TOKENS;
        granted(wish(0, 50_000), 50_000, taken(0, 50_000 - comfort), comfort, comfort);
        // Below the comfort by what is spent: later there is no more.
        granted(wish(0, 50_000), 50_000, taken(45_000, 0), 5_000, 5_000);
    }

    #[test]
    fn the_tightest_cap_decides_in_money_and_in_tokens() {
        let wish = wish(0, 5_000);
        for scope in Scope::ALL {
            for (usd, tokens) in [(2_000, 9_000), (9_000, 2_000)] {
                let mut caps = Caps::NONE;
                caps.set(scope, Amount { usd: Usd::dollars(usd), tokens });
                let grant = grant(&wish, &caps, &Usage::default()).unwrap();
                assert_eq!(grant.output_tokens, 2_000, "{scope:?}");
                caps.set(scope, Amount { usd: Usd::dollars(usd.min(10)), tokens });
                let refusal = super::grant(&wish, &caps, &Usage::default()).unwrap_err();
                assert_eq!(refusal.scope, scope);
            }
        }
    }

    #[test]
    fn a_repository_lowers_caps_and_raises_none() {
        let mut theirs = Caps::NONE;
        theirs.set(Scope::Attempt, Amount { usd: Usd::dollars(1), tokens: u64::MAX });
        let mine = Caps::default();
        let both = mine.lowered(&theirs);
        assert_eq!(both.of(Scope::Attempt).usd, Usd::dollars(1));
        assert_eq!(both.of(Scope::Attempt).tokens, mine.of(Scope::Attempt).tokens);
        assert_eq!(both.of(Scope::Day), mine.of(Scope::Day));
    }
}
