//! `#[flint_sdk::blob]`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::handler::{self, Rules};

const RULES: Rules = Rules {
    attribute: "#[flint_sdk::blob]",
    example: "async fn handle(event: Event) -> Result<(), Failure>",
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
                use ::flint_sdk::__internal::handler::blob as export;

                struct Handler;

                impl export::Guest for Handler {
                    async fn handle(
                        events: ::std::vec::Vec<export::Incoming>,
                    ) -> ::core::result::Result<(), export::Refusal> {
                        export::serve(events, #name).await
                    }
                }

                export::export!(Handler with_types_in ::flint_sdk::__internal::bindings::blob);
            };
        }
    })
}
