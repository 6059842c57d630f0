//! `#[flint_sdk::invoke]`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::handler::{self, Rules};

const RULES: Rules = Rules {
    attribute: "#[flint_sdk::invoke]",
    example: "async fn handle(payload: Payload) -> Result<Payload, Failure>",
    is_async: true,
    parameters: 1,
    returns: true,
};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mistakes = handler::no_arguments(&RULES, &arguments);
    handler::expand(&RULES, mistakes, item, |function| {
        let name = &function.sig.ident;
        quote! {
            const _: () = {
                use ::flint_sdk::__internal::handler::invoke as export;

                struct Handler;

                impl export::Guest for Handler {
                    async fn handle(
                        payload: ::std::vec::Vec<u8>,
                    ) -> ::core::result::Result<::std::vec::Vec<u8>, export::Refusal> {
                        export::serve(payload, #name).await
                    }
                }

                export::export!(Handler with_types_in ::flint_sdk::__internal::bindings::invoke);
            };
        }
    })
}
