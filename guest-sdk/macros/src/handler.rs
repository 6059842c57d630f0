//! The signature of a handler: what is wrong with it is told all at once.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, ReturnType, Signature};

/// What an attribute asks of the function below it.
pub(crate) struct Rules {
    /// As users write it, such as `#[flint_sdk::http]`.
    pub(crate) attribute: &'static str,
    /// A signature to show to who has another.
    pub(crate) example: &'static str,
    pub(crate) is_async: bool,
    pub(crate) parameters: usize,
    pub(crate) returns: bool,
}

/// Everything that is wrong. It grows while one looks, and is told in the end.
#[derive(Default)]
pub(crate) struct Mistakes(Option<Error>);

impl Mistakes {
    pub(crate) fn add(&mut self, at: impl ToTokens, text: impl std::fmt::Display) {
        self.push(Error::new_spanned(at, text));
    }

    pub(crate) fn add_at(&mut self, span: Span, text: impl std::fmt::Display) {
        self.push(Error::new(span, text));
    }

    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(mistakes) => mistakes.combine(error),
            None => self.0 = Some(error),
        }
    }
}

/// Writes the function, and its export if nothing is wrong.
///
/// The function stays even if its signature is wrong, so that the mistakes inside of it are told too.
pub(crate) fn expand(
    rules: &Rules,
    mut mistakes: Mistakes,
    item: TokenStream,
    export: impl FnOnce(&ItemFn) -> TokenStream,
) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let text = format!("{} stands before a function: `{}`", rules.attribute, rules.example);
            let error = Error::new(Span::call_site(), text).into_compile_error();
            return quote! { #item #error };
        }
    };
    check(rules, &function.sig, &mut mistakes);
    let written = match mistakes.0 {
        Some(mistakes) => mistakes.into_compile_error(),
        None => export(&function),
    };
    quote! { #[allow(dead_code)] #function #written }
}

/// Attributes without arguments say so.
pub(crate) fn no_arguments(rules: &Rules, arguments: &TokenStream) -> Mistakes {
    let mut mistakes = Mistakes::default();
    if !arguments.is_empty() {
        mistakes.add(arguments, format!("{} takes no arguments", rules.attribute));
    }
    mistakes
}

fn check(rules: &Rules, signature: &Signature, mistakes: &mut Mistakes) {
    let Rules { attribute, example, .. } = rules;
    match (rules.is_async, signature.asyncness) {
        (true, None) => mistakes.add(signature.fn_token, format!("a handler of {attribute} is async: `{example}`")),
        (false, Some(token)) => {
            mistakes.add(token, format!("{attribute} can't be async: it runs before anything can be awaited"))
        }
        _ => {}
    }
    let generics = &signature.generics;
    if !generics.params.is_empty() {
        mistakes.add(generics, "a handler can't be generic: nobody would say for which types");
    } else if let Some(clause) = &generics.where_clause {
        mistakes.add(clause, "a handler can't have a where clause");
    }
    if let Some(token) = &signature.unsafety {
        mistakes.add(token, "a handler can't be unsafe: the host calls it as it likes");
    }
    if let Some(abi) = &signature.abi {
        mistakes.add(abi, "a handler is a plain Rust function; the attribute makes the export");
    }
    if let Some(token) = &signature.constness {
        mistakes.add(token, "a handler can't be const");
    }
    if let Some(receiver) = signature.receiver() {
        mistakes.add(receiver, format!("a handler is a function of its own, no method: `{example}`"));
    } else if signature.inputs.len() != rules.parameters {
        let count = match rules.parameters {
            0 => "no parameter".to_owned(),
            1 => "one parameter".to_owned(),
            many => format!("{many} parameters"),
        };
        let text = format!("a handler of {attribute} takes {count}: `{example}`");
        match signature.inputs.is_empty() {
            true => mistakes.add_at(signature.paren_token.span.join(), text),
            false => mistakes.add(&signature.inputs, text),
        }
    }
    match (&signature.output, rules.returns) {
        (ReturnType::Default, true) => {
            mistakes.add_at(signature.ident.span(), format!("a handler of {attribute} returns something: `{example}`"))
        }
        (output @ ReturnType::Type(..), false) => {
            mistakes.add_at(output.span(), format!("{attribute} returns nothing: nobody is there to take it"))
        }
        _ => {}
    }
}
