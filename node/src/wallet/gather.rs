//! Gathers what an exit will need while operators still answer: the place of each output under its anchor, and where it has
//! none that Ethereum confirms, the headers above its block, from which the way to any anchor is made.
//!
//! An operator may name an anchor that is none, and who had only that could not leave. So what it says is kept when
//! Ethereum holds the same anchor; and headers are kept when they lead, parent by parent, to one that the committee signed.

use plasma_core::{Header, Height, Position};

use super::{
    Purse, WalletError,
    anchored::covering,
    inclusion,
    ledger::{Holding, judged},
    purse::{Ethereum, Person},
};
use crate::{
    api::{Code, view::CertificateView},
    bridge::Anchored,
    client::{Client, ClientError, Witness},
};

impl<P: Person> Purse<P> {
    /// Gathers what exits of these outputs will take. What is not to be had now is had the next time.
    pub(super) async fn gather(&mut self, holdings: &mut [Holding]) -> Result<(), WalletError> {
        let mut oldest: Option<Height> = None;
        let mut anchored: Option<Height> = None;
        for holding in holdings.iter_mut().filter(|holding| holding.is_proven) {
            let position = holding.output.output.0;
            // A damaged file is as none: it is gathered again.
            if self.receipts.exit(position).is_ok_and(|kept| kept.is_some()) {
                holding.can_leave = true;
                continue;
            }
            if let Some(ethereum) = self.ways.ethereum.clone() {
                let last = match anchored {
                    Some(height) => height,
                    None => self.last_anchored(&ethereum).await,
                };
                anchored = Some(last);
                if last >= position.block {
                    holding.can_leave = self.gather_exit(&ethereum, position).await?;
                }
            }
            if !holding.can_leave {
                oldest = Some(oldest.map_or(position.block, |height| height.min(position.block)));
            }
        }
        self.forget_headers()?;
        match oldest {
            Some(height) => self.gather_headers(height).await,
            None => Ok(()),
        }
    }

    /// Forgets the headers that lead from no output any more. Which outputs there are is not for an operator to say: who
    /// lists none of them would leave the wallet without a way out.
    fn forget_headers(&self) -> Result<(), WalletError> {
        let spent = self.book().spent();
        let unanchored = self.receipts.unanchored()?;
        let mut open = unanchored.into_iter().filter(|output| !spent.contains(output));
        let Some(newest) = self.receipts.newest_header()? else {
            return Ok(());
        };
        // What another machine spent would keep them for ever.
        let last = newest.0.saturating_sub(self.headers_kept());
        let oldest = open.next().map_or(Height(u32::MAX), |output| output.block);
        self.receipts.forget_headers(oldest.max(Height(last)))
    }

    /// The height under the newest anchor; zero when Ethereum does not say it now, for no payment waits for that.
    async fn last_anchored(&self, ethereum: &Ethereum) -> Height {
        match ethereum.contracts.latest(&ethereum.rpc).await {
            Ok(latest) => latest.height,
            Err(error) => {
                self.person
                    .tell(&format!("Ethereum does not tell its anchors now: {error}"));
                Height(0)
            }
        }
    }

    /// Asks for what an exit of an output takes, and keeps it when Ethereum holds its anchor; whether it is there now.
    pub(super) async fn gather_exit(
        &self,
        ethereum: &Ethereum,
        position: Position,
    ) -> Result<bool, WalletError> {
        let Some(receipt) = self.receipts.output(position)? else {
            return Ok(false);
        };
        let anchor = match covering(ethereum, &receipt, self.genesis.deployment.height, 0).await {
            Ok(Some(anchor)) => anchor,
            Ok(None) => return Ok(false),
            Err(error) => {
                self.person
                    .tell(&format!("the anchor over {position} is not told now: {error}"));
                return Ok(false);
            }
        };
        let asked = async |client: &Client| {
            let data = client.exit_data(position).await?;
            let found = inclusion::from_operator(&data, &receipt);
            let told = found.and_then(|found| same_anchor(&found.anchor, &anchor));
            told.map_err(|reason| ClientError::Untrue {
                operator: client.operator().to_owned(),
                reason,
            })?;
            Ok(data)
        };
        match self.operators()?.ask(asked).await {
            Ok(data) => {
                self.receipts.keep_exit(position, &data)?;
                Ok(true)
            }
            Err(ClientError::Problem(problem)) if problem.is(Code::NotAnchored) => Ok(false),
            Err(error) => {
                self.person.tell(&format!(
                    "what an exit of {position} takes is not here yet: {error}"
                ));
                Ok(false)
            }
        }
    }

    /// Keeps the headers above a height, up to the newest that is certified; some at each look.
    async fn gather_headers(&self, above: Height) -> Result<(), WalletError> {
        let tip = self.status().await?.height;
        let last = tip.min(above.0.saturating_add(self.headers_kept()));
        let mut first = above.0.saturating_add(1);
        while first <= last && self.receipts.header(Height(first))?.is_some() {
            first = first.saturating_add(1);
        }
        if first > last {
            return Ok(());
        }
        let last = last.min(first.saturating_add(HEADERS_AT_ONCE - 1));
        let witness = &self.ways.witness;
        let asked = async |client: &Client| headers(client, witness, first, last).await;
        match self.operators()?.ask(asked).await {
            Ok(headers) => headers
                .iter()
                .try_for_each(|header| self.receipts.keep_header(header)),
            Err(error) => {
                // The next look asks again.
                self.person
                    .tell(&format!("headers above block {above} are not here yet: {error}"));
                Ok(())
            }
        }
    }

    /// Above one output's block: an anchor is due every `anchor_blocks`, and may be late.
    fn headers_kept(&self) -> u32 {
        self.genesis.anchor_blocks.saturating_mul(4).max(HEADERS_KEPT)
    }
}

/// The headers of a range, up to the last one that has a certificate of its own, to which they all lead.
async fn headers(
    client: &Client,
    witness: &Witness,
    first: u32,
    last: u32,
) -> Result<Vec<Header>, ClientError> {
    let untrue = |reason: String| ClientError::Untrue {
        operator: client.operator().to_owned(),
        reason,
    };
    let (mut found, mut certified): (Vec<Header>, usize) = (Vec::new(), 0);
    let mut newest: Option<CertificateView> = None;
    for height in first..=last {
        let block = client.block(Some(Height(height))).await?;
        let header = Header::decode(&block.header.0);
        let header = header.filter(|header| header.height.0 == height);
        let header = header.ok_or_else(|| untrue(format!("block {height} has no header of this height")))?;
        let is_child = found.last().is_none_or(|before| header.parent == before.id());
        if !is_child {
            return Err(untrue(format!(
                "block {height} does not follow the one before it"
            )));
        }
        found.push(header);
        if let Some(own) = block.certificate.filter(|one| one.height == height) {
            certified = found.len();
            newest = Some(own);
        }
    }
    // What the committee signed names its parent, and that one the next: so one certificate speaks for all below it.
    found.truncate(certified);
    if let (Some(header), Some(shown)) = (found.last(), newest) {
        let signed = judged(client, witness.certified(&shown).await)?;
        if signed != *header {
            return Err(untrue(format!(
                "the certificate is about another block than {}",
                header.height
            )));
        }
    }
    Ok(found)
}

/// Whether an operator names the anchor that Ethereum holds.
fn same_anchor(told: &Anchored, held: &Anchored) -> Result<(), String> {
    if told == held {
        return Ok(());
    }
    Err(format!(
        "it names anchor {} over block {}, and on Ethereum the first over this output is anchor {} over block {}",
        told.number, told.height, held.number, held.height
    ))
}

/// Headers asked for at one look.
const HEADERS_AT_ONCE: u32 = 512;
/// Less than a megabyte above the oldest output that no anchor covers.
const HEADERS_KEPT: u32 = 4096;
