//! The thread in the background.
//!
//! It sleeps until the program is called, asks every interval while what it asks is answered by interpreted code, less often
//! when nothing is interpreted any more, and sleeps again when nothing runs. It holds the tier weakly: it ends with it.

use super::{Shared, batch::Asked};
use std::sync::Arc;
use std::thread::{self, Builder};
use std::time::Duration;

/// The longest wait between questions while something runs.
const LONGEST: Duration = Duration::from_millis(50);

/// Questions without an answer before it sleeps.
const PATIENCE: u32 = 8;

/// Starts it.
pub(super) fn start(shared: &Arc<Shared>) -> std::io::Result<()> {
    let tier = Arc::downgrade(shared);
    let first = shared.options.interval;
    Builder::new().name("sx-tier".into()).spawn(move || {
        let mut wait = first;
        let mut silent = 0;
        loop {
            thread::sleep(wait);
            let Some(shared) = tier.upgrade() else { return };
            let Asked { compiled, alive, exists } = shared.tick();
            if !exists {
                return;
            }
            wait = if compiled { first } else { (wait * 5 / 4).min(LONGEST) };
            silent = if alive { 0 } else { silent + 1 };
            if silent > PATIENCE {
                drop(shared);
                if !sleep(&tier) {
                    return;
                }
                (wait, silent) = (first, 0);
            }
        }
    })?;
    Ok(())
}

/// Wakes the thread also when it goes, with the program.
struct Ring(thread::Thread);

impl Drop for Ring {
    fn drop(&mut self) {
        self.0.unpark();
    }
}

/// Until the program is called; false when it is no more.
fn sleep(tier: &std::sync::Weak<Shared>) -> bool {
    let ring = Ring(thread::current());
    let ring = move || ring.0.unpark();
    {
        let Some(shared) = tier.upgrade() else { return false };
        let Some(program) = shared.work.lock().program() else { return false };
        program.when_called(shared.options.fuel, Box::new(ring));
        // What has begun since the last question rings when it answers this one.
        program.ask(shared.options.fuel);
    }
    thread::park();
    true
}
