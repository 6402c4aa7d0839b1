//! Amounts as people write them: `1.5eth`, `20gwei`, `200wei`; of a token a bare number of its smallest units.
//!
//! A bare number is refused for ETH: whoever means ether and writes 1 would pay one wei. A token has no unit that can be
//! trusted, so what stands there is what its contract counts.

use plasma_core::{Address, Amount};

/// Reads an amount of an asset.
///
/// # Errors
/// Words about what was expected.
pub fn parse(text: &str, asset: Address) -> Result<Amount, String> {
    if asset.is_zero() {
        return ether(text).ok_or_else(|| {
            format!(
                "{:?} is no amount of ETH; write 1.5eth, 20gwei or 200wei",
                cut(text)
            )
        });
    }
    decimal(text).ok_or_else(|| {
        format!(
            "{:?} is no amount of the token {asset}; write a whole number of its smallest units",
            cut(text)
        )
    })
}

/// Writes an amount for people: ETH without useless zeros, a token in its smallest units.
#[must_use]
pub fn show(amount: Amount, asset: Address) -> String {
    if !asset.is_zero() {
        return format!("{amount} of {}", crate::api::text::AddressText(asset));
    }
    let digits = format!("{:0>width$}", amount.to_string(), width = ETHER_DECIMALS + 1);
    let (whole, part) = digits.split_at(digits.len().saturating_sub(ETHER_DECIMALS));
    let part = part.trim_end_matches('0');
    if part.is_empty() {
        format!("{whole} ETH")
    } else {
        format!("{whole}.{part} ETH")
    }
}

fn ether(text: &str) -> Option<Amount> {
    // gwei ends in wei, so the longer unit is tried first.
    let (number, decimals) = UNITS
        .iter()
        .find_map(|(unit, decimals)| Some((text.strip_suffix(unit)?, *decimals)))?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if part.is_empty() {
        return None;
    }
    // Zeros at the end of a fraction say nothing.
    let part = part.trim_end_matches('0');
    if whole.is_empty() || part.len() > decimals || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    decimal(&format!("{whole}{part:0<decimals$}"))
}

fn decimal(text: &str) -> Option<Amount> {
    let digits = !text.is_empty() && text.len() <= DIGITS_MAX && text.bytes().all(|one| one.is_ascii_digit());
    digits.then(|| Amount::from_str_radix(text, 10).ok()).flatten()
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

const UNITS: [(&str, usize); 3] = [("eth", ETHER_DECIMALS), ("gwei", 9), ("wei", 0)];
/// 1 ETH is 10¹⁸ wei.
const ETHER_DECIMALS: usize = 18;
/// Decimal digits of 2^256 - 1, and as many zeros in front of a fraction.
const DIGITS_MAX: usize = 96;
/// So much of a wrong text stands in an error.
const SHOWN_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::{Address, Amount, parse, show};

    const TOKEN: Address = Address([7; 20]);

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let wei = |text: &str| parse(text, Address::ZERO).unwrap();
        assert_eq!(wei("1.5eth"), Amount::from(1_500_000_000_000_000_000u64));
        assert_eq!(wei("20gwei"), Amount::from(20_000_000_000u64));
        assert_eq!(wei("200wei"), Amount::from(200));
        assert_eq!(wei("0.000000000000000001eth"), Amount::from(1));
        assert_eq!(wei("1.500eth"), wei("1.5eth"));
        assert_eq!(parse("17", TOKEN), Ok(Amount::from(17)));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "eth",
            "1",
            ".5eth",
            "1.eth",
            "-1eth",
            "1 eth",
            "1e3wei",
            "0x1wei",
            "1.5wei",
            "1.0000000000000000001eth",
            "1,5eth",
            "1.5.5eth",
            "٣eth",
        ] {
            assert!(parse(text, Address::ZERO).is_err(), "{text:?} was taken");
        }
        let huge = format!("{}eth", "9".repeat(90));
        assert!(parse(&huge, Address::ZERO).is_err());
        for text in ["", "1eth", "1.5", "-1"] {
            assert!(parse(text, TOKEN).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn an_amount_is_written_without_useless_zeros() {
        let show = |text: &str| show(parse(text, Address::ZERO).unwrap(), Address::ZERO);
        assert_eq!(show("3eth"), "3 ETH");
        assert_eq!(show("1wei"), "0.000000000000000001 ETH");
        assert_eq!(show("1.50eth"), "1.5 ETH");
    }
}
