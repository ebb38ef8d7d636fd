//! The modules that inputs become, and the way back from a place in one to the input.

use super::input::Variable;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use sx_syntax::span::Span;

/// The module that is there before the first input.
pub const BASE_PATH: &str = "repl:base";

/// A generated module: its text, and which parts of it are the user's.
#[derive(Clone, Debug)]
pub struct Text {
    text: String,
    /// Where the user's parts begin in the text, and which range of the input they are; in order.
    parts: Vec<(usize, Range<usize>)>,
    name: String,
    input: String,
}

impl Text {
    fn new(name: &str, input: &str) -> Text {
        Text { text: String::new(), parts: Vec::new(), name: name.into(), input: input.into() }
    }
    /// Text that no input gave rise to.
    pub fn base(text: &str) -> Text {
        Text { text: text.into(), ..Text::new("the session", "") }
    }
    /// Adds text of the session's own.
    pub fn own(&mut self, text: &str) {
        self.text.push_str(text);
    }
    /// Adds a part of the input.
    pub fn user(&mut self, range: Range<usize>) {
        self.parts.push((self.text.len(), range.clone()));
        self.text.push_str(&self.input[range]);
    }
    pub fn text(&self) -> &str {
        &self.text
    }
    /// What the input is called.
    pub fn name(&self) -> &str {
        &self.name
    }
    pub fn input(&self) -> &str {
        &self.input
    }
    /// A place of the text as a place of the input; none for what the user didn't write.
    pub fn in_input(&self, span: Span) -> Option<Span> {
        let (lo, hi) = (span.lo as usize, span.hi as usize);
        let part = self.parts.iter().find(|(start, range)| lo >= *start && lo <= start + range.len());
        let (start, range) = part?;
        let at = |offset: usize| (range.start + offset.saturating_sub(*start).min(range.len())) as u32;
        Some(Span::new(at(lo), at(hi.max(lo))))
    }
    /// Line and column in the input of a line and column in the text.
    pub fn place_in_input(&self, line: u32, column: u32) -> (u32, u32) {
        let start: usize =
            self.text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
        let rest = self.text.get(start..).unwrap_or("");
        let offset =
            start + rest.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum::<usize>();
        let at = self.in_input(Span::at(offset as u32)).map_or(0, |span| span.lo as usize);
        let before = self.input.get(..at).unwrap_or("");
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() as u32 + 1;
        (line, column)
    }
}

/// Which module has each name's newest declaration.
#[derive(Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    pub fn declare(&mut self, names: &[String], path: &str) {
        for name in names {
            self.0.insert(name.clone(), path.into());
        }
    }
    /// The beginning of a module: the library, and the names that the input mentions, except its own.
    pub fn header(&self, name: &str, input: &str, own: &[String]) -> Text {
        let mut text = Text::new(name, input);
        text.own("#import \"modules/std.sx\";\n");
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let mut mentioned: Vec<&str> =
            input.split(|c: char| !is_part(c)).filter(|word| !word.is_empty()).collect();
        mentioned.sort_unstable();
        mentioned.dedup();
        for (i, word) in mentioned.into_iter().enumerate() {
            if own.iter().any(|known| known == word) {
                continue;
            }
            if let Some(path) = self.0.get(word) {
                let _ = write!(text.text, "__m{i} :: #import \"{path}\";\n`{word} :: __m{i}.`{word};\n");
            }
        }
        text
    }
}

/// A value that an input asks for.
#[derive(Clone)]
pub struct Wanted {
    pub ty: Option<Range<usize>>,
    pub value: Range<usize>,
    /// Errors go on to the prompt.
    pub fails: bool,
}

/// The module of a value: a function `__value`. With `tried`, the value itself is a call that can fail.
pub fn value_module(names: &Names, name: &str, input: &str, wanted: &Wanted, tried: bool) -> Text {
    let mut text = names.header(name, input, &[]);
    text.own("__value :: () -> ");
    match &wanted.ty {
        Some(ty) => text.user(ty.clone()),
        None => text.own("$R"),
    }
    text.own(if wanted.fails { " ! => " } else { " => " });
    text.own(if tried { "try " } else { "" });
    text.user(wanted.value.clone());
    text.own(";\n");
    text
}

/// The module of a variable, which a value's module initialises.
pub fn variable_module(
    names: &Names,
    name: &str,
    input: &str,
    variable: &Variable,
    value: Option<(&str, bool)>,
) -> Text {
    let mut text = names.header(name, input, &variable.names);
    if let Some((path, _)) = value {
        let _ = writeln!(text.text, "__from :: #import \"{path}\";");
    }
    let fails = value.is_some_and(|(_, fails)| fails);
    let call = if fails { "try __from.__value()" } else { "__from.__value()" };
    // Never evaluated; it only has the value's type.
    let typed = if fails {
        "type_of(__from.__value() catch { unreachable(); })"
    } else {
        "type_of(__from.__value())"
    };
    let single = variable.names.len() == 1;
    for (i, name) in variable.names.iter().enumerate().filter(|(_, name)| *name != "_") {
        let _ = write!(text.text, "`{name} : ");
        match &variable.ty {
            Some(ty) => text.user(ty.clone()),
            None if single => text.own(typed),
            None => _ = write!(text.text, "field_type({typed}, {i})"),
        }
        text.own(";\n");
    }
    if value.is_none() {
        return text;
    }
    text.own(if fails { "__run :: () -> ! {\n" } else { "__run :: () {\n" });
    if single {
        let name = &variable.names[0];
        let target = if name == "_" { "_".to_owned() } else { format!("`{name}") };
        let _ = writeln!(text.text, "    {target} = {call};");
    } else {
        let _ = writeln!(text.text, "    __parts := {call};");
        for (i, name) in variable.names.iter().enumerate().filter(|(_, name)| *name != "_") {
            let _ = writeln!(text.text, "    `{name} = __parts.{i};");
        }
    }
    text.own("}\n");
    text
}

/// The module that shows a value, or only evaluates it.
pub fn show_module(name: &str, input: &str, from: &str, fails: bool, shown: bool) -> Text {
    let mut text = Text::new(name, input);
    let call = if fails { "try __from.__value()" } else { "__from.__value()" };
    let statement =
        if shown { format!("__value := {call};\n    show_value(__value);") } else { format!("{call};") };
    let _ = write!(
        text.text,
        "__base :: #import \"{BASE_PATH}\";\nshow_value :: __base.show_value;\n__from :: #import \"{from}\";\n\
         __run :: () {} {{\n    {statement}\n}}\n",
        if fails { "-> !" } else { "" }
    );
    text
}
