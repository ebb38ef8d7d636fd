//! Diagnostics as JSON keep to the documented schema.

use crate::{Folder, sx};
use serde_json::Value;

const SCHEMA: &str = include_str!("../../../../docs/diagnostics.schema.json");
const FIELDS: &str = include_str!("../../../../docs/diagnostics-json.md");

/// What is wrong with a value, by the part of JSON Schema that our schema uses; other keywords are an error themselves.
fn problems(root: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "then" => true,
            "$ref" => {
                let name =
                    wanted.as_str().and_then(|name| name.strip_prefix('#')).expect("a reference within");
                problems(root, root.pointer(name).expect("it is defined"), value, at, out);
                true
            }
            "type" => types(wanted).any(|name| is_of(name, value)),
            "enum" => wanted.as_array().expect("a list").contains(value),
            "minimum" => value.as_f64().is_none_or(|n| n >= wanted.as_f64().expect("a number")),
            "minLength" => length(value).is_none_or(|n| n >= wanted.as_u64().expect("a number")),
            "maxLength" => length(value).is_none_or(|n| n <= wanted.as_u64().expect("a number")),
            "required" => {
                let names = wanted.as_array().expect("a list").iter().filter_map(Value::as_str);
                let missing: Vec<&str> = names.filter(|name| value.get(name).is_none()).collect();
                out.extend(missing.iter().map(|name| format!("{at}: `{name}` is missing")));
                true
            }
            "properties" => {
                for (name, schema) in wanted.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        problems(root, schema, value, &format!("{at}/{name}"), out);
                    }
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    problems(root, wanted, value, &format!("{at}/{index}"), out);
                }
                true
            }
            "if" => {
                let mut unmet = Vec::new();
                problems(root, wanted, value, at, &mut unmet);
                if unmet.is_empty() {
                    problems(root, &schema["then"], value, at, out);
                }
                true
            }
            other => panic!("this test doesn't know `{other}`"),
        };
        if !holds {
            out.push(format!("{at}: {value} isn't of {keyword} {wanted}"));
        }
    }
}

fn types(wanted: &Value) -> impl Iterator<Item = &str> {
    let one = wanted.as_str().into_iter();
    one.chain(wanted.as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("this test doesn't know the type `{other}`"),
    }
}

fn length(value: &Value) -> Option<u64> {
    Some(value.as_str()?.chars().count() as u64)
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// The diagnostics of a program, each of which keeps to the schema.
fn diagnostics(source: impl AsRef<[u8]>) -> Vec<Value> {
    let folder = Folder::new();
    let file = folder.file("a.sx", source);
    let ran = sx(&["check", "--message-format", "json", &file]);
    let schema = schema();
    let known: Vec<&String> = schema["properties"].as_object().expect("an object").keys().collect();
    let parse = |line: &str| -> Value {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let mut found = Vec::new();
        problems(&schema, &schema, &value, "", &mut found);
        assert!(found.is_empty(), "{found:#?}\n{line}");
        let fields = value.as_object().expect("an object").keys();
        let unknown: Vec<&String> = fields.filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "not in the schema: {unknown:?}");
        value
    };
    ran.err.lines().map(parse).collect()
}

#[test]
fn every_kind_of_diagnostic_keeps_to_the_schema() {
    let found = diagnostics(
        "main :: () {\n    x := (1, 2);\n    1 + 2;\n    y := nope;\n    y : i64 = \"a\\n\u{1}\u{2028}\";\n}\n\
         N :: 1;\nN :: 2;\nE :: enum { a; b; }\nf :: (e: E, n: i64) -> i64 { if e == { case .a: n.x; } }\n",
    );
    assert!(found.len() >= 4, "{found:#?}");
    let some =
        |field: &str, is: &dyn Fn(&Value) -> bool| assert!(found.iter().any(|d| is(&d[field])), "{field}");
    some("severity", &|severity| severity == "error");
    some("secondary", &|places| places.as_array().is_some_and(|places| !places.is_empty()));
    some("helps", &|helps| helps.as_array().is_some_and(|helps| !helps.is_empty()));
    let warned = diagnostics("main :: () { 1 + 2; }\n");
    assert_eq!(warned.len(), 1);
    assert_eq!((&warned[0]["severity"], &warned[0]["code"]), (&"warning".into(), &"W0002".into()));
    // Not text at all, and nothing at all.
    assert_eq!(diagnostics(b"main :: () {}\n\xff\xfe\n")[0]["code"], "E0019");
    assert!(diagnostics("").is_empty());
}

#[test]
fn a_place_is_given_in_lines_and_in_bytes() {
    let found =
        diagnostics("\u{feff}main :: () {\r\n\ts := \"\u{e4}\";\r\n\tx := \"\u{e4}\" == nope;\r\n}\r\n");
    let nope = found.last().expect("something is wrong");
    assert_eq!(nope["code"], "E0101");
    let number = |name: &str| nope[name].as_u64().expect("a number");
    // A tab and a character are one column each; the byte order mark counts in bytes only.
    assert_eq!((number("line"), number("column"), number("end_line"), number("end_column")), (3, 14, 3, 18));
    assert_eq!((number("byte_start"), number("byte_end")), (44, 48));
}

#[test]
fn documentation_and_schema_name_the_same_fields() {
    let schema = schema();
    for name in schema["properties"].as_object().expect("an object").keys() {
        assert!(FIELDS.contains(&format!("`{name}`")), "docs/diagnostics-json.md doesn't describe `{name}`");
    }
    let example = FIELDS.split("```json\n").nth(1).and_then(|rest| rest.lines().next()).expect("an example");
    let example: Value = serde_json::from_str(example).expect("the example is JSON");
    let mut found = Vec::new();
    problems(&schema, &schema, &example, "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_breaks_the_schema_is_noticed() {
    let schema = schema();
    let broken = [
        r#"{"code":"E1","severity":"error","message":"m","path":null,"label":null,"secondary":[],"notes":[],"helps":[]}"#,
        r#"{"code":"E0001","severity":"bad","message":"m","path":null,"label":null,"secondary":[],"notes":[],"helps":[]}"#,
        r#"{"code":"E0001","severity":"error","message":"m","path":"a.sx","label":null,"secondary":[],"notes":[],"helps":[]}"#,
        r#"{"code":"E0001","severity":"error","message":"m","path":null,"label":null,"secondary":[{}],"notes":[],"helps":[]}"#,
        r#"{"code":"E0001","severity":"error","message":"m","path":null,"label":7,"secondary":[],"notes":[1],"helps":[]}"#,
        r#"[]"#,
    ];
    for text in broken {
        let mut found = Vec::new();
        problems(&schema, &schema, &serde_json::from_str(text).expect("JSON"), "", &mut found);
        assert!(!found.is_empty(), "{text}");
    }
}
