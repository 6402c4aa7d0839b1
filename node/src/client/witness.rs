//! Judges what operators show: a receipt or a header counts only under a certificate of the federation's committee.
//!
//! The committee of epoch 0 stands in the federation file. What a later one signed is asked of Ethereum, whose contract
//! recorded every committee and checks a certificate against the term of its epoch (`Federation.verify`). Once a later
//! committee is active, certificates of epoch 0 are asked there too: keys of who left long ago prove nothing about today.

use std::sync::Arc;

use plasma_core::{
    Certificate, CertificateError, Committee, CommitteeError, Domain, Epoch, Genesis, Header, Receipt,
    ReceiptError, TransactionId,
};
use tokio::sync::OnceCell;

use super::{Client, ClientError};
use crate::{
    api::view::{CertificateView, ProofView},
    bridge::{Contracts, L1Error, rpc::Rpc},
};

/// Who judges.
#[derive(Debug)]
pub struct Witness {
    domain: Domain,
    first: Committee,
    ethereum: Option<Ethereum>,
}

#[derive(Debug)]
struct Ethereum {
    rpc: Arc<Rpc>,
    contracts: Contracts,
    /// The newest committee when it was first asked for; a command lives shorter than a committee.
    active: OnceCell<Epoch>,
}

/// Why something that was shown does not count.
#[derive(Debug, thiserror::Error)]
pub enum Untrue {
    /// The bytes are no receipt, header or certificate.
    #[error("the {0} does not decode")]
    Bytes(&'static str),
    /// It is about something else than was asked.
    #[error("it is about another {0} than was asked for")]
    Other(&'static str),
    /// A step from the transaction to the certificate is wrong.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// A certificate does not convince.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The contract refuses the certificate of a later committee.
    #[error("Ethereum refuses the certificate of epoch {0} over height {1}")]
    Refused(u64, u32),
    /// A later committee signed, and nobody is here who knows it.
    #[error(
        "it is signed by the committee of epoch {0}, which the federation file does not name; give an Ethereum endpoint \
         with --l1, which knows every committee"
    )]
    Unknown(u64),
    /// Ethereum was asked and did not answer.
    #[error("Ethereum was asked whether the certificate counts: {0}")]
    Ethereum(#[from] L1Error),
}

impl Untrue {
    /// Whether it may still be true: only that nobody could judge it.
    #[must_use]
    pub fn is_unjudged(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Ethereum(_))
    }

    /// This as the error of an answer that an operator gave.
    #[must_use]
    pub fn told_by(self, client: &Client) -> ClientError {
        let (operator, reason) = (client.operator().to_owned(), self.to_string());
        if self.is_unjudged() {
            ClientError::Unjudged { operator, reason }
        } else {
            ClientError::Untrue { operator, reason }
        }
    }
}

impl Witness {
    /// Judges by the federation file alone.
    ///
    /// # Errors
    /// When its members make no committee.
    pub fn new(genesis: &Genesis) -> Result<Self, CommitteeError> {
        Ok(Self {
            domain: genesis.domain(),
            first: genesis.committee()?,
            ethereum: None,
        })
    }

    /// Judges later committees too, by what Ethereum recorded.
    #[must_use]
    pub fn with_ethereum(mut self, rpc: Arc<Rpc>, contracts: Contracts) -> Self {
        self.ethereum = Some(Ethereum {
            rpc,
            contracts,
            active: OnceCell::new(),
        });
        self
    }

    /// Judges a receipt as an operator shows it.
    ///
    /// # Errors
    /// [`Untrue`], the first thing that does not convince.
    pub async fn proof(&self, shown: &ProofView, id: TransactionId) -> Result<Receipt, Untrue> {
        let receipt = Receipt::decode(&shown.raw.0).ok_or(Untrue::Bytes("receipt"))?;
        if receipt.transaction.id() != id {
            return Err(Untrue::Other("transaction"));
        }
        self.receipt(&receipt).await?;
        Ok(receipt)
    }

    /// Judges a receipt.
    ///
    /// # Errors
    /// [`Untrue`], the first thing that does not convince.
    pub async fn receipt(&self, receipt: &Receipt) -> Result<(), Untrue> {
        match receipt.verify(&self.domain, &self.first) {
            // Everything below the certificate was checked before its epoch was.
            Ok(()) | Err(ReceiptError::Certificate(CertificateError::Epoch { .. })) => {
                self.certificate(&receipt.header, &receipt.certificate).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Judges a header under the certificate that an operator shows with it.
    ///
    /// # Errors
    /// [`Untrue`], the first thing that does not convince.
    pub async fn certified(&self, shown: &CertificateView) -> Result<Header, Untrue> {
        let header = Header::decode(&shown.header.0).ok_or(Untrue::Bytes("header"))?;
        let certificate = Certificate::from_bytes(&shown.raw.0).ok_or(Untrue::Bytes("certificate"))?;
        self.certificate(&header, &certificate).await?;
        Ok(header)
    }

    /// Judges a header and its certificate.
    ///
    /// # Errors
    /// [`Untrue`], the first thing that does not convince.
    pub async fn certificate(&self, header: &Header, certificate: &Certificate) -> Result<(), Untrue> {
        if certificate.block != header.id() {
            return Err(Untrue::Other("block"));
        }
        let epoch = certificate.epoch;
        let is_first = epoch == self.first.epoch();
        if is_first {
            certificate.verify(&self.domain, &self.first)?;
        }
        let Some(ethereum) = &self.ethereum else {
            return if is_first {
                Ok(())
            } else {
                Err(Untrue::Unknown(epoch.0))
            };
        };
        if is_first && ethereum.active().await? == epoch {
            return Ok(());
        }
        let verified = ethereum
            .contracts
            .verify(&ethereum.rpc, header, certificate)
            .await?;
        if verified {
            Ok(())
        } else {
            Err(Untrue::Refused(epoch.0, header.height.0))
        }
    }
}

impl Ethereum {
    async fn active(&self) -> Result<Epoch, L1Error> {
        let ask = || self.contracts.active_epoch(&self.rpc);
        self.active.get_or_try_init(ask).await.copied()
    }
}
