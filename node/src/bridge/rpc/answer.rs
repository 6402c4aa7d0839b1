//! What came back for a call: matched by id, or an error that names endpoint and method.

use std::error::Error as _;

use serde_json::Value;

use super::{ANSWER_BYTES_MAX, L1Error};

/// What a call is about, for errors.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) endpoint: &'a str,
    pub(super) method: &'static str,
}

pub(super) fn answers(
    asked: Asked<'_>,
    body: &[u8],
    first_id: u64,
    count: usize,
) -> Result<Vec<Result<Value, L1Error>>, L1Error> {
    let parsed: Value =
        serde_json::from_slice(body).map_err(|error| asked.malformed(format!("not JSON: {error}")))?;
    let list = match parsed {
        Value::Array(list) if count != 1 => list,
        Value::Object(single) if count != 1 => return Err(asked.refusal_of_all(&single)),
        single => vec![single],
    };
    if list.len() != count {
        return Err(asked.malformed(format!("{} answers to {count} calls", list.len())));
    }
    if let [only] = list.as_slice()
        && let (Some(Value::Null), Some(error)) = (only.get("id"), only.get("error"))
    {
        return Err(asked.refused(error));
    }
    let mut results: Vec<Option<Result<Value, L1Error>>> = vec![None; count];
    for mut answer in list {
        let place = answer
            .get("id")
            .and_then(Value::as_u64)
            .and_then(|id| id.checked_sub(first_id));
        let place = place.and_then(|place| usize::try_from(place).ok());
        let Some(slot) = place.and_then(|place| results.get_mut(place)) else {
            return Err(asked.malformed("an answer carries an id that was not asked".to_owned()));
        };
        *slot = Some(match (answer.get("error").cloned(), answer.get_mut("result")) {
            (Some(error), _) if !error.is_null() => Err(asked.refused(&error)),
            (_, Some(result)) => Ok(result.take()),
            _ => Err(asked.malformed("neither result nor error".to_owned())),
        });
    }
    results
        .into_iter()
        .map(|slot| slot.ok_or_else(|| asked.malformed("an answer is missing".to_owned())))
        .collect()
}

impl Asked<'_> {
    pub(super) fn unreachable(self, error: reqwest::Error) -> L1Error {
        let reason = causes(&error.without_url());
        L1Error::Unreachable {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            reason,
        }
    }

    pub(super) fn status(self, status: u16) -> L1Error {
        L1Error::Status {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            status,
        }
    }

    pub(super) fn oversize(self) -> L1Error {
        L1Error::Oversize {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            limit_bytes: ANSWER_BYTES_MAX,
        }
    }

    pub(super) fn malformed(self, reason: String) -> L1Error {
        L1Error::Malformed {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            reason,
        }
    }

    /// A node that refuses batches answers with one error for all of them.
    fn refusal_of_all(self, answer: &serde_json::Map<String, Value>) -> L1Error {
        answer.get("error").map_or_else(
            || self.malformed("one answer to several calls".to_owned()),
            |error| self.refused(error),
        )
    }

    fn refused(self, error: &Value) -> L1Error {
        let message = error
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or("(no message)");
        L1Error::Refused {
            endpoint: self.endpoint.to_owned(),
            method: self.method,
            code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
            message: message.chars().take(MESSAGE_CHARS_MAX).collect(),
            revert: revert_bytes(error.get("data")),
        }
    }
}

/// Nodes put revert bytes into `data`, some one level deeper.
fn revert_bytes(content: Option<&Value>) -> Vec<u8> {
    let text = content.and_then(|value| {
        value
            .as_str()
            .or_else(|| value.get("data").and_then(Value::as_str))
    });
    let bytes = text
        .and_then(|text| text.parse::<ethers_core::types::Bytes>().ok())
        .unwrap_or_default();
    bytes.iter().copied().take(REVERT_BYTES_MAX).collect()
}

pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(cause) = source else { break };
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Enough for every message of geth, reth and anvil; logs stay readable.
const MESSAGE_CHARS_MAX: usize = 512;
/// Custom errors carry a few words.
const REVERT_BYTES_MAX: usize = 4096;
/// hyper nests about four causes.
const CAUSES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::{Asked, L1Error, answers};
    use serde_json::json;

    const ASKED: Asked<'static> = Asked {
        endpoint: "http://node",
        method: "eth_x",
    };

    #[test]
    fn answers_are_put_back_in_the_order_asked() {
        let body = br#"[{"id":6,"result":"b"},{"id":5,"result":null},{"id":7,"error":{"code":3,"message":"no","data":"0x01"}}]"#;
        let results = answers(ASKED, body, 5, 3).unwrap();
        assert_eq!(results[0], Ok(json!(null)));
        assert_eq!(results[1], Ok(json!("b")));
        assert!(matches!(&results[2], Err(L1Error::Refused { code: 3, revert, .. }) if revert == &[1]));
    }

    #[test]
    fn answers_of_a_wrong_shape_are_malformed() {
        for (body, count) in [
            (&b"<html>"[..], 1),
            (br#"{"id":9,"result":1}"#, 1),
            (br#"{"result":1}"#, 1),
            (br#"[{"id":5,"result":1}]"#, 2),
            (br#"[{"id":5,"result":1},{"id":5,"result":1}]"#, 2),
            (br#"{"jsonrpc":"2.0"}"#, 2),
        ] {
            assert!(
                matches!(answers(ASKED, body, 5, count), Err(L1Error::Malformed { .. })),
                "{body:?}"
            );
        }
        assert!(matches!(
            &answers(ASKED, br#"{"id":5}"#, 5, 1).unwrap()[0],
            Err(L1Error::Malformed { .. })
        ));
    }

    #[test]
    fn a_refused_batch_is_one_refusal() {
        let body = br#"{"id":null,"error":{"code":-32600,"message":"batch too large"}}"#;
        assert!(matches!(
            answers(ASKED, body, 5, 2),
            Err(L1Error::Refused { code: -32600, .. })
        ));
    }
}
