//! Derive macros of the `sx` crate.

mod enums;
mod structs;

use proc_macro::TokenStream;
use syn::{Attribute, Data, DeriveInput, Error, LitStr, Result};

/// Shares a type with programs by layout, without copying.
///
/// For structs with named fields and `#[repr(C)]`, whose fields are themselves shared types: numbers, `bool`, arrays,
/// other such structs. And for enums without payloads and with `#[repr(i64)]` or another integer type. Both must be
/// `Copy`.
///
/// When a function or variable of a program is looked up, its type is compared: fields by name, type and offset; variants
/// by name and value. `#[sx(name = "…")]` on the type or a field gives it another name in the language.
#[proc_macro_derive(SxType, attributes(sx))]
pub fn derive_sx_type(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(input: &DeriveInput) -> Result<proc_macro2::TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a type with parameters can't be shared"));
    }
    match &input.data {
        Data::Struct(data) => structs::expand(input, data),
        Data::Enum(data) => enums::expand(input, data),
        Data::Union(_) => {
            Err(Error::new_spanned(&input.ident, "a union can't be shared: its bits may be anything"))
        }
    }
}

/// The words in `#[repr(…)]`.
fn repr(attributes: &[Attribute]) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            words.extend(meta.path.get_ident().map(ToString::to_string));
            // `align(8)`: what stands in the parentheses doesn't matter here.
            if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        })?;
    }
    Ok(words)
}

/// The name in the language.
fn name(attributes: &[Attribute], rust: &syn::Ident) -> Result<String> {
    let text = rust.to_string();
    let mut name = text.strip_prefix("r#").unwrap_or(&text).to_owned();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("sx")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("only `name = \"…\"` is known here"));
            }
            name = meta.value()?.parse::<LitStr>()?.value();
            Ok(())
        })?;
    }
    Ok(name)
}

/// What all plain data has in common.
fn plain_data(ty: &syn::Ident) -> proc_macro2::TokenStream {
    quote::quote! {
        impl ::sx::value::ToSx for #ty {
            #[inline(always)]
            fn encode(self, _: &mut ::sx::value::Encoder<'_>) -> ::core::result::Result<Self, ::sx::value::ConvertError> {
                ::core::result::Result::Ok(self)
            }
        }
        impl ::sx::value::Arg for #ty {
            type Of<'a> = #ty;
        }
        impl ::sx::value::FromSx for #ty {
            type Of<'a> = #ty;
            #[inline(always)]
            unsafe fn decode<'a>(at: *const u8) -> ::core::result::Result<Self::Of<'a>, ::sx::value::ConvertError> {
                // SAFETY: the caller's promise.
                unsafe { ::sx::value::plain::<#ty>(at) }
            }
        }
        ::sx::value::flagged_optional!([] #ty);
    }
}
