//! The ledger on both engines: one transaction a reservation, one a settlement.
//!
//! Invariant: of each account, what is held is the sum of its calls that are held, and what is settled
//! the sum of what those that are not were charged. The sums are kept, so that no reservation reads
//! calls, and calls can be forgotten.

use async_trait::async_trait;
use sqlx::FromRow;

use super::db::{Arg, Tx, args};
use super::rows::{inconsistent, number};
use super::{SqlStore, sql, unavailable};
use crate::domain::ids::{
    AttemptId, CallId, CaseId, InstallationId, PrNumber, RepoId, RepoSlug, Timestamp,
};
use crate::domain::ledger::{self, Amount, Grant, Scope, Taken, Usage};
use crate::domain::model::{ModelName, Provider, Tokens};
use crate::domain::money::Usd;
use crate::domain::pull::Repo;
use crate::ports::ledger::{Account, Bill, DAY_HOURS, Ledger, NewCall, Reserved, Settled, Spent};
use crate::ports::store::StoreError;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// Calls that are given up before the next look at the clock: each is a transaction.
const GIVEN_UP_AT_ONCE: i64 = 1_000;

/// Calls that are forgotten before others may reserve and settle again.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// The accounts that a call changes: five scopes, and what all wait for.
const ACCOUNTS: u64 = Scope::ALL.len() as u64 + 1;

#[derive(Debug, FromRow)]
struct AccountRow {
    case_id: String,
    repo_id: i64,
    slug: String,
    installation_id: i64,
    number: i64,
    token_hash: Option<String>,
    token_until_ms: Option<i64>,
    live: i64,
}

#[derive(Debug, FromRow)]
struct UsageRow {
    scope: String,
    settled_nanos: i64,
    settled_tokens: i64,
    held_nanos: i64,
    held_tokens: i64,
}

#[derive(Debug, FromRow)]
struct HeldRow {
    attempt_id: String,
    case_id: String,
    repo_id: i64,
    number: i64,
    hour: i64,
    held_nanos: i64,
    held_tokens: i64,
}

#[derive(Debug, FromRow)]
struct SpentRow {
    provider: String,
    model: String,
    calls: i64,
    unsettled: i64,
    input: i64,
    cache_read: i64,
    cache_write: i64,
    cache_write_1h: i64,
    output: i64,
    charged_nanos: i64,
    charged_tokens: i64,
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn amount(nanos: i64, tokens: i64) -> Amount {
    Amount { usd: Usd::from_nanos(count(nanos)), tokens: count(tokens) }
}

fn money(amount: Amount) -> [Arg; 2] {
    [Arg::from(number(amount.usd.nanos())), Arg::from(number(amount.tokens))]
}

impl AccountRow {
    fn into_account(self, attempt: AttemptId) -> Result<Account, StoreError> {
        let wrong = |error: crate::domain::ids::Malformed| inconsistent("attempts", attempt, error);
        Ok(Account {
            attempt,
            case: CaseId::parse(&self.case_id).map_err(wrong)?,
            repo: Repo {
                id: RepoId::new(count(self.repo_id)),
                slug: RepoSlug::parse(&self.slug).map_err(wrong)?,
                installation: InstallationId::new(count(self.installation_id)),
            },
            number: PrNumber::new(count(self.number)),
            token: self.token_hash.zip(self.token_until_ms.map(Timestamp::from_millis)),
            is_live: self.live == 1,
        })
    }
}

/// The accounts of a call, as statements name them.
struct Holders {
    attempt: String,
    case: String,
    pull: String,
    repo: String,
}

impl Holders {
    fn new(attempt: &str, case: &str, repo: u64, pull: u64) -> Self {
        Self {
            attempt: attempt.to_owned(),
            case: case.to_owned(),
            pull: format!("{repo}/{pull}"),
            repo: repo.to_string(),
        }
    }

    fn of(account: &Account) -> Self {
        let (attempt, case) = (account.attempt.to_string(), account.case.to_string());
        Self::new(&attempt, &case, account.repo.id.get(), account.number.get())
    }

    fn args(&self, hour: i64) -> Vec<Arg> {
        args![
            self.attempt.as_str(),
            self.case.as_str(),
            self.pull.as_str(),
            self.repo.as_str(),
            hour,
        ]
    }
}

async fn account_in(tx: &mut Tx, attempt: AttemptId) -> Result<Option<Account>, StoreError> {
    let rows: Vec<AccountRow> =
        tx.rows(sql::ledger::ACCOUNT, args![attempt.to_string()]).await.map_err(unavailable)?;
    rows.into_iter().next().map(|row| row.into_account(attempt)).transpose()
}

/// Waits until nobody else reserves or settles, and keeps others waiting until the transaction ends.
async fn locked(tx: &mut Tx) -> Result<(), StoreError> {
    let rows: Vec<(i64,)> =
        tx.rows(sql::ledger::LOCK_ACCOUNTS, args![]).await.map_err(unavailable)?;
    if rows.len() == 1 {
        Ok(())
    } else {
        Err(inconsistent("model_accounts", "all", "the row that all wait for is not there"))
    }
}

async fn usage_in(tx: &mut Tx, holders: &Holders, hour: i64) -> Result<Usage, StoreError> {
    let args = holders.args(hour - DAY_HOURS);
    let rows = tx.rows(sql::ledger::USAGE_OF_CAPS, args).await.map_err(unavailable)?;
    Ok(usage_of(&rows))
}

fn usage_of(rows: &[UsageRow]) -> Usage {
    let mut usage = Usage::default();
    for (scope, taken) in Scope::ALL.into_iter().zip(&mut usage) {
        if let Some(row) = rows.iter().find(|row| row.scope == scope.as_str()) {
            *taken = Taken {
                settled: amount(row.settled_nanos, row.settled_tokens),
                held: amount(row.held_nanos, row.held_tokens),
            };
        }
    }
    usage
}

async fn hold(
    tx: &mut Tx,
    call: &NewCall,
    account: &Account,
    grant: &Grant,
) -> Result<(), StoreError> {
    let hour = hour_of(call.now);
    let [nanos, tokens] = money(grant.held);
    let mut args = args![
        call.id.to_string(),
        account.attempt.to_string(),
        account.case.to_string(),
        number(account.repo.id.get()),
        number(account.number.get()),
        call.provider.as_str(),
        call.model.as_str(),
        call.prices.as_str(),
        hour,
    ];
    args.extend([nanos.clone(), tokens.clone(), Arg::from(call.now.millis())]);
    tx.run(sql::ledger::HOLD_CALL, args).await.map_err(unavailable)?;
    let mut args = Holders::of(account).args(hour);
    args.extend([nanos, tokens]);
    let rows = tx.run(sql::ledger::HOLD, args).await.map_err(unavailable)?;
    all_accounts(rows, call.id)
}

fn all_accounts(rows: u64, call: CallId) -> Result<(), StoreError> {
    if rows == ACCOUNTS {
        Ok(())
    } else {
        Err(inconsistent("model_accounts", call, format!("{rows} accounts of {ACCOUNTS} changed")))
    }
}

/// Hours since 1970. The first counts as the second, because 0 is the hour of what has none.
fn hour_of(now: Timestamp) -> i64 {
    (now.millis() / HOUR_MS).max(1)
}

#[async_trait]
impl Ledger for SqlStore {
    async fn account(&self, attempt: AttemptId) -> Result<Option<Account>, StoreError> {
        let args = args![attempt.to_string()];
        let rows: Vec<AccountRow> =
            self.db.rows(sql::ledger::ACCOUNT, args).await.map_err(unavailable)?;
        rows.into_iter().next().map(|row| row.into_account(attempt)).transpose()
    }

    async fn usage(
        &self,
        case: Option<CaseId>,
        repo: RepoId,
        number: PrNumber,
        now: Timestamp,
    ) -> Result<Usage, StoreError> {
        // Nobody is held to the account without a name.
        let case = case.map(|case| case.to_string()).unwrap_or_default();
        let args = Holders::new("", &case, repo.get(), number.get()).args(hour_of(now) - DAY_HOURS);
        let rows = self.db.rows(sql::ledger::USAGE_OF_CAPS, args).await.map_err(unavailable)?;
        Ok(usage_of(&rows))
    }

    async fn reserve(&self, call: NewCall) -> Result<Reserved, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        locked(&mut tx).await?;
        let account = account_in(&mut tx, call.attempt).await?;
        let Some(account) = account.filter(|account| account.is_live) else {
            return Ok(Reserved::AttemptOver);
        };
        let usage = usage_in(&mut tx, &Holders::of(&account), hour_of(call.now)).await?;
        let grant = match ledger::grant(&call.wish, &call.caps, &usage) {
            Ok(grant) => grant,
            Err(refusal) => return Ok(Reserved::No(refusal)),
        };
        hold(&mut tx, &call, &account, &grant).await?;
        tx.commit().await.map_err(unavailable)?;
        Ok(Reserved::Yes(grant))
    }

    async fn settle(
        &self,
        call: CallId,
        bill: Bill,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        locked(&mut tx).await?;
        let rows: Vec<HeldRow> =
            tx.rows(sql::ledger::HELD_CALL, args![call.to_string()]).await.map_err(unavailable)?;
        let Some(row) = rows.into_iter().next() else { return Ok(Settled::Before) };
        let held = amount(row.held_nanos, row.held_tokens);
        let (state, tokens, taken) = match bill {
            Bill::Figure(tokens, usd) => {
                ("settled", tokens, Amount { usd, tokens: tokens.total() })
            }
            Bill::Nothing => ("nothing", Tokens::default(), Amount::default()),
            Bill::Unknown => ("unknown", Tokens::default(), held),
        };
        let args = args![
            call.to_string(),
            state,
            number(taken.usd.nanos()),
            number(tokens.input),
            number(tokens.cache_read),
            number(tokens.cache_write),
            number(tokens.cache_write_1h),
            number(tokens.output),
            now.millis(),
        ];
        tx.run(sql::ledger::SETTLE_CALL, args).await.map_err(unavailable)?;
        let (repo, pull) = (count(row.repo_id), count(row.number));
        let mut args = Holders::new(&row.attempt_id, &row.case_id, repo, pull).args(row.hour);
        args.extend(money(held));
        args.extend(money(taken));
        let rows = tx.run(sql::ledger::SETTLE, args).await.map_err(unavailable)?;
        all_accounts(rows, call)?;
        tx.commit().await.map_err(unavailable)?;
        let is_within = taken.usd <= held.usd && taken.tokens <= held.tokens;
        Ok(if is_within { Settled::Now } else { Settled::Above })
    }

    async fn spent(&self, attempt: AttemptId) -> Result<Vec<Spent>, StoreError> {
        let args = args![attempt.to_string()];
        let rows: Vec<SpentRow> =
            self.db.rows(sql::ledger::SPENT, args).await.map_err(unavailable)?;
        rows.into_iter().map(|row| row.into_spent(attempt)).collect()
    }

    async fn overruns(&self, since: Timestamp) -> Result<u64, StoreError> {
        let rows: Vec<(i64,)> = self
            .db
            .rows(sql::ledger::OVERRUNS, args![since.millis()])
            .await
            .map_err(unavailable)?;
        Ok(rows.into_iter().map(|(calls,)| count(calls)).sum())
    }

    async fn give_up_calls(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let args = args![before.millis(), GIVEN_UP_AT_ONCE];
        let rows: Vec<(String,)> =
            self.db.rows(sql::ledger::CALLS_HELD_BEFORE, args).await.map_err(unavailable)?;
        let mut given_up = 0;
        for (id,) in rows {
            let id = CallId::parse(&id).map_err(|error| inconsistent("model_calls", &id, error))?;
            if self.settle(id, Bill::Unknown, now).await? == Settled::Now {
                given_up += 1;
            }
        }
        Ok(given_up)
    }

    async fn forget_calls(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let calls = self.calls_forgotten(before).await?;
            gone += calls;
            if number(calls) < FORGOTTEN_AT_ONCE {
                break;
            }
        }
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let hours = tx.run(sql::ledger::FORGET_HOURS, args![hour_of(before)]).await;
        gone += hours.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(gone)
    }
}

impl SqlStore {
    /// Forgets some old calls, whose sums are kept; how many.
    async fn calls_forgotten(&self, before: Timestamp) -> Result<u64, StoreError> {
        let args = args![before.millis(), FORGOTTEN_AT_ONCE];
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        // Nothing is settled between the two.
        locked(&mut tx).await?;
        tx.run(sql::ledger::SUM_UP_CALLS, args.clone()).await.map_err(unavailable)?;
        let calls = tx.run(sql::ledger::FORGET_CALLS, args).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(calls)
    }
}

impl SpentRow {
    fn into_spent(self, attempt: AttemptId) -> Result<Spent, StoreError> {
        let wrong = |what: String| inconsistent("model_calls", attempt, what);
        let provider = Provider::parse(&self.provider)
            .ok_or_else(|| wrong(format!("an unknown provider: {}", self.provider)))?;
        Ok(Spent {
            provider,
            model: ModelName::parse(&self.model).map_err(|error| wrong(error.to_string()))?,
            calls: count(self.calls),
            unsettled: count(self.unsettled),
            tokens: Tokens {
                input: count(self.input),
                cache_read: count(self.cache_read),
                cache_write: count(self.cache_write),
                cache_write_1h: count(self.cache_write_1h),
                output: count(self.output),
            },
            charged: amount(self.charged_nanos, self.charged_tokens),
        })
    }
}
