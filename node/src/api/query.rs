//! A query, read strictly: every name is known and stands once, and whatever is wrong is said with its name and what would be
//! right.

use std::{fmt, slice, str::FromStr};

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, MapAccess, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{Code, Problem, request::shown, text::number};

/// What is asked for.
///
/// # Errors
/// [`Code::MalformedRequest`] with the name of what is wrong.
pub(super) fn read<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, Problem> {
    let map = Pairs {
        rest: pairs.iter(),
        current: ("", ""),
    };
    T::deserialize(MapAccessDeserializer::new(map)).map_err(Wrong::told)
}

/// Names with their values, in the order in which they stand.
struct Pairs<'a> {
    rest: slice::Iter<'a, (String, String)>,
    current: (&'a str, &'a str),
}

impl<'de> MapAccess<'de> for Pairs<'_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let Some((name, text)) = self.rest.next() else {
            return Ok(None);
        };
        self.current = (name, text);
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let (name, text) = self.current;
        seed.deserialize(Text(text)).map_err(|wrong| wrong.of(name, text))
    }
}

/// One value, which reads itself as whatever is wanted.
struct Text<'a>(&'a str);

impl Text<'_> {
    /// Digits alone: no sign, no space.
    fn number<T: FromStr>(&self, bits: u32) -> Result<T, Wrong> {
        number(self.0).ok_or_else(|| Wrong::value(format!("a whole number below 2^{bits}")))
    }
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Wrong::value("true or false".to_owned())),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_u32(self.number(u32::BITS)?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_u64(self.number(u64::BITS)?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// What is wrong with one parameter.
#[derive(Debug)]
struct Wrong {
    field: String,
    detail: String,
    hint: String,
}

impl Wrong {
    /// With a value; of what, says whoever knows.
    fn value(hint: String) -> Self {
        Self {
            field: String::new(),
            detail: String::new(),
            hint,
        }
    }

    fn of(self, name: &str, text: &str) -> Self {
        Self {
            field: name.to_owned(),
            detail: format!("{name} in the query is {:?}", shown(text)),
            ..self
        }
    }

    fn told(self) -> Problem {
        let problem = Code::MalformedRequest.because(self.detail);
        problem.with("field", self.field).hint(self.hint)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.detail, self.hint)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(text: T) -> Self {
        // Some reasons repeat the whole text.
        Self::value(text.to_string().chars().take(HINT_CHARS).collect())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::value(format!("one of {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let field = shown(field);
        Self {
            detail: format!("the query has {field:?}, which this path does not know"),
            hint: format!("leave it out; known are {}", expected.join(", ")),
            field,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            field: field.to_owned(),
            detail: format!("the query lacks {field}"),
            hint: format!("ask with ?{field}=…"),
        }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self {
            field: field.to_owned(),
            detail: format!("the query has {field} twice"),
            hint: "once is enough".to_owned(),
        }
    }
}

/// More than any reason of ours has without the text that it is about.
const HINT_CHARS: usize = 400;
