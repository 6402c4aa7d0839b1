//! One contract of the law, called by the names in its ABI: what people do there and operators never send.
//!
//! The operators' own calls are typed and live in `plasma_node::bridge`; these are the users' side of it, bonds, tokens,
//! reclaims and exits in flight, and they follow the committed ABI without a word of their own.

use anyhow::{Context, Result, anyhow};
use ethers_core::abi::{Abi, Token};
use ethers_core::types::{H160, U256};
use plasma_contracts_abi::{exit_game, federation, in_flight_exits, vault};
use plasma_core::{Address, Amount};
use plasma_node::bridge::account::Call;
use plasma_node::bridge::contracts::Contracts;
use plasma_node::bridge::convert::{from_u256, to_u256};
use plasma_node::bridge::methods::At;
use plasma_node::bridge::rpc::Rpc;

/// A contract and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    name: &'static str,
    abi: &'static Abi,
    address: Address,
}

impl Contract {
    /// A contract that this ABI describes.
    #[must_use]
    pub fn new(name: &'static str, abi: &'static Abi, address: Address) -> Self {
        Self { name, abi, address }
    }

    /// Committees, bonds, anchors.
    #[must_use]
    pub fn federation(contracts: &Contracts) -> Self {
        Self::new("Federation", &federation::FEDERATION_ABI, contracts.federation)
    }

    /// Deposits.
    #[must_use]
    pub fn vault(contracts: &Contracts) -> Self {
        Self::new("Vault", &vault::VAULT_ABI, contracts.vault)
    }

    /// Standard exits, and the registry of what was paid.
    #[must_use]
    pub fn exit_game(contracts: &Contracts) -> Self {
        Self::new("ExitGame", &exit_game::EXITGAME_ABI, contracts.exit_game)
    }

    /// In-flight exits.
    #[must_use]
    pub fn in_flight(contracts: &Contracts) -> Self {
        Self::new(
            "InFlightExits",
            &in_flight_exits::INFLIGHTEXITS_ABI,
            contracts.in_flight,
        )
    }

    /// The transaction that calls a function.
    ///
    /// # Errors
    /// When the ABI has no such function, or it takes other arguments.
    pub fn call(&self, function: &str, arguments: &[Token], value: Amount) -> Result<Call> {
        let found = self.abi.function(function).context(self.name)?;
        let data = found
            .encode_input(arguments)
            .with_context(|| format!("the arguments of {}.{function}", self.name))?;
        Ok(Call {
            label: format!("{}.{function}", self.name),
            to: Some(self.address),
            value,
            data,
        })
    }

    /// Asks a view function at the latest head.
    ///
    /// # Errors
    /// See [`Contract::call`]; what the endpoint or the contract says.
    pub async fn ask(&self, rpc: &Rpc, function: &str, arguments: &[Token]) -> Result<Vec<Token>> {
        let call = self.call(function, arguments, Amount::ZERO)?;
        let answer = rpc.eth_call(None, &call, At::Latest).await?;
        let found = self.abi.function(function).context(self.name)?;
        found
            .decode_output(&answer)
            .with_context(|| format!("the answer of {}", call.label))
    }

    /// Asks a view function that answers with numbers; the one at `place`.
    ///
    /// # Errors
    /// See [`Contract::ask`]; when the answer has no number there.
    pub async fn number(
        &self,
        rpc: &Rpc,
        function: &str,
        arguments: &[Token],
        place: usize,
    ) -> Result<Amount> {
        let answer = self.ask(rpc, function, arguments).await?;
        let number = answer.get(place).cloned().and_then(Token::into_uint);
        number
            .map(from_u256)
            .ok_or_else(|| anyhow!("{}.{function} answered {answer:?}", self.name))
    }

    /// The arguments in the data of a call to a function.
    ///
    /// # Errors
    /// When the data are not of such a call.
    pub fn arguments(&self, function: &str, data: &[u8]) -> Result<Vec<Token>> {
        let found = self.abi.function(function).context(self.name)?;
        let arguments = data
            .strip_prefix(&found.short_signature())
            .ok_or_else(|| anyhow!("these data call another function than {function}"))?;
        found
            .decode_input(arguments)
            .with_context(|| format!("the arguments of {}.{function}", self.name))
    }
}

/// An address as an argument.
#[must_use]
pub fn address(of: Address) -> Token {
    Token::Address(H160(of.0))
}

/// An amount as an argument.
#[must_use]
pub fn amount(value: Amount) -> Token {
    Token::Uint(to_u256(value))
}

/// Any other number as an argument.
#[must_use]
pub fn number(value: u64) -> Token {
    Token::Uint(U256::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_gives_its_arguments_back_and_those_of_no_other() {
        let vault = Contract::new("Vault", &vault::VAULT_ABI, Address([7; 20]));
        let arguments = [number(3)];
        let call = vault
            .call("startReclaim", &arguments, Amount::ZERO)
            .expect("it is in the ABI");
        assert_eq!(call.label, "Vault.startReclaim");
        let read = vault.arguments("startReclaim", &call.data).expect("its own data");
        assert_eq!(read, arguments);
        assert!(vault.arguments("finalizeReclaim", &call.data).is_err());
        assert!(vault.call("startReclaim", &[], Amount::ZERO).is_err());
        assert!(vault.call("steal", &[], Amount::ZERO).is_err());
    }
}
