//! `#[flint_sdk::init]`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::handler::{self, Rules};

const RULES: Rules =
    Rules { attribute: "#[flint_sdk::init]", example: "fn prepare()", is_async: false, parameters: 0, returns: false };

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mistakes = handler::no_arguments(&RULES, &arguments);
    handler::expand(&RULES, mistakes, item, |function| {
        let name = &function.sig.ident;
        quote! {
            const _: () = {
                use ::flint_sdk::__internal::handler::init as export;

                struct Handler;

                impl export::Guest for Handler {
                    fn init() {
                        #name()
                    }
                }

                export::export!(Handler with_types_in ::flint_sdk::__internal::bindings::init);
            };
        }
    })
}
