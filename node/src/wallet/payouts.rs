//! A file of payouts: `to,amount[,asset]`, one payment a row. Read as a whole and checked as a whole before anything is paid.

use std::{fs::File, io::Read as _, path::Path};

use plasma_core::{Address, Amount};

use super::{WalletError, amount, book::Row};
use crate::{
    api::text::{AddressText, AmountText},
    choice::OUTPUTS_MAX,
};

/// Reads the file.
///
/// # Errors
/// [`WalletError::File`] names line and column of the first thing that is wrong.
pub fn read(path: &Path) -> Result<Vec<Row>, WalletError> {
    let refuse = |reason: String| WalletError::File {
        path: path.to_owned(),
        reason,
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut text)
        .map_err(|error| refuse(error.to_string()))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(refuse(format!("more than {FILE_BYTES_MAX} bytes; split it")));
    }
    parse(&text).map_err(refuse)
}

fn parse(text: &[u8]) -> Result<Vec<Row>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let header = reader.headers().map_err(|error| error.to_string())?;
    let names: Vec<&str> = header.iter().collect();
    if names != ["to", "amount"] && names != ["to", "amount", "asset"] {
        return Err("line 1: the header must be to,amount or to,amount,asset".to_owned());
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        if rows.len() == ROWS_MAX {
            return Err(format!("more than {ROWS_MAX} rows; split the file"));
        }
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(row(&record).map_err(|reason| format!("line {line}, {reason}"))?);
    }
    if rows.is_empty() {
        return Err("no row below the header".to_owned());
    }
    Ok(rows)
}

fn row(record: &csv::StringRecord) -> Result<Row, String> {
    let field = |place: usize| record.get(place).unwrap_or_default();
    let address = |name: &str, text: &str| {
        text.parse::<AddressText>()
            .map_err(|error| format!("{name}: {error}"))
    };
    let to = address("to", field(0))?;
    if to.0.is_zero() {
        return Err("to: the zero address owns nothing".to_owned());
    }
    let asset = match field(2) {
        "" | "eth" | "ETH" => AddressText(Address::ZERO),
        token => address("asset", token)?,
    };
    let amount = amount::parse(field(1), asset.0).map_err(|reason| format!("amount: {reason}"))?;
    if amount == Amount::ZERO {
        return Err("amount: a payment of nothing".to_owned());
    }
    Ok(Row {
        to,
        amount: AmountText(amount),
        asset,
    })
}

/// The rows that the next payment pays: the first unpaid one, and those behind it of the same asset that fit beside the
/// change and the fee.
#[must_use]
pub fn group(rows: &[Row], unpaid: &[usize], has_fee: bool) -> Vec<usize> {
    let asset_of = |place: &usize| rows.get(*place).map(|row| row.asset);
    let Some(first) = unpaid.first() else {
        return Vec::new();
    };
    let room = OUTPUTS_MAX - 1 - usize::from(has_fee);
    let same = unpaid.iter().filter(|place| asset_of(place) == asset_of(first));
    same.take(room).copied().collect()
}

/// Three thousand payments one after the other take some minutes; a larger file is split.
const ROWS_MAX: usize = 10_000;
/// So many rows with room to spare.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
    const TOKEN: &str = "0x5fbdb2315678afecb367f032d93f642f64180aa3";

    #[test]
    fn rows_are_read_with_and_without_an_asset() {
        let rows = parse(format!("to,amount\n{BOB},1.5eth\n{BOB}, 7wei\n").as_bytes()).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].amount.0, Amount::from(7));
        let rows = parse(format!("to,amount,asset\n{BOB},7,{TOKEN}\n{BOB},7wei,\n").as_bytes()).unwrap();
        assert_eq!(rows[0].asset, TOKEN.parse().unwrap());
        assert!(rows[1].asset.0.is_zero());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_column() {
        for (text, words) in [
            (String::new(), "header"),
            ("amount,to\n".into(), "header"),
            ("to,amount\n".into(), "no row"),
            (format!("to,amount\n{BOB},1eth\nnobody,1eth\n"), "line 3, to"),
            (format!("to,amount\n{BOB},1\n"), "line 2, amount"),
            (format!("to,amount\n{BOB},0eth\n"), "line 2, amount"),
            (format!("to,amount\n{},1eth\n", Address::ZERO), "line 2, to"),
            (format!("to,amount,asset\n{BOB},1,gold\n"), "line 2, asset"),
            (format!("to,amount,asset\n{BOB},1eth,{TOKEN}\n"), "line 2, amount"),
            (format!("to,amount\n{BOB},1eth,{TOKEN}\n"), "line: 2"),
            (format!("to,amount\n{BOB}\n"), "line: 2"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
        }
        let many = format!("to,amount\n{}", format!("{BOB},1wei\n").repeat(ROWS_MAX + 1));
        assert!(parse(many.as_bytes()).unwrap_err().contains("split"));
        assert!(parse(b"to,amount\n\xff,1eth\n").is_err());
    }

    #[test]
    fn rows_of_one_asset_share_a_payment_with_change_and_fee() {
        let row = |asset: u8| Row {
            to: AddressText(Address([2; 20])),
            amount: AmountText(Amount::from(1)),
            asset: AddressText(Address([asset; 20])),
        };
        let rows = [row(0), row(5), row(0), row(0), row(0)];
        assert_eq!(group(&rows, &[0, 1, 2, 3, 4], false), [0, 2, 3]);
        assert_eq!(group(&rows, &[0, 1, 2, 3, 4], true), [0, 2]);
        assert_eq!(group(&rows, &[1, 4], false), [1]);
        assert!(group(&rows, &[], false).is_empty());
    }
}
