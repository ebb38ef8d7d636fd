//! Names, types, generics, checking and lowering.
//!
//! | module | makes | from |
//! |---|---|---|
//! | [`symbols`] | interned names | |
//! | [`types`] | interned types and their layouts | |
//! | [`thir`] | the typed tree's data | |
//! | [`lower`] | the middle form | the typed tree |

pub mod lower;
pub mod symbols;
pub mod thir;
pub mod types;
