//! Enums without payloads, shared as integers.

use crate::{name, plain_data, repr};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DataEnum, DeriveInput, Error, Result};

const TAGS: &[&str] = &["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"];

pub fn expand(input: &DeriveInput, data: &DataEnum) -> Result<TokenStream> {
    let ty = &input.ident;
    let words = repr(&input.attrs)?;
    let [tag] = &words[..] else { return Err(no_tag(input)) };
    if !TAGS.contains(&tag.as_str()) {
        return Err(no_tag(input));
    }
    if let Some(variant) = data.variants.iter().find(|variant| !variant.fields.is_empty()) {
        return Err(Error::new_spanned(variant, "a shared enum's variants have no payload"));
    }
    let type_name = name(&input.attrs, ty)?;
    let tag = format_ident!("{tag}");
    let idents: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let names = data
        .variants
        .iter()
        .map(|variant| name(&variant.attrs, &variant.ident))
        .collect::<Result<Vec<_>>>()?;
    let plain = plain_data(ty);
    Ok(quote! {
        const _: () = {
            // SAFETY: an enum with an integer `repr` lies in memory as that integer.
            unsafe impl ::sx::value::Value for #ty {
                type Repr = #ty;
                const SHAPE: ::sx::value::Shape = <#tag as ::sx::value::Value>::SHAPE;
                const SCALAR: bool = true;
                fn desc() -> ::sx::value::TypeDesc {
                    ::sx::value::TypeDesc::Enum(::sx::value::EnumDesc {
                        name: #type_name,
                        tag: ::std::boxed::Box::new(<#tag as ::sx::value::Value>::desc()),
                        variants: ::std::vec![#((#names, #ty::#idents as #tag as i128)),*],
                    })
                }
            }
            // SAFETY: the variants' tags are the values.
            unsafe impl ::sx::SxType for #ty {
                const CHECKED: bool = true;
                unsafe fn valid(at: *const u8) -> bool {
                    // SAFETY: the caller's promise.
                    let tag = unsafe { at.cast::<#tag>().read_unaligned() };
                    false #(|| tag == #ty::#idents as #tag)*
                }
            }
            #plain
        };
    })
}

fn no_tag(input: &DeriveInput) -> Error {
    let message =
        "a shared enum needs an integer `repr`, such as `#[repr(i64)]`, which is the language's own";
    Error::new_spanned(&input.ident, message)
}
