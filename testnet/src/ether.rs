//! Amounts of ETH as people write them: `10eth`, `0.5eth`, or plain wei. A testnet's token has as many decimals.

use plasma_core::{Address, Amount};

/// Reads an amount.
///
/// # Errors
/// What was expected.
pub fn parse(text: &str) -> Result<Amount, String> {
    let wrong = || format!("{text:?} is no amount; write 10eth, 0.5eth or a number of wei");
    let Some(ether) = text.strip_suffix("eth") else {
        return decimal(text).ok_or_else(wrong);
    };
    let (whole, part) = ether.split_once('.').unwrap_or((ether, ""));
    if whole.is_empty() || part.len() > DECIMALS || (part.is_empty() && ether.contains('.')) {
        return Err(wrong());
    }
    decimal(&format!("{whole}{part:0<DECIMALS$}")).ok_or_else(wrong)
}

/// Writes an amount in ETH, without useless zeros.
#[must_use]
pub fn show(amount: Amount) -> String {
    show_asset(Address::ZERO, amount)
}

/// The same for any asset of a testnet: what is not ETH is its token.
#[must_use]
pub fn show_asset(asset: Address, amount: Amount) -> String {
    let unit = if asset.is_zero() { "ETH" } else { "TEST" };
    let digits = format!("{:0>width$}", amount.to_string(), width = DECIMALS + 1);
    let (whole, part) = digits.split_at(digits.len().saturating_sub(DECIMALS));
    let part = part.trim_end_matches('0');
    if part.is_empty() {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{part} {unit}")
    }
}

/// So many whole ETH, or whole tokens.
#[must_use]
pub fn eth(whole: u64) -> Amount {
    Amount::from(whole) * Amount::from(10_u64.pow(18))
}

fn decimal(text: &str) -> Option<Amount> {
    let digits = !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    digits.then(|| Amount::from_str_radix(text, 10).ok()).flatten()
}

/// 1 ETH is 10¹⁸ wei.
const DECIMALS: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(parse("10eth"), Ok(eth(10)));
        assert_eq!(parse("0.5eth").map(show), Ok("0.5 ETH".into()));
        assert_eq!(parse("7"), Ok(Amount::from(7)));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "eth",
            ".eth",
            "1.eth",
            "-1",
            "1.0000000000000000001eth",
            "1 eth",
            "0x10",
            "1e3",
        ] {
            assert!(parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn an_amount_is_written_without_useless_zeros() {
        assert_eq!(show(eth(3)), "3 ETH");
        assert_eq!(show(Amount::from(1)), "0.000000000000000001 ETH");
        assert_eq!(show_asset(Address([1; 20]), eth(3)), "3 TEST");
    }
}
