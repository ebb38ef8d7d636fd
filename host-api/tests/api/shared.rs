//! Structs and enums that host and program share by layout.

use crate::{failure, instance, instance_of};
use pretty_assertions::assert_eq;
use sx::{Engine, ErrorKind, SxType};

#[derive(Clone, Copy, PartialEq, Debug, SxType)]
#[repr(C)]
struct Vec2 {
    x: f32,
    y: f32,
}

#[derive(Clone, Copy, PartialEq, Debug, SxType)]
#[repr(C)]
struct Entity {
    id: u32,
    alive: bool,
    kind: Kind,
    #[sx(name = "place")]
    position: Vec2,
    health: [i16; 3],
    r#type: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, SxType)]
#[repr(i64)]
#[allow(non_camel_case_types)]
enum Kind {
    player = 1,
    monster = 4,
}

const SOURCE: &str = "
    #import \"modules/std.sx\";
    Vec2 :: struct { x, y: f32; }
    Kind :: enum { player :: 1; monster :: 4; }
    Entity :: struct { id: u32; alive: bool; kind: Kind; place: Vec2; health: [3]i16; type: i64; }
    hero : Entity;
    move_all :: (all: []Entity, by: Vec2) -> i64 {
        moved := 0;
        for all (*e) {
            if !e.alive { continue; }
            e.place.x += by.x;
            e.place.y += by.y;
            if e.kind == .monster { e.health[2] = 7; e.kind = .player; }
            moved += 1;
        }
        moved
    }
    hurt :: (e: *Entity) { e.health[0] -= 10; }
    copy :: (e: Entity) -> Entity { c := e; c.id = 99; c }
    find :: (all: []Entity, id: u32) -> ?*Entity {
        for all (*e) { if e.id == id { return e; } }
        null
    }
    double :: (v: Vec2) -> Vec2 { .{ x = v.x * 2, y = v.y * 2 } }
    flip :: (k: Kind) -> Kind { if k == .player then .monster else .player }
    bad_bool :: (e: *Entity) { p := cast(*u8) @e.alive; p.* = 7; }
";

fn entity(id: u32) -> Entity {
    let position = Vec2 { x: 1.0, y: 2.0 };
    Entity { id, alive: true, kind: Kind::player, position, health: [100, 0, 0], r#type: -1 }
}

#[test]
fn programs_change_the_hosts_memory() {
    let mut i = instance(SOURCE);
    let mut all = [entity(1), entity(2), entity(3)];
    all[1].alive = false;
    all[2].kind = Kind::monster;
    let move_all = i.func::<(&mut [Entity], Vec2), i64>("move_all").unwrap();
    assert_eq!(move_all.call(&mut i, (&mut all, Vec2 { x: 0.5, y: -1.0 })).unwrap(), 2);
    assert_eq!(all[0].position, Vec2 { x: 1.5, y: 1.0 });
    assert_eq!(all[1], Entity { alive: false, ..entity(2) });
    assert_eq!((all[2].health, all[2].kind), ([100, 0, 7], Kind::player));
    i.func::<(&mut Entity,), ()>("hurt").unwrap().call(&mut i, (&mut all[0],)).unwrap();
    assert_eq!(all[0].health[0], 90);
}

#[test]
fn structs_by_value_and_in_variables() {
    let mut i = instance(SOURCE);
    let copy = i.func::<(Entity,), Entity>("copy").unwrap();
    assert_eq!(copy.call(&mut i, (entity(5),)).unwrap(), Entity { id: 99, ..entity(5) });
    let double = i.func::<(Vec2,), Vec2>("double").unwrap();
    assert_eq!(double.call(&mut i, (Vec2 { x: 1.0, y: 2.0 },)).unwrap(), Vec2 { x: 2.0, y: 4.0 });
    let flip = i.func::<(Kind,), Kind>("flip").unwrap();
    assert_eq!(flip.call(&mut i, (Kind::player,)).unwrap(), Kind::monster);
    let hero = i.global::<Entity>("hero").unwrap();
    // Zero isn't one of the kinds.
    assert_eq!(failure(hero.get(&mut i)).kind(), ErrorKind::Convert);
    hero.set(&mut i, entity(7)).unwrap();
    hero.get_mut(&mut i).unwrap().position.x = 8.0;
    assert_eq!(hero.get(&mut i).unwrap().position.x, 8.0);
}

#[test]
fn pointers_into_the_hosts_memory_come_back() {
    let mut i = instance(SOURCE);
    let all = [entity(1), entity(2)];
    let find = i.func::<(&[Entity], u32), Option<&Entity>>("find").unwrap();
    let found = find.call(&mut i, (&all, 2)).unwrap().unwrap();
    assert!(std::ptr::eq(found, &all[1]));
    assert_eq!(find.call(&mut i, (&all, 3)).unwrap(), None);
}

#[test]
fn bits_that_are_no_value_are_refused() {
    let mut i = instance(SOURCE);
    let mut bytes = [std::mem::MaybeUninit::new(entity(1))];
    // SAFETY: written above; the reference is gone before the program writes other bits.
    let place = unsafe { bytes[0].assume_init_mut() } as *mut Entity;
    let bad_bool = i.func::<(&mut Entity,), ()>("bad_bool").unwrap();
    // SAFETY: the only reference to it.
    bad_bool.call(&mut i, (unsafe { &mut *place },)).unwrap();
    // SAFETY: bytes of a value that is there.
    let raw = unsafe { std::slice::from_raw_parts(place.cast::<u8>(), size_of::<Entity>()) };
    assert_eq!(raw[4], 7);
    // SAFETY: as many bytes are readable.
    assert!(!unsafe { <Entity as SxType>::valid(raw.as_ptr()) });
}

#[derive(Clone, Copy, Debug, SxType)]
#[repr(C)]
struct Pair {
    a: i32,
    b: i64,
}

#[derive(Clone, Copy, Debug, SxType)]
#[repr(u8)]
#[allow(dead_code, non_camel_case_types)]
enum Small {
    off = 0,
    on = 1,
}

#[test]
fn differences_are_named() {
    for (there, detail) in [
        ("P :: struct { a: i32; }", "the program has no field `b`"),
        ("P :: struct { a: i32; c: i64; }", "field 2 is `c` there and `b` here"),
        ("P :: struct { a: i64; b: i64; }", "field `a` is `i64` there and `i32` here"),
        ("P :: struct { a: i32; b: i64; z: u8; }", "the host has no field `z`"),
        ("P :: struct #packed { a: i32; b: i64; }", "field `b` is 4 bytes in there, 8 here"),
    ] {
        let error = failure(instance(&format!("{there} f :: (p: P) {{}}")).func::<(Pair,), ()>("f"));
        assert!(error.message().ends_with(detail), "{error}");
    }
    for (there, detail) in [
        ("E :: enum { off; on; }", "its numbers are `i64` there and `u8` here"),
        ("E :: enum u8 { off; on; other; }", "the host has no variant `other`"),
        ("E :: enum u8 { off; }", "the program has no variant `on`"),
        ("E :: enum u8 { on; off; }", "`.on` is 0 there and 1 here"),
        ("E :: enum u8 { off; on: i64; }", "its variants carry values"),
    ] {
        let error = failure(instance(&format!("{there} f :: (p: E) {{}}")).func::<(Small,), ()>("f"));
        assert!(error.message().ends_with(detail), "{error}");
    }
}

#[test]
fn the_host_declares_what_it_shares() {
    let engine = Engine::builder()
        .host_type::<Entity>("game")
        .host_fn("game", "norm", |v: Vec2| -> f32 { v.x.hypot(v.y) })
        .host_fn("game", "mirror", |e: &mut Entity| e.position.x = -e.position.x)
        .host_fn("game", "opposite", |k: Kind| if k == Kind::player { Kind::monster } else { Kind::player })
        .host_fn("game", "make", || entity(12))
        .build();
    let mut i = instance_of(
        &engine,
        "#import \"game\";
         length :: (e: *Entity) -> f32 { mirror(e); norm(e.place) }
         kind :: () -> Kind { opposite(.player) }
         id :: () -> u32 { make().id }",
    );
    let mut e = entity(1);
    e.position = Vec2 { x: 3.0, y: 4.0 };
    assert_eq!(i.func::<(&mut Entity,), f32>("length").unwrap().call(&mut i, (&mut e,)).unwrap(), 5.0);
    assert_eq!(e.position.x, -3.0);
    assert_eq!(i.func::<(), Kind>("kind").unwrap().call(&mut i, ()).unwrap(), Kind::monster);
    assert_eq!(i.func::<(), u32>("id").unwrap().call(&mut i, ()).unwrap(), 12);
}

#[test]
fn types_that_the_program_only_passes_on_are_compared_too() {
    let engine = Engine::builder().host_type::<Entity>("game").build();
    let mut i =
        instance_of(&engine, "game :: #import \"game\"; count :: (all: []game.Entity) -> i64 { all.len }");
    let count = i.func::<(&[Entity],), i64>("count").unwrap();
    assert_eq!(count.call(&mut i, (&[entity(1), entity(2)],)).unwrap(), 2);
}
