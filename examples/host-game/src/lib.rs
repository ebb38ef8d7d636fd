//! A small game whose rules are written in sx.
//!
//! The host owns the entities and draws them; `scripts/game.sx` decides what they do. Both see the same memory: an
//! [`Entity`] has one layout. When a script traps, the host shows where, and the game goes on with the next frame.

use std::io::{self, Write};
use sx::{Caller, Engine, Error, Instance, Limits, SxError, SxType, TypedFunc};

/// What an entity is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, SxType)]
#[repr(i64)]
pub enum Kind {
    /// Steered by nobody.
    #[sx(name = "asteroid")]
    Asteroid,
    /// The player's.
    #[sx(name = "ship")]
    Ship,
    /// Flies until it hits something.
    #[sx(name = "shot")]
    Shot,
}

/// A thing in the world. The scripts change it in place.
#[derive(Clone, Copy, PartialEq, Debug, SxType)]
#[repr(C)]
pub struct Entity {
    /// What it is.
    pub kind: Kind,
    /// Where, in cells.
    pub x: f32,
    /// Where, in cells.
    pub y: f32,
    /// Cells per second.
    pub vx: f32,
    /// Cells per second.
    pub vy: f32,
    /// What it can still take; nothing left takes it out of the world.
    pub health: i32,
    /// Seconds that it has been there.
    pub age: f32,
}

/// What host functions reach through the instance.
#[derive(Default)]
struct World {
    /// What scripts want to add; the world itself is lent to them during a frame.
    spawned: Vec<Entity>,
    log: Vec<String>,
    seed: u32,
}

/// Columns of the world.
pub const WIDTH: usize = 40;
/// Rows of the world.
pub const HEIGHT: usize = 10;
/// Seconds of a frame.
const STEP: f32 = 0.1;

/// A running game.
pub struct Game {
    instance: Instance,
    entities: Vec<Entity>,
    frame: TypedFunc<(&'static mut [Entity], f32), Result<i64, SxError>>,
    /// Frames so far.
    pub frames: u32,
}

/// What scripts are given: the shared types, and functions in the module `host`.
fn engine() -> Engine {
    Engine::builder()
        .host_type::<Entity>("host")
        .host_fn("host", "spawn", |caller: &mut Caller<'_>, entity: Entity| match caller.data::<World>() {
            Some(world) if world.spawned.len() < 64 => {
                world.spawned.push(entity);
                Ok(())
            }
            _ => Err("there is no room for more"),
        })
        .host_fn("host", "log", |caller: &mut Caller<'_>, line: String| {
            if let Some(world) = caller.data::<World>() {
                world.log.push(line);
            }
        })
        .host_fn("host", "random", |caller: &mut Caller<'_>, below: i64| {
            let Some(world) = caller.data::<World>() else { return 0 };
            world.seed = world.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from(world.seed >> 8) % below.max(1)
        })
        .host_fn("host", "wrap", |x: f32, size: i64| x.rem_euclid(size as f32))
        .limits(Limits::default().memory_bytes(1 << 20).time_per_call(std::time::Duration::from_secs(2)))
        .build()
}

impl Game {
    /// Starts a game with these rules.
    ///
    /// # Errors
    /// What is wrong with the rules.
    pub fn new(rules: &str) -> Result<Game, Error> {
        let program = engine().compile_named("game.sx", rules)?;
        let mut instance = program.instantiate()?;
        instance.set_data(World { seed: 7, ..World::default() });
        instance.func::<(), ()>("begin")?.call(&mut instance, ())?;
        let frame = instance.func("frame")?;
        let mut game = Game { instance, entities: Vec::new(), frame, frames: 0 };
        game.take_spawned();
        Ok(game)
    }
    /// Lets the rules work for one frame. What goes wrong is told; the world stays as far as it came.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn step(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.frames += 1;
        match self.frame.call(&mut self.instance, (&mut self.entities, STEP)) {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => writeln!(out, "frame {}: the rules gave up: {error}", self.frames)?,
            Err(error) => write!(out, "frame {}: {}", self.frames, error.render())?,
        }
        self.take_spawned();
        self.entities.retain(|entity| entity.health > 0);
        let log = self.instance.data::<World>().map(|world| std::mem::take(&mut world.log));
        for line in log.unwrap_or_default() {
            writeln!(out, "frame {}: {line}", self.frames)?;
        }
        Ok(())
    }
    fn take_spawned(&mut self) {
        if let Some(world) = self.instance.data::<World>() {
            self.entities.append(&mut world.spawned);
        }
    }
    /// The rules' score.
    pub fn score(&mut self) -> Result<i64, Error> {
        self.instance.global::<i64>("score")?.get(&mut self.instance)
    }
    /// The entities.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }
    /// Draws the world.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn draw(&self, out: &mut impl Write) -> io::Result<()> {
        let mut cells = [[b'.'; WIDTH]; HEIGHT];
        for entity in &self.entities {
            let (column, row) = (entity.x as usize, entity.y as usize);
            if let Some(cell) = cells.get_mut(row).and_then(|row| row.get_mut(column)) {
                *cell = match entity.kind {
                    Kind::Asteroid => b'o',
                    Kind::Ship => b'A',
                    Kind::Shot => b'\'',
                };
            }
        }
        for row in cells {
            out.write_all(&row)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// Plays a whole game.
///
/// # Errors
/// When the output can't be written. What is wrong with the rules is told in the output.
pub fn play(rules: &str, frames: u32, out: &mut impl Write) -> io::Result<()> {
    let mut game = match Game::new(rules) {
        Ok(game) => game,
        Err(error) => return writeln!(out, "the game can't begin\n{}", error.render()),
    };
    for _ in 0..frames {
        game.step(out)?;
    }
    game.draw(out)?;
    let entities = game.entities().len();
    match game.score() {
        Ok(score) => writeln!(out, "{frames} frames, {entities} entities, score {score}"),
        Err(error) => writeln!(out, "{error}"),
    }
}
