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
    // ---- E00xx: lexer and parser ----
    E0001 "unexpected token" "The parser met a token that can't stand where it stands. The message names what was \
expected and what was found; often the real slip is just before the place that is shown, such as a forgotten operator \
or bracket. Some spellings that other languages teach lead here too: the boolean operators are `and` and `or`, a \
struct literal's fields are written with `=`, and there is no `++`.\n\n\
```sx\np := Point.{ x: 1 };    // wrong\np := Point.{ x = 1 };   // right\n```"
    E0002 "missing `;`" "Statements, fields and enum variants end with `;`. It may be left out only after the `}` of a \
declaration or of a statement that begins with `if`, `while`, `for`, `push` or `{`, and after the last expression of a \
block, where leaving it out makes that expression the block's value. The error is shown at the end of what should have \
been ended, not at the start of the next line.\n\n\
```sx\na := 1        // wrong\nb := 2;\n\na := 1;       // right\nb := 2;\n```"
    E0003 "unclosed bracket" "A `(`, `[` or `{` has no partner. The message points at the bracket that was opened; when \
the indentation of the file gives away which inner block lacks its `}`, that one is shown as well.\n\n\
```sx\nmain :: () {\n    print(\"hi\\n\";       // wrong: `(` is never closed\n}\n\n\
main :: () {\n    print(\"hi\\n\");      // right\n}\n```"
    E0004 "closing bracket without a partner" "A `)`, `]` or `}` closes nothing: either it is one too many, or the \
bracket that it should close was closed earlier than intended. An editor that shows matching brackets finds the place \
quickly.\n\n\
```sx\nx := (a + b));   // wrong\nx := (a + b);    // right\n```"
    E0005 "unterminated string" "A string has a `\"` at its start and none at its end. Strings may span lines, so the \
end is looked for in the rest of the file. A quote inside a string must be written `\\\"`; text with many quotes is \
easier as a `#string` block.\n\n\
```sx\nprint(\"hello\\n);     // wrong\nprint(\"hello\\n\");    // right\n```"
    E0006 "unterminated comment" "A block comment that begins with `/*` has no `*/`. Block comments nest, so that code \
which holds comments can be commented out: every `/*` inside needs its own `*/`.\n\n\
```sx\n/* one /* two */         // wrong: the outer comment goes on\n/* one /* two */ */      // right\n```"
    E0007 "malformed character literal" "A character literal stands in single quotes and holds exactly one character or \
one escape; its value is that character's number. Text of any other length is a string and takes double quotes.\n\n\
```sx\nc := 'ab';     // wrong\nc := 'a';      // right\ns := \"ab\";     // right\n```"
    E0008 "unknown escape" "A backslash in a string or character begins an escape. The escapes are `\\n`, `\\t`, `\\r`, \
`\\\\`, `\\\"`, `\\'`, `\\0`, `\\xHH` for a byte, and `\\u{…}` for a character by its number. A plain backslash is \
written `\\\\`. Text that should be taken as it stands, such as a path or a pattern, can be a `#string` block.\n\n\
```sx\npath := \"C:\\dir\";      // wrong: `\\d` is no escape\npath := \"C:\\\\dir\";     // right\n```"
    E0009 "malformed number" "A number holds a character that its base doesn't have, or a letter follows it directly. \
Hexadecimal numbers begin with `0x`, binary ones with `0b`, octal ones with `0o`; `_` may stand between digits. There \
are no suffixes: the type of a literal comes from where it is used, or from a declared type.\n\n\
```sx\nx := 0b102;           // wrong\ny := 5u8;             // wrong\nx := 0b101;           // right\n\
y : u8 = 5;           // right\n```"
    E0010 "number too large" "An integer literal must fit 64 bits, that is be at most 18446744073709551615, and a float \
literal must be below about 1.8e308. Infinity is spelled `f64.inf`.\n\n\
```sx\nx : u64 = 18446744073709551616;   // wrong\nx := u64.max;                     // right\n```"
    E0011 "invalid character" "The file holds a character that no token begins with. Outside of strings and comments \
source is plain ASCII: names are made of the letters A to Z, digits and `_`. Text pasted from a web page often brings \
curly quotes, long dashes or unusual blanks along.\n\n\
```sx\nprint(“hi”);     // wrong: curly quotes\nprint(\"hi\");     // right\n```"
    E0012 "malformed `#string`" "`#string TAG` begins raw text. The tag ends its line, the text is the lines below, and \
the same tag at the very start of a line ends it; code may go on behind that closing tag.\n\n\
```sx\ntext := #string END\nAny \"text\" at all.\nEND;\n```\n\n\
An indented closing tag is a part of the text and doesn't end it."
    E0013 "unknown directive" "A word after `#` isn't one of the language's directives: `#import`, `#include`, \
`#source`, `#define`, `#library`, `#run`, `#insert`, `#string`, `#builtin`, `#inline`, `#get`, `#set`, `#assert`, \
`#using`, `#packed`, `#align`, `#caller_location`. What should be decided at compile time is written with \
`inline if`.\n\n\
```sx\n#if DEBUG { … }          // wrong\ninline if DEBUG { … }    // right\n```"
    E0014 "reserved type name declared" "The spellings of the built-in types (`i1` to `i64`, `u1` to `u64`, `usize`, \
`isize`, `f32`, `f64`, `bool`, `string`, `cstring`, `void`, `noreturn`, `Any`, `Type`) can't be the name of a variable, \
parameter, function or type. A backtick before the name makes it a plain one; the backtick isn't part of the name. \
Fields, enum variants and protocol methods may have such names as they are, except `f32` and `f64`.\n\n\
```sx\ni2 := 5;       // wrong\n`i2 := 5;      // right\nj := `i2 + 1;\n```"
    E0015 "keyword declared" "A keyword can't be declared as a name. A backtick before it makes it a plain name \
everywhere, and isn't part of the name. After a `.` no backtick is needed.\n\n\
```sx\npush := 5;       // wrong\n`push := 5;      // right\n```"
    E0016 "comma in plain parentheses" "Parentheses by themselves only group one expression. A tuple value is written \
with a dot before them, and a tuple type with `Tuple`.\n\n\
```sx\np := (1, 2);                 // wrong\np := .(1, 2);                // right\n\
f :: () -> (i64, bool) {}    // wrong\nf :: () -> Tuple(i64, bool) { .(1, true) }   // right\n```"
    E0017 "nested too deeply" "Brackets, blocks, prefix operators and types may nest 256 levels deep, and 1000 operators \
may follow one another in one expression. The limits keep hostile input from exhausting the stack; code written by \
people doesn't come near them. In generated code, put operands into an array, or split the expression with named \
parts.\n\n\
```sx\ntotal := a0 + a1 + … + a5000;          // wrong\ntotal := sum(.[a0, a1, …, a5000]);     // right\n```"
    E0018 "file too large" "A source file may have up to one gibibyte. Data of that size doesn't belong into source: \
read it from a file at compile time with `#run`, or at run time."
    E0019 "not UTF-8" "Source files are UTF-8. The byte that is shown isn't valid there, most often because the file was \
saved in an older encoding such as Latin-1 or as UTF-16, or because it isn't a source file. Save it as UTF-8. To have a \
single byte of any value in a string, write it as `\\xHH`."
    E0020 "statement outside of a function" "At module level only declarations can stand: constants, functions, types, \
variables, `impl`, `test`, `#import`, `#assert`, module-level `asm`, and what runs at compile time through `#run` or \
`#insert`. Everything else goes into a function; the program begins in `main`.\n\n\
```sx\nprint(\"hi\\n\");                 // wrong\nmain :: () { print(\"hi\\n\"); }  // right\n```"
    E0021 "function without body" "A function's signature is followed by its body, `{ … }` or `=> value`. Only functions \
with `extern`, compiler functions and a protocol's methods do without. What looks like a function without a body may \
also be meant as a function type, which needs its result: `-> void` where there is none.\n\n\
```sx\nadd :: (a: i64, b: i64);                      // wrong\n\
add :: (a: i64, b: i64) -> i64 => a + b;      // right\nCallback :: (a: i64) -> void;                 // right, a type\n```"
    E0022 "malformed array literal" "An array literal begins with a dot: `.[1, 2, 3]`. Without the dot a bracket begins \
a type, such as `[]i64` or `[3]i64`. An element type can stand before the dot; any other head stands in parentheses. \
`.[v; n]` repeats one value.\n\n\
```sx\nxs := [1, 2, 3];           // wrong\nxs := .[1, 2, 3];          // right\nys := i64.[1, 2, 3];       // right\n\
zs := .[0; 64];            // right\n```"
    E0023 "malformed match arm" "An arm is `case` with patterns or `else`, then `:`, then one statement or a block. \
Several statements need a block, and an arm that does nothing an empty one. Arms don't fall through.\n\n\
```sx\nif c == {\n    case .red: a(); b();        // wrong\n    case .red: { a(); b(); }    // right\n    else: {}\n}\n```"
    E0024 "`else:` before other arms" "The arms of a match are tried in order, and `else:` takes whatever is left, so it \
must come last: no arm below it could be reached.\n\n\
```sx\nif n == { else: 0; case 1: 10; }    // wrong\nif n == { case 1: 10; else: 0; }    // right\n```"
    E0025 "malformed `for` header" "What a loop runs over comes first, the names in parentheses behind it: one name for \
each thing that is run over. `(*x)` takes the elements by reference, `_` ignores one.\n\n\
```sx\nfor x in xs { … }           // wrong\nfor xs (x) { … }            // right\nfor xs, 0.. (x, i) { … }    // right\n```"
    E0026 "malformed parameter" "A function's parameter is `name: T`, `name: T = default`, `$T: Type`, `..xs: []T` or \
`..$args`. In a lambda whose type is known from its surroundings the bare name will do. Function *types* list types, \
with or without names, and have no defaults.\n\n\
```sx\nf :: (i64) { }            // wrong: which name?\nf :: (n: i64) { }         // right\nF :: (i64) -> void;       // right, a type\n```"
    E0027 "malformed `asm` operand" "Behind the template each operand is an optional `[name]`, a constraint string, and \
`-> T` for an output value, `-> @place` for an output into a place, or `= value` for an input. `clobbers(…)` lists what \
the code destroys.\n\n\
```sx\nasm { \"add %[a], %[b]\", [a] \"+r\" x, [b] \"r\" = y };             // wrong\n\
asm { \"add %[b], %[a]\", [a] \"=r\" -> i64, [b] \"r\" = y };       // right\n```"
    E0029 "unknown calling convention" "The calling conventions are `abi(.c)` for functions that C code calls or \
provides, `abi(.naked)` for functions whose body is one `asm` block, and `abi(.compiler)` for what exists only at \
compile time. Without `abi` a function has the language's own convention.\n\n\
```sx\ncb :: (p: *void) abi(.cdecl) { }    // wrong\ncb :: (p: *void) abi(.c) { }        // right\n```"
    E0030 "`|>` without a call" "`x |> f(y)` means `f(x, y)`: the left side becomes the first argument of the call on the \
right side, so there must be a call, even when it has no other arguments.\n\n\
```sx\nr := x |> double;      // wrong\nr := x |> double();    // right\n```"
    E0031 "malformed range or binding" "A range is `a..b`, without `b`, or `a..=b`, with it; `<..` leaves out the first \
value too. A mark after the dots speaks of the end, so there must be an end. Patterns always include their first value, \
and a match binds in its arms, not before its subject.\n\n\
```sx\ns := xs[1..=];      // wrong\ns := xs[1..];       // right\ns := xs[1..=3];     // right\n```"
    // ---- E01xx: names and modules ----
    E0101 "unknown name" "No declaration of this name is visible. A name is looked for in the blocks around it, in the module, and in what the module imports without a name of its own (`#import \"…\";`). What such an import itself imports isn't seen.\n\nCheck the spelling, import the module that declares it, or write the namespace in front: `fs.read_file(…)`."
    E0102 "ambiguous name" "Two imports declare this name, and neither is preferred. A declaration of the module's own would win.\n\nImport one of the two under a name, and say which is meant:\n\n```sx\nui :: #import \"ui.sx\";\nui.Button.{};\n```"
    E0103 "declared twice" "A name can be declared once in a module, and once in a block. An inner block may declare it again.\n\n```sx\nx := 1;\nx := 2;   // wrong: assign with `x = 2;`\n```"
    E0104 "import not found" "The file or folder of an import can't be read. It is looked for beside the importing file, in the working directory, in the folders of `SX_STDLIB_PATH`, and in the built-in library."
    E0106 "depends on itself" "To know what this is, the compiler would have to know it already: a constant defined by itself, or a type whose size depends on its own.\n\n```sx\nA :: B + 1;\nB :: A + 1;   // wrong\n```"
    E0107 "not in the module" "The namespace that stands before the dot has no such declaration of its own. Names that the module merely imports don't belong to it, unless it declares an alias: `print :: fmt.print;`."
    E0108 "not a value here" "The name stands for something other than a value (a module, a protocol, a generic type, a pack), or the statement can't stand in this place."
    E0109 "no `main`" "A program that is run begins with its function `main`, in the file that is named. A file that is only \
imported, tested with `sx test`, or used by a host needs none.\n\n```sx\nmain :: () {\n    print(\"hi\\n\");\n}\n```"
    // ---- E02xx: types and conversions ----
    E0201 "mismatched types" "A value of one type stands where another is needed, and there is no implicit conversion between the two. Integers widen by themselves, integers become floats, arrays become slices, and `T` becomes `?T`. Everything else is asked for: `cast(T) v`, or `xx v` where the type is clear."
    E0202 "constant doesn't fit" "The value of a constant can't be held by the type that is wanted.\n\n```sx\nx : u8 = 300;   // wrong: a `u8` holds 0 to 255\n```\n\nUse a wider type, or `cast(u8) 300` to keep only the low bits."
    E0203 "type not known" "The expression takes its type from its surroundings (`.x`, `.{ }`, `null`, `xx v`, a lambda's parameters), and they don't say any.\n\n```sx\nc := .red;             // wrong\nc : Color = .red;      // right\nc := Color.red;        // right\n```"
    E0204 "operator not defined" "The operator has no meaning for values of this type. Slices and closures, for instance, have no `==`, and strings have no `+`."
    E0205 "no such conversion" "`cast` and `xx` convert between numbers, between pointers, between integers and enums, and from a value to a protocol that it implements. They don't convert between these two types."
    E0206 "a type is needed" "A value stands where a type is needed, or a type that can't be used this way."
    E0207 "type contains itself" "A value of this type would hold a value of the same type, without end. A pointer, a slice or a `List` breaks the circle:\n\n```sx\nNode :: struct { next: Node; }      // wrong\nNode :: struct { next: ?*Node; }    // right\n```"
    E0208 "type too large" "A type may have at most 2,147,483,647 bytes."
    E0209 "mixed integer types" "When two integer types meet, the one that holds every value of both wins. Here neither does (`u64` and `i64`, say), so the choice is yours: `cast(i64) a + b`."
    E0210 "can't be indexed" "Arrays, slices, strings, `[*]T` and tuples can be indexed; arrays, slices, strings and `[*]T` can be sliced. A `[*]T` has no length, so that its slices need an end."
    E0212 "can't be assigned" "The left side isn't a place that may be written: a constant, a parameter, a loop variable, a captured value or a temporary.\n\n```sx\nf :: (n: i64) { n = n + 1; }            // wrong\nf :: (n: i64) { m := n; m = m + 1; }    // right\n```"
    E0213 "not a pointer" "`.*` reads what a pointer points at. The value isn't a pointer, or doesn't say what it points at (`*void`)."
    E0214 "wrong array length" "The length of an array is a constant from 0 to 2,147,483,647, and a literal has as many elements as its type says."
    E0215 "may be null" "An optional's value is used before it was taken out, or something that is never null is treated as if it could be. Take the value out with `o!` (traps on null), `o ?? default`, `if v := o { … }`, or test it first: after `if o == null { return; }` the compiler knows that it is there."
    E0216 "index out of range" "The index is a constant, and the array isn't that long."
    E0217 "division by zero in a constant" "A constant expression divides by zero."
    E0219 "no such vector" "A vector has 1 to 64 lanes of one type: integers of 8, 16, 32 or 64 bits, `f32`, `f64` or \
`bool`.\n\n```sx\nColor :: Vector(4, f32);\n```\n\nAn array holds any number of values of any type."
    E0220 "can't be atomic" "Atomic operations work on what the machine reads and writes in one step: integers of 8, 16, 32 or 64 \
bits have all of them; `bool`, enums and pointers are loaded, stored, swapped, compared and exchanged; floats are loaded and \
stored. Nothing larger can be atomic: keep it behind a lock, or behind an atomic pointer."
    E0221 "wrong memory ordering" "A load orders what comes behind it: `relaxed`, `acquire` or `seq_cst`. A store orders what comes \
before it: `relaxed`, `release` or `seq_cst`. A fence orders something, so it isn't `relaxed`. A compare-and-exchange that \
fails only loads, and asks for no more than its success does:\n\n```sx\na.compare_exchange(0, 1, .acq_rel, .acquire);    // \
right\na.compare_exchange(0, 1, .relaxed, .acquire);    // wrong\n```"
    // ---- E03xx: calls and generics ----
    E0301 "wrong number of arguments" "The call has more or fewer arguments than the function takes. Parameters with a default may be left out."
    E0302 "wrong argument name" "Named arguments, `f(a, times = 2)`, come after the positional ones, name parameters that exist, and give each one once."
    E0303 "can't be called" "Only functions, methods, closures, function values, generic types and variants with a payload can be called."
    E0304 "can't be inferred" "Nothing in the call says what a compile-time parameter stands for, or what type a function returns. Pass the type, give the argument a type, or declare the result."
    E0305 "wrong compile-time arguments" "A generic type or protocol needs as many arguments as it declares: `Map(string, i64)`."
    E0306 "endless instances" "Instances of a generic ask for further instances without end, each with larger types than the one before."
    E0307 "no value" "A function, branch or handler must give a value, and its end can be reached without one. The value of a block is its last expression *without* a `;`.\n\n```sx\nadd :: (a: i64, b: i64) -> i64 { a + b; }   // wrong\nadd :: (a: i64, b: i64) -> i64 { a + b }    // right\n```"
    E0309 "wrong format string" "Format strings are checked while compiling: as many `{}` as values, options such as `{:08.3}` after a colon, and `{{` for the brace itself. The options are `{[:[[fill]align][0][width][.precision][x|X|b|o|e]]}`."
    E0310 "index beyond the pack" "A pack or a list of fields has fewer elements than the constant index asks for."
    E0311 "can't be spread" "`..x` spreads a pack or a tuple into arguments, or passes a slice to a variadic parameter of slice type. Around a pack there may be more, which is then done for each element: `..xs.name`, `..f(xs)`, `Tuple(..?Ts)`; several packs in one spread have one length. In a list of types a pack or a tuple type is spread."
    E0312 "wrong variadic parameter" "A parameter list has one variadic parameter at most: with two, nothing would say where the arguments of one end. Parameters behind it are given by name. A generic type takes its arguments by position only, so that its pack comes last.\n\n```sx\nf :: (..$a, ..$b) { … }                 // wrong\nRow :: struct (..$Ts, $N: i64) { … }    // wrong\nRow :: struct ($N: i64, ..$Ts) { … }    // right\n```"
    // ---- E04xx: structs, enums, matches ----
    E0401 "no such member" "The type has no field, method, property, constant or variant of this name. Free functions can follow a dot only when they are declared `name :: ufcs (…)`."
    E0402 "wrong literal" "The fields of a literal are given by name or by position, each once; a union's literal names exactly one member."
    E0403 "no such variant" "The enum has no variant of this name."
    E0404 "match not exhaustive" "A match over an enum, an error or a `bool`, and every match whose value is used, must have an arm for each possible value, or an `else:`."
    E0405 "case seen before" "An earlier arm has this value already, so that this one could never be chosen."
    E0406 "wrong pattern" "The pattern can't match a subject of this type."
    E0407 "wrong payload" "A variant without payload binds and takes nothing; one with a payload takes exactly one value. Several variants in one `case` share a binding only when their payloads have the same type."
    E0408 "property can't be used this way" "A property with only `#get` can't be written, one with only `#set` can't be read."
    E0409 "member declared twice" "Fields, variants, methods and errors of one declaration have different names, and variants different values. Only a `#get` and a `#set` may share a name."
    E0410 "protocol not implemented" "The type has no `impl` of the protocol that is asked for here."
    E0411 "impl doesn't fit" "An `impl` has a method for each one of the protocol that has no default body, with the same parameters and result, and no others."
    E0412 "implemented twice" "Two visible `impl` blocks implement the same protocol for the same type."
    // ---- E05xx: control flow ----
    E0501 "outside a loop" "`break` and `continue` leave or go on with a loop; there is none around this one."
    E0502 "unknown label" "`break name` and `continue name` name a label of a loop around them: `name: for …`."
    E0503 "leaves a deferred block" "The body of a `defer` or `onfail` runs while its block is being left. It can't return, raise, `try`, or jump to a loop outside."
    E0504 "not a condition" "A condition is a `bool`, or something that can be null or zero: an optional, a pointer, an integer, flags, an error."
    E0505 "can't be looped over" "`for` runs over ranges, arrays, slices, strings, lists, and anything with `next :: (self: *Self) -> ?T`. `inline for` runs over constant ranges, packs, tuples and arrays."
    // ---- E06xx: errors ----
    E0601 "error not handled" "A call that can fail gives a value *or* an error. Propagate the error with `try f()`, handle it with `f() catch (e) { … }`, give a fallback with `f() or v`, or take both: `v, err := f();`."
    E0602 "`try` outside a failable function" "`try` passes an error on to the caller, so that the function around it must be able to fail: `-> T !`."
    E0603 "`raise` outside a failable function" "`raise` leaves the function with an error, so that its result must allow one: `-> T !`."
    E0604 "error not in the set" "A function with a named error set raises only errors of that set."
    E0605 "value read before its error was tested" "After `v, err := f();` the value may be read only where the error is known to be null: inside `if !err { … }`, after `if err { return; }`, or behind `!err and …`."
    E0606 "nothing can fail here" "`try`, `catch` and `or` with a fallback need an operand that can fail, and a fallback has a value to replace."
    E0607 "`onfail` outside a failable function" "`onfail` runs when an error leaves its block; in a function that can't fail it would never run."
    // ---- E07xx: compile time ----
    E0701 "not known at compile time" "A constant, a module-level variable's initialiser, an array's length or a compile-time argument must be computable while compiling. Calls are made at compile time with `#run f()`."
    E0702 "static assertion failed" "The condition of an `#assert` is false."
    E0703 "trap at compile time" "Code that ran at compile time trapped, just as it would have at run time."
    E0704 "result can't be kept" "What a `#run` gives becomes part of the program, with everything that it points at: by `*T`, slices, strings, \
        functions, closures and protocol values. A `[*]T`, a `*void` or a pointer in a union doesn't say how much memory there \
        is, so that it must point into something that a slice or typed pointer of the same result reaches, too."
    E0705 "type can't be made" "A type that is made at compile time needs a name, different names for its parts, and at least one variant if it is \
        an enum. It is defined once, and before anything needs to know what it holds."
    E0706 "exists only while compiling" "Functions of the compiler, `abi(.compiler)`, and what calls them can run in `#run`, in constants and in type \
        functions; the program itself can't call them."
    E0707 "build script" "A build script asks for something that a build doesn't have, or a program calls functions of build scripts outside \
        of `sx build`."
    E0708 "can't cross between machines" "The program is made for another machine than the one that compiles, and what runs while compiling runs on \
        the latter. A value goes from one to the other by its type: numbers must fit, and what it points at must be of a known \
        type that can be laid out anew."
    // ---- E08xx: foreign code ----
    E0801 "wrong extern declaration" "An `extern` names a library that is declared with `#library`, has C types only, and can't be failable. Neither an `extern` nor an `export` has compile-time parameters: to C, each is one function."
    E0802 "C headers not supported" "This build doesn't import C headers. Declare the functions that you need: `puts :: (s: cstring) -> i32 extern libc;`."
    E0803 "wrong alignment" "An alignment is a power of two from 1 to 4096."
    E0804 "not known to the compiler" "Inline assembly and the calling convention `abi(.naked)` aren't part of this build. A function with `abi(.compiler)` \
        and without a body must be one that the compiler has, declared with the same types."
    E0805 "symbol not found" "An `extern` names a function or variable by its symbol, and no library that was searched has it. \
Look for a typing error, name the library that has it with `#library`, or give another symbol: \
`cosine :: (x: f64) -> f64 extern libm \"cos\";`. `extern host` names a function of the program that embeds this one: there \
must be one of that name, with the same types."
    // ---- E09xx: limits ----
    E0901 "limit reached" "The program goes beyond a limit of the compiler that keeps it responsive on broken input."

    // ---- Wxxxx: warnings ----
    W0001 "bitwise operator beside a comparison" "Comparisons bind more strongly than `&`, `^` and `|`, as in C: \
`a & b == c` compares `b` with `c` first. Parentheses show which is meant, and silence the warning.\n\n\
```sx\nif flags & MASK == 0 { }      // warned about: MASK == 0 comes first\nif (flags & MASK) == 0 { }    // right\n```"
    W0002 "value not used" "An expression statement computes a value that nothing uses and has no other effect. Remove it, or write `_ = …;`."
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
