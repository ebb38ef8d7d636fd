//! Structs that are shared by layout.

use crate::{name, plain_data, repr};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DataStruct, DeriveInput, Error, Fields, Result};

pub fn expand(input: &DeriveInput, data: &DataStruct) -> Result<TokenStream> {
    let ty = &input.ident;
    if repr(&input.attrs)? != ["C"] {
        return Err(Error::new_spanned(ty, "a shared struct needs `#[repr(C)]`, and nothing besides"));
    }
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(ty, "a shared struct needs named fields"));
    };
    let type_name = name(&input.attrs, ty)?;
    let mut idents = Vec::new();
    let mut names = Vec::new();
    for field in &fields.named {
        let ident =
            field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a field without a name"))?;
        names.push(name(&field.attrs, ident)?);
        idents.push(ident);
    }
    let types: Vec<_> = fields.named.iter().map(|field| &field.ty).collect();
    let plain = plain_data(ty);
    Ok(quote! {
        const _: () = {
            // SAFETY: `repr(C)` lays fields out in order by C's rules, as the language does; the assertion below sees
            // to it that both come to the same size.
            unsafe impl ::sx::value::Value for #ty {
                type Repr = #ty;
                const SHAPE: ::sx::value::Shape =
                    ::sx::value::Shape::structure(&[#(<#types as ::sx::value::Value>::SHAPE),*]);
                fn desc() -> ::sx::value::TypeDesc {
                    ::sx::value::TypeDesc::Struct(::sx::value::StructDesc {
                        name: #type_name,
                        fields: ::std::vec![#(::sx::value::FieldDesc {
                            name: #names,
                            offset: ::core::mem::offset_of!(#ty, #idents),
                            ty: <#types as ::sx::value::Value>::desc(),
                        }),*],
                        size: ::core::mem::size_of::<#ty>(),
                        align: ::core::mem::align_of::<#ty>(),
                    })
                }
            }
            // SAFETY: a struct is valid when its fields are.
            unsafe impl ::sx::SxType for #ty {
                const CHECKED: bool = false #(|| <#types as ::sx::SxType>::CHECKED)*;
                #[allow(unused_variables, unused_unsafe)]
                unsafe fn valid(at: *const u8) -> bool {
                    // SAFETY: the caller's promise, field by field.
                    unsafe {
                        true #(&& <#types as ::sx::SxType>::valid(at.add(::core::mem::offset_of!(#ty, #idents))))*
                    }
                }
            }
            #plain
            const _: () = assert!(
                <#ty as ::sx::value::Value>::SHAPE.size() == ::core::mem::size_of::<#ty>(),
                "the struct isn't laid out as the language would"
            );
        };
    })
}
