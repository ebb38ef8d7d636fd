//! Every diagnostic's code, title and explanation, in one table.
//!
//! Codes are stable: one that has been released keeps its meaning, and a retired one isn't given out again.
//! E00xx belong to the lexer and parser, E01xx names and modules, E02xx types and conversions, E03xx calls and
//! generics, E04xx structs, enums and matches, E05xx control flow, E06xx errors, E07xx compile time,
//! E08xx layout and FFI, E09xx limits; Wxxxx are warnings.

macro_rules! codes {
    ($($code:ident $title:literal $explain:literal)*) => {
        /// A diagnostic's stable code.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[allow(missing_docs)]
        pub enum Code { $($code,)* }
        impl Code {
            /// Every code there is, in order.
            pub const ALL: &'static [Code] = &[$(Code::$code,)*];
            /// The spelling, such as `E0001`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$code => stringify!($code),)* }
            }
            /// A few words that name the problem.
            pub fn title(self) -> &'static str {
                match self { $(Code::$code => $title,)* }
            }
            /// What the problem is and how to mend it, in Markdown.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$code => $explain,)* }
            }
        }
    };
}

codes! {
    E0001 "unexpected token" "The parser met a token that can't stand here. The message names what it expected instead."
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = ();
    fn from_str(s: &str) -> Result<Code, ()> {
        Code::ALL.iter().copied().find(|c| c.as_str().eq_ignore_ascii_case(s)).ok_or(())
    }
}
