//! The management API as OpenAPI 3.1, made of the handlers themselves: what is not routed is not in it, and the other way round.

use super::api::{PROBLEM_JSON, ProblemDetails};
use super::server;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder, SecurityRequirement,
};
use utoipa::{PartialSchema, ToSchema};

const TOKEN: &str = "token";

/// The document.
pub(crate) fn document() -> OpenApi {
    server::routes().into_openapi()
}

/// What the handlers are added to.
pub(super) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("flint: management")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Functions, versions, routes, stores and metrics of a flint host."));
    let mut document = OpenApiBuilder::new().info(info.build()).build();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of `listener.admin-token`, if the host has one."));
    document.components.get_or_insert_default().add_security_scheme(TOKEN, SecurityScheme::Http(scheme.build()));
    document.security =
        Some(vec![SecurityRequirement::new(TOKEN, Vec::<String>::new()), SecurityRequirement::default()]);
    document
}

/// Adds what no handler says of itself.
pub(super) fn finish(mut document: OpenApi) -> OpenApi {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths
        .into_iter()
        .map(|(path, mut item)| {
            for operation in operations(&mut item) {
                turn_away(operation);
                describe(operation);
            }
            // OpenAPI has no word for a parameter of several segments: it is written like the others.
            (path.replace("{*", "{"), item)
        })
        .collect();
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Describes whom the guard turns away before a handler is asked.
fn turn_away(operation: &mut Operation) {
    let mut refuse = |status: &str, whom: &str| {
        let problem = Content::new(Some(Ref::from_schema_name(ProblemDetails::name())));
        let response = ResponseBuilder::new().description(whom).content(PROBLEM_JSON, problem);
        operation.responses.responses.insert(status.to_owned(), response.into());
    };
    refuse("403", "The request comes from a web page, or asks for the host by a name that is not local.");
    // Only what needs no token says something of its own.
    if operation.security.is_none() {
        refuse("401", "The host has a token, and the request has not.");
    }
}

/// Says of every answer something, as OpenAPI wants it.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let text = match status.as_bytes() {
                [b'2', ..] => "What was asked for.",
                [b'4', ..] => "It can't be had: `code` says why.",
                _ => "The host or the function failed: `code` says how.",
            };
            text.clone_into(&mut response.description);
        }
    }
}

/// Bytes of any kind, as they are; for the description only.
pub(super) enum Octets {}

impl PartialSchema for Octets {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).description(Some("Any bytes.")).into()
    }
}

impl ToSchema for Octets {}
