//! Standard output: its colours, its width, and its end.

use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::AutoStream;

use super::args::Color;

/// Columns where there is no terminal to ask.
const NO_TERMINAL: usize = 100;
/// Lines longer than this are hard to follow, however wide the terminal.
const WIDEST: usize = 140;

/// Standard output, with the colours it should have.
pub(super) fn output(color: Color) -> BufWriter<AutoStream<io::StdoutLock<'static>>> {
    let choice = match color {
        // Looks at NO_COLOR, CLICOLOR_FORCE and the terminal, in that order.
        Color::Auto => AutoStream::choice(&io::stdout()),
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    BufWriter::new(AutoStream::new(io::stdout().lock(), choice))
}

/// Columns of standard output.
pub(super) fn width() -> usize {
    width_of(&io::stdout()).min(WIDEST)
}

/// Columns of a stream.
pub(super) fn width_of(stream: &(impl IsTerminal + std::os::fd::AsFd)) -> usize {
    let size = rustix::termios::tcgetwinsize(stream).ok().filter(|_| stream.is_terminal());
    size.map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0).unwrap_or(NO_TERMINAL)
}

/// Writes a whole text.
pub(super) fn write_all(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
