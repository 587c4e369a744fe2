//! What a terminal shows: how wide it is, colours, wrapped lines, and text from devices made harmless.
//!
//! Colours are written always; `anstream` takes them out where no terminal reads, and where NO_COLOR is set.

use std::fmt::{Display, Write as _};
use std::io::Write as _;

use anstyle::{AnsiColor, Color, Style};
use asprov_protocol::device::is_obeyed;

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// What went well.
pub(crate) const GOOD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green))).bold();
/// What did not.
pub(crate) const BAD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red))).bold();
/// What to try.
pub(crate) const HINT: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Cyan))).bold();
/// Numbers and names to look for.
pub(crate) const ACCENT: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow))).bold();
/// What may be skipped.
pub(crate) const QUIET: Style = Style::new().dimmed();
/// Nothing special.
pub(crate) const PLAIN: Style = Style::new();

/// Width where no terminal says one.
const DEFAULT_WIDTH: usize = 100;
/// Lines longer than this are hard to read, however wide the window is.
const GREATEST_WIDTH: usize = 140;
/// Characters of a text from a device that a list shows.
pub(crate) const LISTED: usize = 200;

/// How many characters fit into a line.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stdout())
        .map_or(DEFAULT_WIDTH, |(terminal_size::Width(columns), _)| usize::from(columns).clamp(40, GREATEST_WIDTH))
}

/// A number of things.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A text in a style.
pub(crate) fn painted(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Something to know beside the result, on stderr. When nobody reads that any more it is lost, and the work goes on.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{} {}", painted(HINT, "note:"), harmless(text));
}

/// Text that came from a device, a server or a file, so that a terminal obeys none of it: control characters and those
/// that change the direction of writing are escaped.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_obeyed(character) {
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The same, cut for a list.
pub(crate) fn listed(text: &str) -> String {
    let shown = harmless(text);
    if shown.chars().count() <= LISTED {
        return shown;
    }
    shown.chars().take(LISTED - 1).chain(['…']).collect()
}

/// Breaks a text into lines of at most `width` characters, between words where it can.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let characters = word.chars().count();
        if length > 0 && length + 1 + characters > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        // A word longer than the line is broken.
        for character in word.chars() {
            if length == width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            line.push(character);
            length += 1;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_break_inside() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrapped("a abcdefghijkl", 8), ["a", "abcdefgh", "ijkl"]);
        assert_eq!(wrapped("", 8), [""]);
    }

    #[test]
    fn text_of_a_device_cannot_move_the_cursor_or_turn_the_line_around() {
        assert_eq!(harmless("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(harmless("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(harmless("Jürgens Telefon"), "Jürgens Telefon");
    }

    #[test]
    fn a_list_shows_at_most_200_characters() {
        assert_eq!(listed(&"x".repeat(201)).chars().count(), 200);
        assert_eq!(listed(&"x".repeat(200)), "x".repeat(200));
    }
}
