//! Money, exact: whole billionths of a dollar, and prices per million tokens.
//!
//! No floating point anywhere: a price is read from its decimal digits, a cost is one sum of whole
//! numbers, rounded up once. So a ledger of costs adds up to what the price list says and never to
//! less. Not here: which model has which price ([`super::model`]), who may spend it
//! ([`super::ledger`]).

use std::fmt;

/// Decimal places of a dollar that are kept: the cheapest published token costs ten of them.
const PLACES: usize = 9;

/// One dollar.
const DOLLAR_NANOS: u64 = 1_000_000_000;

/// Tokens that a price is for.
const MILLION: u64 = 1_000_000;

/// An amount of US dollars, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The largest amount: nine thousand million dollars, what a signed column holds.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// That many billionths of a dollar; more than [`Usd::MAX`] is [`Usd::MAX`].
    pub const fn from_nanos(nanos: u64) -> Self {
        if nanos > Self::MAX.0 { Self::MAX } else { Self(nanos) }
    }

    /// That many whole dollars.
    pub const fn dollars(dollars: u64) -> Self {
        Self::from_nanos(dollars.saturating_mul(DOLLAR_NANOS))
    }

    /// The billionths of a dollar.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Reads an amount: `5`, `0.25`. `None` for anything else, also for more than nine places.
    pub fn parse(text: &str) -> Option<Self> {
        decimal(text).filter(|nanos| *nanos <= Self::MAX.0).map(Self)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::from_nanos(self.0.saturating_add(other.0))
    }

    /// What is left when the other is taken away; nothing when that is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, rest) = (self.0 / DOLLAR_NANOS, self.0 % DOLLAR_NANOS);
        let places = format!("{rest:09}");
        let kept = places.trim_end_matches('0').len().max(2);
        write!(f, "${dollars}.{}", &places[..kept])
    }
}

/// What a million tokens cost, in billionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(u64);

impl Price {
    /// Reads dollars per million tokens: `15`, `0.075`.
    pub fn parse(text: &str) -> Option<Self> {
        decimal(text).filter(|nanos| *nanos <= Usd::MAX.0).map(Self)
    }

    /// What that many tokens cost, in millionths of a billionth of a dollar.
    const fn exact(self, tokens: u64) -> u128 {
        self.0 as u128 * tokens as u128
    }

    /// What that many tokens cost at most.
    pub fn of(self, tokens: u64) -> Usd {
        cost([(tokens, self)])
    }

    /// How many tokens that amount pays for; as many as there can be when they cost nothing.
    pub fn buys(self, amount: Usd) -> u64 {
        let exact = u128::from(amount.0) * u128::from(MILLION);
        exact
            .checked_div(u128::from(self.0))
            .map_or(u64::MAX, |n| u64::try_from(n).unwrap_or(u64::MAX))
    }
}

/// What tokens of several kinds cost together, rounded up once.
pub fn cost(parts: impl IntoIterator<Item = (u64, Price)>) -> Usd {
    let exact = parts
        .into_iter()
        .fold(0_u128, |sum, (tokens, price)| sum.saturating_add(price.exact(tokens)));
    let nanos = exact.div_ceil(u128::from(MILLION));
    Usd::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The billionths that a decimal number of units is; digits, at most one point, at most nine places.
fn decimal(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(places) || places.len() > PLACES {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let places: u64 = format!("{places:0<PLACES$}").parse().ok()?;
    whole.checked_mul(DOLLAR_NANOS)?.checked_add(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, nanos: Option<u64>) {
        assert_eq!(Usd::parse(text).map(Usd::nanos), nanos, "{text}");
    }

    #[test]
    fn an_amount_is_read_from_its_digits() {
        reads("5", Some(5_000_000_000));
        reads("0.25", Some(250_000_000));
        reads("0.000000001", Some(1));
        reads("007.10", Some(7_100_000_000));
        for wrong in ["", ".", "5.", ".5", "-1", "+1", "1e3", "1,5", "1_0", "0.0000000001", " 1"] {
            reads(wrong, None);
        }
        reads("99999999999999999999", None);
        reads("9999999999", None);
    }

    #[test]
    fn an_amount_is_shown_with_the_places_that_it_has() {
        let shown = |text: &str| Usd::parse(text).unwrap().to_string();
        assert_eq!(shown("5"), "$5.00");
        assert_eq!(shown("0.1"), "$0.10");
        assert_eq!(shown("1.234500"), "$1.2345");
        assert_eq!(shown("0.000000001"), "$0.000000001");
    }

    #[test]
    fn costs_are_added_exactly_and_rounded_up_once() {
        let price = |text| Price::parse(text).unwrap();
        assert_eq!(price("15").of(1_000_000), Usd::dollars(15));
        assert_eq!(price("0.01875").of(1).nanos(), 19, "18.75 billionths");
        let two = cost([(1, price("0.01875")), (1, price("0.01875"))]);
        assert_eq!(two.nanos(), 38, "37.5, and not twice 19");
        assert_eq!(price("0").of(u64::MAX), Usd::ZERO);
        assert_eq!(price("1000000").of(u64::MAX), Usd::MAX);
    }

    #[test]
    fn what_an_amount_buys_costs_no_more_than_it() {
        for text in ["20", "0.01875", "0.3", "7.123456789"] {
            let price = Price::parse(text).unwrap();
            for nanos in [0, 1, 17, 999_999_999, 2_560_000_000] {
                let amount = Usd::from_nanos(nanos);
                let bought = price.buys(amount);
                assert!(
                    price.of(bought) <= amount && price.of(bought + 1) > amount,
                    "{text} {nanos}"
                );
            }
        }
        assert_eq!(Price::default().buys(Usd::ZERO), u64::MAX);
    }
}
