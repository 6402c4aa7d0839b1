//! What a wallet is asked for while it is killed, and what must have come of it.

use anyhow::{Context as _, Result, ensure};
use ethers_core::types::H160;
use plasma_core::{Address, Amount, ExitId};
use plasma_node::api::text::{AddressText, HashText, PositionText};
use serde_json::Value;

use super::{Call, ROWS, Trial, somebody, wei};
use crate::ether::eth;

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Deposit,
    Send,
    Payout,
    Consolidate,
    Sign,
    Broadcast,
    Exit,
    /// Leaving with a payment that no operator was sent.
    Flight,
    /// Leaving with all outputs at once.
    All,
    /// Having an exit paid.
    Finalize,
}

impl Act {
    /// Those that operators help with; the last one leaves with all that the others left behind.
    pub(super) const WITH_OPERATORS: [Self; 9] = [
        Self::Deposit,
        Self::Send,
        Self::Payout,
        Self::Consolidate,
        Self::Sign,
        Self::Broadcast,
        Self::Exit,
        Self::Flight,
        Self::All,
    ];
}

impl Trial {
    /// One thing is asked for, dies at a call, and is asked for again; whether it died.
    pub(super) async fn one(&mut self, act: Act, call: Call, when: u32) -> Result<bool> {
        self.asked += 1;
        let at = (call, when);
        match act {
            Act::Deposit => self.deposit(at).await,
            Act::Send => self.send(at).await,
            Act::Payout => self.payout(at).await,
            Act::Consolidate => self.consolidate(at).await,
            Act::Sign => self.sign(at).await,
            Act::Broadcast => self.broadcast(at).await,
            Act::Exit => self.exit(at).await,
            Act::Flight => self.flight(at).await,
            Act::All => self.exit_all(at).await,
            Act::Finalize => self.finalize(at).await,
        }
    }

    async fn deposit(&mut self, at: (Call, u32)) -> Result<bool> {
        let before = (self.total().await?, self.deposits().await?);
        let id = format!("deposit-{}", self.asked);
        let amount = eth(1) + Amount::from(self.asked);
        let died = self.twice(&["deposit", &wei(amount), "--id", &id], at).await?;
        let after = (self.total().await?, self.deposits().await?);
        ensure!(
            after == (before.0 + amount, before.1 + 1),
            "a deposit of {amount} made {before:?} to {after:?}"
        );
        self.tally.deposits += 1;
        Ok(died)
    }

    async fn send(&mut self, at: (Call, u32)) -> Result<bool> {
        let (to, amount) = (somebody(self.asked, 0), Amount::from(self.asked));
        let (to_text, id) = (AddressText(to).to_string(), format!("payment-{}", self.asked));
        let words = ["send", &to_text, &wei(amount), "--id", &id];
        let died = self.twice(&words, at).await?;
        self.has(to, amount).await?;
        self.tally.payments += 1;
        Ok(died)
    }

    async fn payout(&mut self, at: (Call, u32)) -> Result<bool> {
        let rows: Vec<(Address, Amount)> = (1..=ROWS)
            .map(|row| (somebody(self.asked, row), Amount::from(row)))
            .collect();
        let file = self.rows(&rows)?;
        let died = self.twice(&["send", "--file", &file], at).await?;
        for (to, amount) in rows {
            self.has(to, amount).await?;
        }
        self.tally.payouts += 1;
        Ok(died)
    }

    /// Two outputs become one. Who died as it told so begins anew, for it has no name, and merges two more.
    async fn consolidate(&mut self, at: (Call, u32)) -> Result<bool> {
        let file = self.rows(&[(self.owner, Amount::from(1)); 4])?;
        self.must(&["send", "--file", &file]).await?;
        let before = (self.total().await?, self.outputs().await?.len());
        let died = self.twice(&["consolidate", "--max-inputs", "2"], at).await?;
        let after = (self.total().await?, self.outputs().await?.len());
        ensure!(after.0 == before.0, "a merger made {before:?} to {after:?}");
        // It is asked for twice, and once more where the first did not die.
        let merged = before.1.saturating_sub(after.1);
        let expected = if died { 1..=2 } else { 2..=2 };
        ensure!(
            expected.contains(&merged),
            "{merged} outputs less: {before:?} and {after:?}"
        );
        self.tally.merges += 1;
        Ok(died)
    }

    async fn sign(&mut self, at: (Call, u32)) -> Result<bool> {
        let (to, amount) = (somebody(self.asked, 0), Amount::from(self.asked));
        let paper = self.paper(to, &wei(amount)).await?;
        let died = self.twice(&["sign", &paper], at).await?;
        let signed = self.must(&["sign", &paper]).await?;
        ensure!(
            signed == self.must(&["sign", &paper]).await?,
            "one paper has two signatures"
        );
        let signed = self.file("signed", &signed)?;
        self.must(&["broadcast", &signed]).await?;
        self.has(to, amount).await?;
        self.tally.papers += 1;
        Ok(died)
    }

    async fn broadcast(&mut self, at: (Call, u32)) -> Result<bool> {
        let (to, amount) = (somebody(self.asked, 0), Amount::from(self.asked));
        let paper = self.paper(to, &wei(amount)).await?;
        let signed = self.must(&["sign", &paper]).await?;
        let signed = self.file("signed", &signed)?;
        let died = self.twice(&["broadcast", &signed], at).await?;
        self.has(to, amount).await?;
        self.tally.papers += 1;
        Ok(died)
    }

    async fn exit(&mut self, at: (Call, u32)) -> Result<bool> {
        let output = PositionText(self.output_to_leave().await?).to_string();
        let open = self.exits_of_owner().await?;
        let died = self.twice(&["exit", &output], at).await?;
        let now = self.exits_of_owner().await?;
        ensure!(
            now == open + 1,
            "{now} exits were started, there were {open} before"
        );
        self.tally.exits += 1;
        Ok(died)
    }

    async fn flight(&mut self, at: (Call, u32)) -> Result<bool> {
        // The smallest output that holds so much is the one that can leave.
        self.output_to_leave().await?;
        let paper = self.paper(somebody(self.asked, 0), "0.4999eth").await?;
        let signed = self.must(&["sign", &paper]).await?;
        let signed = self.file("signed", &signed)?;
        let before = self.flights_started().await?;
        let words = ["exit", "payment", &signed];
        let died = self.twice(&words, at).await?;
        let told = self.must(&words).await?;
        let exit = told["exits"][0]["exit"].as_str().context("an exit")?;
        let exit = ExitId(exit.parse::<HashText>()?.0);
        let (contracts, rpc) = (&self.testnet.contracts, self.testnet.rpc());
        let open = contracts
            .in_flight_exit(rpc, &exit)
            .await?
            .context("no exit is open")?;
        ensure!(
            open.claims_output(1) && open.claims_any_input(),
            "the change or the inputs are not claimed: {open:?}"
        );
        let now = self.flights_started().await?;
        ensure!(
            now == before + 1,
            "{now} exits in flight, there were {before} before"
        );
        self.tally.flights += 1;
        Ok(died)
    }

    async fn exit_all(&mut self, at: (Call, u32)) -> Result<bool> {
        self.output_to_leave().await?;
        let file = self.rows(&[(self.owner, Amount::from(1)); 3])?;
        self.must(&["send", "--file", &file]).await?;
        let free = self.all_can_leave().await?.len();
        let before = self.exits_of_owner().await?;
        let died = self.twice(&["exit", "--all", "--min", "0wei"], at).await?;
        let now = self.exits_of_owner().await?;
        ensure!(
            now == before + free,
            "{now} exits were started, there were {before} before and {free} outputs"
        );
        self.tally.exits += u32::try_from(free)?;
        Ok(died)
    }

    /// An exit that is due is paid, with all operators dead.
    async fn finalize(&mut self, at: (Call, u32)) -> Result<bool> {
        let output = self.gathered.pop().context("too few outputs were gathered")?;
        let told = self.must(&["exit", &output, "--emergency"]).await?;
        self.pass(&told).await?;
        let words = ["exit", "finalize", &output];
        let died = self.twice(&words, at).await?;
        let told = self.must(&words).await?;
        ensure!(told["paid"] == Value::Bool(true), "{told}");
        let exit = told["exit"].as_str().context("an exit")?.parse::<HashText>()?;
        let open = self
            .testnet
            .contracts
            .exit(self.testnet.rpc(), &ExitId(exit.0))
            .await?;
        ensure!(open.is_none(), "it is paid, and open");
        self.tally.paid += 1;
        Ok(died)
    }

    /// Waits on Ethereum's clock until an exit that was told of is due; nobody anchors any more, so it may jump.
    pub(super) async fn pass(&self, told: &Value) -> Result<()> {
        let due = told["exits"][0]["due_s"].as_u64().context("a due time")?;
        let (_, now) = self.testnet.l1().head().await?;
        self.testnet.l1().advance(due.saturating_sub(now) + 1).await
    }

    /// A payment that is not signed yet, in a file.
    async fn paper(&self, to: Address, amount: &str) -> Result<String> {
        let to = AddressText(to).to_string();
        let paper = self.must(&["send", &to, amount, "--dry-run"]).await?;
        self.file("paper", &paper)
    }

    fn file(&self, kind: &str, document: &Value) -> Result<String> {
        let file = self.desk.folder.join(format!("{kind}-{}.json", self.asked));
        std::fs::write(&file, document.to_string())?;
        Ok(file.display().to_string())
    }

    /// A file of payouts.
    pub(super) fn rows(&self, rows: &[(Address, Amount)]) -> Result<String> {
        let file = self.desk.folder.join(format!("payout-{}.csv", self.asked));
        let text = rows
            .iter()
            .map(|(to, amount)| format!("{},{}\n", AddressText(*to), wei(*amount)));
        std::fs::write(&file, format!("to,amount\n{}", text.collect::<String>()))?;
        Ok(file.display().to_string())
    }

    /// How many exits in flight were ever started.
    pub(super) async fn flights_started(&self) -> Result<usize> {
        let contract = H160(self.testnet.contracts.in_flight.0);
        let topic = plasma_core::keccak(&[b"InFlightExitStarted(uint256,bytes)"]);
        let logs = self.testnet.l1().logs(contract, &[topic.0.into()]).await?;
        Ok(logs.len())
    }
}
