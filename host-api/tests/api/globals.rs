//! Variables by name.

use crate::{failure, instance};
use sx::{Engine, ErrorKind};

#[test]
fn variables_are_read_and_written() {
    let mut i = instance(
        "#import \"modules/std.sx\";
         count : i64 = 3;
         ratio : f32 = 0.5;
         title := \"first\";
         grid : [4]i16;
         maybe : ?i64;
         untouched : u8 = 9;
         twice :: () -> i64 { count * 2 }
         title_len :: () -> i64 { title.len }
         at :: (n: i64) -> i16 { grid[n] }",
    );
    let count = i.global::<i64>("count").unwrap();
    assert_eq!(count.get(&mut i).unwrap(), 3);
    count.set(&mut i, 21).unwrap();
    assert_eq!(i.func::<(), i64>("twice").unwrap().call(&mut i, ()).unwrap(), 42);
    *count.get_mut(&mut i).unwrap() += 1;
    assert_eq!(count.get(&mut i).unwrap(), 22);
    let title = i.global::<String>("title").unwrap();
    assert_eq!(title.get(&mut i).unwrap(), "first");
    title.set(&mut i, "another".to_owned()).unwrap();
    assert_eq!(i.func::<(), i64>("title_len").unwrap().call(&mut i, ()).unwrap(), 7);
    assert_eq!(i.global::<&str>("title").unwrap().get(&mut i).unwrap(), "another");
    let grid = i.global::<[i16; 4]>("grid").unwrap();
    grid.get_mut(&mut i).unwrap()[2] = 5;
    assert_eq!(i.func::<(i64,), i16>("at").unwrap().call(&mut i, (2,)).unwrap(), 5);
    let maybe = i.global::<Option<i64>>("maybe").unwrap();
    assert_eq!(maybe.get(&mut i).unwrap(), None);
    maybe.set(&mut i, Some(4)).unwrap();
    assert_eq!(maybe.get(&mut i).unwrap(), Some(4));
    // No code names it.
    assert_eq!(i.global::<u8>("untouched").unwrap().get(&mut i).unwrap(), 9);
    assert_eq!(i.global::<f32>("ratio").unwrap().get(&mut i).unwrap(), 0.5);
}

#[test]
fn instances_have_variables_of_their_own() {
    let program = Engine::new().compile("n := 1; read :: () -> i64 { n }").unwrap();
    let (mut a, mut b) = (program.instantiate().unwrap(), program.instantiate().unwrap());
    let n = program.global::<i64>("n").unwrap();
    n.set(&mut a, 5).unwrap();
    assert_eq!((n.get(&mut a).unwrap(), n.get(&mut b).unwrap()), (5, 1));
    let mut other = instance("n := 2;");
    assert_eq!(failure(n.get(&mut other)).kind(), ErrorKind::Usage);
}
