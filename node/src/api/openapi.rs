//! What the HTTP door says of itself: an OpenAPI 3.1 document, made of the very list that the paths are made of.
//!
//! A [`Question`] is registered once, with who answers it and what is said of it, so neither is there without the other.

use std::collections::BTreeMap;

use axum::{
    Router,
    handler::Handler,
    routing::{self, MethodRouter},
};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder,
        PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder,
        path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBody,
        schema::Schema,
    },
};

use super::{
    Code, Problem,
    text::{AddressText, AmountText, BytesText, HashText, PositionText},
};

mod shapes;

pub(super) use shapes::{any_of, bytes, document, pages, submission, text};

/// A path, who answers it, and what is said of it.
pub(super) struct Question<S> {
    path: &'static str,
    method: HttpMethod,
    asked: MethodRouter<S>,
    told: OperationBuilder,
    answers: Vec<(u16, ResponseBuilder)>,
    refusals: Vec<Code>,
    schemas: Schemas,
}

/// Shapes by their names.
type Schemas = Vec<(String, RefOr<Schema>)>;

impl<S: Clone + Send + Sync + 'static> Question<S> {
    /// A question that changes nothing.
    pub(super) fn get<H: Handler<T, S>, T: 'static>(path: &'static str, handler: H, summary: &str) -> Self {
        Self::new(path, (HttpMethod::Get, routing::get(handler)), summary)
    }

    /// One with a body.
    pub(super) fn post<H: Handler<T, S>, T: 'static>(
        path: &'static str,
        handler: H,
        summary: &str,
        body: RequestBody,
    ) -> Self {
        let mut question = Self::new(path, (HttpMethod::Post, routing::post(handler)), summary);
        question.told = question.told.request_body(Some(body));
        question.refuses(&[Code::PayloadTooLarge, Code::UnsupportedMediaType])
    }

    fn new(path: &'static str, (method, asked): (HttpMethod, MethodRouter<S>), summary: &str) -> Self {
        Self {
            path,
            method,
            asked,
            told: OperationBuilder::new()
                .summary(Some(summary))
                .operation_id(Some(name_of(path)))
                .tag(tag_of(path)),
            answers: Vec::new(),
            refusals: EVERYWHERE.to_vec(),
            schemas: Vec::new(),
        }
    }

    /// Says more of it.
    pub(super) fn says(mut self, description: &str) -> Self {
        self.told = self.told.description(Some(description));
        self
    }

    /// The parameter in its path.
    pub(super) fn named(mut self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema));
        self.told = self.told.parameter(parameter);
        self.refuses(&[Code::MalformedRequest])
    }

    /// The parameters of its query.
    pub(super) fn asks<P: IntoParams>(mut self) -> Self {
        for parameter in P::into_params(|| Some(ParameterIn::Query)) {
            self.told = self.told.parameter(parameter);
        }
        self.refuses(&[Code::MalformedRequest])
    }

    /// Answers with this document.
    pub(super) fn answers<V: ToSchema>(mut self, description: &str) -> Self {
        let schema = self.knows::<V>();
        self.answered(200, description, "application/json", schema)
    }

    /// Answers with a page of these documents.
    pub(super) fn lists<V: ToSchema>(mut self, description: &str) -> Self {
        let item = self.knows::<V>();
        self.answered(200, description, "application/json", pages(item))
    }

    /// Answers with a status and a media type of its own.
    pub(super) fn answered(
        mut self,
        status: u16,
        description: &str,
        media_type: &str,
        schema: impl Into<RefOr<Schema>>,
    ) -> Self {
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let answer = ResponseBuilder::new()
            .description(description)
            .content(media_type, content);
        self.answers.push((status, answer));
        self
    }

    /// Its answer is the same for ever: it has a tag, and who holds it is told so.
    pub(super) fn for_ever(mut self) -> Self {
        let tag = HeaderBuilder::new()
            .schema(Some(text(
                "A name of these bytes, in quotes.",
                "^\"0x[0-9a-f]{64}\"$",
            )))
            .description(Some("Of these bytes; send it as If-None-Match."))
            .build();
        self.answers = self
            .answers
            .into_iter()
            .map(|(status, answer)| (status, answer.header("ETag", tag.clone())))
            .collect();
        let held = ResponseBuilder::new().description("The tag in If-None-Match is the one of these bytes.");
        self.answers.push((304, held));
        self
    }

    /// Refuses for these reasons, beside those that any question may be refused for.
    pub(super) fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend(codes);
        self
    }

    /// The name of a shape, which the document will hold.
    pub(super) fn knows<V: ToSchema>(&mut self) -> RefOr<Schema> {
        V::schemas(&mut self.schemas);
        self.schemas.push((V::name().into_owned(), V::schema()));
        Ref::from_schema_name(V::name()).into()
    }

    /// Itself into both documents: its path into the router, and what is said of it into the description.
    fn register(self, router: Router<S>, paths: PathsBuilder) -> (Router<S>, PathsBuilder, Schemas) {
        let mut responses = ResponsesBuilder::new();
        for (status, answer) in self.answers {
            responses = responses.response(status.to_string(), with_headers(answer).build());
        }
        let mut refusals: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for code in &self.refusals {
            let names = refusals.entry(code.status()).or_default();
            if !names.contains(&code.as_str()) {
                names.push(code.as_str());
            }
        }
        for (status, names) in refusals {
            let problem = Ref::from_schema_name(Problem::name());
            let content = ContentBuilder::new().schema(Some(problem)).build();
            let answer = ResponseBuilder::new()
                .description(names.join(", "))
                .content("application/problem+json", content);
            responses = responses.response(status.to_string(), answer.build());
        }
        let told = self.told.responses(responses.build());
        let paths = paths.path(self.path, PathItem::new(self.method, told));
        (router.route(self.path, self.asked), paths, self.schemas)
    }
}

/// A router of the questions, and the document that tells of them.
pub(super) fn told<S: Clone + Send + Sync + 'static>(questions: Vec<Question<S>>) -> (Router<S>, String) {
    let mut router = Router::new();
    let mut paths = PathsBuilder::new();
    let mut components = ComponentsBuilder::new()
        .schema_from::<Problem>()
        .schema_from::<AddressText>()
        .schema_from::<AmountText>()
        .schema_from::<BytesText>()
        .schema_from::<HashText>()
        .schema_from::<PositionText>();
    for question in questions {
        let schemas;
        (router, paths, schemas) = question.register(router, paths);
        components = components.schemas_from_iter(schemas);
    }
    let document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Plasma operator")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").build())),
        )
        .paths(paths)
        .components(Some(components.build()))
        .build();
    // The registry of formats has `uint64`; utoipa 6 writes `u-int64`.
    let document = document.to_pretty_json().unwrap_or_default();
    (router, document.replace("\"u-int", "\"uint"))
}

fn with_headers(answer: ResponseBuilder) -> ResponseBuilder {
    let header = |schema: RefOr<Schema>, description: &str| {
        HeaderBuilder::new()
            .schema(Some(schema))
            .description(Some(description))
            .build()
    };
    answer
        .header(
            "Plasma-Height",
            header(shapes::count().into(), "The last decided height."),
        )
        .header(
            "Plasma-Chain",
            header(
                text("0x and 16 hex digits", "^0x[0-9a-f]{16}$").into(),
                "The first eight bytes of the genesis hash.",
            ),
        )
}

/// `/v1/blocks/{block}/raw` is `blocks_block_raw`.
fn name_of(path: &str) -> String {
    let words = path.split(|sign: char| !sign.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty() && *word != "v1").collect();
    words.join("_")
}

/// The first word of a path behind the version.
fn tag_of(path: &str) -> String {
    let mut words = path.split(|sign: char| !sign.is_ascii_alphanumeric());
    let first = words.find(|word| !word.is_empty() && *word != "v1");
    first.unwrap_or("operator").to_owned()
}

/// What any question may be refused for.
const EVERYWHERE: [Code; 5] = [
    Code::UnknownToken,
    Code::RequestTimeout,
    Code::RateLimited,
    Code::Internal,
    Code::Overloaded,
];

const DESCRIPTION: &str = "What one operator of the federation answers. Hashes are 0x and lower-case hex, amounts decimal texts, \
                           positions block:transaction:output. Every refusal is a problem (RFC 9457) with a stable code. \
                           /v1/events is a stream of server-sent events and not told here.";
