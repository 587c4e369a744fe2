//! `asprov demo`: the eleven rows of section 3.1.5.2 over real HTTP, then every protocol version, both wipes, and a table
//! of what was seen and resolved.
//!
//! Nothing here is staged in words: a server with a SQLite store and a client talk over loopback, the administrator acts
//! through the admin API, and the table at the end is made of what came over the wire and how the client's conversations
//! ended ([`evidence`]).

mod abbreviation;
mod device;
mod evidence;
mod play;
mod scenes;
mod screen;
mod stage;
mod versions;
mod wipes;

use std::io;

use crate::failure::Failure;
use crate::stop_signal::StopSignals;
use evidence::Evidence;
use play::Play;
use screen::Screen;
use stage::Stage;

/// See the whole protocol at work: a server, a phone and an administrator, on this machine alone
///
/// Every row of [MS-ASPROV] 3.1.5.2 is brought about over HTTP and resolved by the client: what was sent, what came back,
/// what it means and what the client did. Then every protocol version, and both wipes. Nothing outside a temporary
/// directory is touched, and nothing is erased. At the end the server keeps running, to be tried.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// End afterwards instead of keeping the server running
    #[arg(long)]
    exit: bool,
    /// Print only the table of what was seen and resolved, and end
    #[arg(long)]
    table: bool,
}

pub(crate) async fn run(arguments: Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut signals = StopSignals::new()?;
    let stage = Stage::build().await?;
    let mut screen = Screen::new(out, arguments.table);
    let mut evidence = Evidence::default();
    let mut play = Play { stage: &stage, screen: &mut screen, evidence: &mut evidence };
    play.opening()?;
    scenes::play_all(&mut play).await?;
    versions::play(&mut play).await?;
    wipes::play(&mut play).await?;
    evidence.write(&mut screen, arguments.table)?;
    let complete = evidence.is_complete();
    if complete && !arguments.exit && !arguments.table {
        stage.invite(&mut screen)?;
        screen.flush()?;
        signals.received().await;
    }
    stage.close().await?;
    if complete { Ok(()) } else { Err(Failure::new("the demo did not show everything: see the rows marked `missing`")) }
}
