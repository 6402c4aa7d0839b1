//! Shapes that no document has of itself: single values, pages, bodies and problems.

use std::borrow::Cow;

use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, RefOr, Required,
        request_body::{RequestBody, RequestBodyBuilder},
        schema::{AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type},
    },
};

use super::super::{
    Code, Problem,
    submit::BATCH_MAX,
    text::{AddressText, AmountText, BytesText, HashText, PositionText},
};

/// A text of one form.
pub(in super::super) fn text(description: &str, pattern: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(pattern))
        .build()
}

/// A number of things.
pub(in super::super) fn count() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0u32))
        .build()
}

/// Bytes as they are.
pub(in super::super) fn bytes(description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .content_media_type("application/octet-stream")
        .build()
}

/// One of several shapes.
pub(in super::super) fn any_of(shapes: impl IntoIterator<Item = RefOr<Schema>>) -> RefOr<Schema> {
    let any = shapes.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item);
    Schema::AnyOf(any.build()).into()
}

/// A page of a list.
pub(in super::super) fn pages(item: RefOr<Schema>) -> Object {
    let cursor = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some("Goes into `cursor` for the next page; null on the last."));
    ObjectBuilder::new()
        .property("items", ArrayBuilder::new().items(item))
        .property("next_cursor", cursor)
        .property("height", count())
        .required("items")
        .required("next_cursor")
        .required("height")
        .build()
}

/// A body of one document.
pub(in super::super) fn document(schema: RefOr<Schema>) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let body = RequestBodyBuilder::new().required(Some(Required::True));
    body.content("application/json", content).build()
}

/// The body of one transaction, or of many.
pub(in super::super) fn submission(is_batch: bool) -> RequestBody {
    let hex = text("The transaction's bytes as hex.", "^(0x)?([0-9a-fA-F]{2})+$");
    let json: RefOr<Schema> = if is_batch {
        // What a member holds is answered in its place, so the shape promises no more than that it is a text.
        let member = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A transaction's bytes as hex."));
        ArrayBuilder::new()
            .items(member)
            .max_items(Some(BATCH_MAX))
            .into()
    } else {
        let one = ObjectBuilder::new().property("tx", hex.clone()).required("tx");
        one.additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(
            false,
        )))
        .into()
    };
    let content = |schema: RefOr<Schema>| ContentBuilder::new().schema(Some(schema)).build();
    let body = RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content("application/json", content(json))
        .content(
            "application/octet-stream",
            content(bytes("The transaction's bytes; in a batch one after the other.").into()),
        );
    let body = if is_batch {
        body
    } else {
        body.content("text/plain", content(hex.into()))
    };
    body.build()
}

macro_rules! texts {
    ($($type:ident: $name:literal, $description:literal, $pattern:literal, $example:literal;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::from(text($description, $pattern))
                    .examples([json!($example)])
                    .into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )+};
}

texts! {
    HashText: "Hash", "32 bytes.", "^0x[0-9a-fA-F]{64}$",
        "0x475492da5a4af811736ec68d6cfb7bc3ecd3eda1368d46be98fdbaaad5db23bb";
    AddressText: "Address", "An Ethereum address, written with its EIP-55 checksum; all lower case is read too.",
        "^0x[0-9a-fA-F]{40}$", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    AmountText: "Amount", "A decimal number in smallest units, below 2^256.", "^[0-9]{1,78}$", "1500000000000000000";
    PositionText: "Position", "Where an output is: block:transaction:output. The packed decimal number is read too.",
        "^([0-9]{1,10}:[0-9]{1,10}:[0-9]{1,3}|[0-9]{1,22})$", "1042:17:1";
    BytesText: "Bytes", "Bytes as hex.", "^0x([0-9a-fA-F]{2})*$", "0xc0ffee";
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        let string = || ObjectBuilder::new().schema_type(Type::String);
        let codes = Code::ALL.iter().map(|code| code.as_str());
        let status = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(400u32));
        ObjectBuilder::new()
            .description(Some(
                "A refusal (RFC 9457). Further members depend on the code and name what `detail` speaks of.",
            ))
            .property("type", string().pattern(Some("^urn:plasma:problem:")))
            .property(
                "title",
                string().description(Some("The same words for every problem of this code.")),
            )
            .property("status", status)
            .property("code", string().enum_values(Some(codes)))
            .property(
                "detail",
                string().description(Some("This very case, with field and values.")),
            )
            .property(
                "retryable",
                ObjectBuilder::new().schema_type(Type::Boolean).description(Some(
                    "Whether the same request may succeed later without any change.",
                )),
            )
            .property(
                "hint",
                string().description(Some("What to change, or where to look.")),
            )
            .property("instance", string().description(Some("The path that was asked.")))
            .required("type")
            .required("title")
            .required("status")
            .required("code")
            .required("detail")
            .required("retryable")
            .into()
    }
}

impl ToSchema for Problem {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Problem")
    }
}
