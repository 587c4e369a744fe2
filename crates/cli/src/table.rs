//! Tables on a terminal: aligned columns, and columns that wrap to the width of the window.

use std::io;

use anstyle::Style;

use crate::terminal::{HEADING, PLAIN, painted, wrapped};

/// A word longer than this is broken where columns wrap.
const LONGEST_WORD: usize = 44;

/// A cell: its text and how it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

/// Rows under a heading.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// A cell in a style.
    pub(crate) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(PLAIN, text)
    }
}

impl Table {
    pub(crate) fn new(head: impl IntoIterator<Item = &'static str>) -> Self {
        Self { head: head.into_iter().collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes it with every column as wide as its widest cell.
    pub(crate) fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        self.write_lines(out, &self.natural_widths(), 0)
    }

    /// Writes it in at most `width` characters: where it is wider, the widest columns give way and wrap. Rows that take
    /// several lines are kept apart by an empty one.
    pub(crate) fn write_wrapped(&self, out: &mut dyn io::Write, width: usize) -> io::Result<()> {
        let natural = self.natural_widths();
        let space = width.saturating_sub(2 * natural.len().saturating_sub(1));
        // A column is at least as wide as its longest word, and no wider than a limit that all columns share.
        let words: Vec<_> = self.columns(|text| text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0));
        let limited = |limit: usize| -> Vec<usize> {
            natural.iter().zip(&words).map(|(width, word)| (*width).min(limit.max((*word).min(LONGEST_WORD)))).collect()
        };
        let widths = (8..=space.max(8)).rev().map(limited).find(|widths| widths.iter().sum::<usize>() <= space);
        self.write_lines(out, &widths.unwrap_or_else(|| limited(8)), 1)
    }

    fn natural_widths(&self) -> Vec<usize> {
        self.columns(|text| text.chars().count())
    }

    /// The greatest measure of each column, its heading included.
    fn columns(&self, measure: impl Fn(&str) -> usize) -> Vec<usize> {
        let column = |(index, head): (usize, &&str)| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| measure(&cell.text));
            cells.chain([measure(head)]).max().unwrap_or(0)
        };
        self.head.iter().enumerate().map(column).collect()
    }

    fn write_lines(&self, out: &mut dyn io::Write, widths: &[usize], gap: usize) -> io::Result<()> {
        let head: Vec<_> = self.head.iter().map(|text| Cell::styled(HEADING, *text)).collect();
        write_row(out, &head, widths)?;
        let tall = self.rows.iter().any(|row| height(row, widths) > 1);
        for (index, row) in self.rows.iter().enumerate() {
            write_row(out, row, widths)?;
            if tall && gap > 0 && index + 1 < self.rows.len() {
                writeln!(out)?;
            }
        }
        Ok(())
    }
}

fn lines_of<'a>(row: &'a [Cell], widths: &'a [usize]) -> impl Iterator<Item = (Vec<String>, Style, usize)> + 'a {
    row.iter().zip(widths).map(|(cell, width)| {
        let fits = cell.text.chars().count() <= *width;
        let lines = if fits { vec![cell.text.clone()] } else { wrapped(&cell.text, *width) };
        (lines, cell.style, *width)
    })
}

fn height(row: &[Cell], widths: &[usize]) -> usize {
    lines_of(row, widths).map(|(lines, ..)| lines.len()).max().unwrap_or(0)
}

fn write_row(out: &mut dyn io::Write, row: &[Cell], widths: &[usize]) -> io::Result<()> {
    let cells: Vec<_> = lines_of(row, widths).collect();
    let height = cells.iter().map(|(lines, ..)| lines.len()).max().unwrap_or(0);
    for line in 0..height {
        let mut written = String::new();
        // Blanks are kept back until something follows them, so that no line ends in blanks.
        let mut blanks = 0;
        for (lines, style, width) in &cells {
            let text = lines.get(line).map_or("", String::as_str);
            if !text.is_empty() {
                written.extend(std::iter::repeat_n(' ', blanks));
                blanks = 0;
                written.push_str(&if *style == PLAIN { text.to_owned() } else { painted(*style, text) });
            }
            blanks += width.saturating_sub(text.chars().count()) + 2;
        }
        writeln!(out, "{written}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
    }

    #[test]
    fn columns_are_aligned_and_no_line_ends_in_blanks() {
        let mut table = Table::new(["a", "name"]);
        table.row(["long".into(), "x".into()]);
        table.row(["b".into(), "".into()]);
        assert_eq!(shown(|out| table.write(out)), "a     name\nlong  x\nb\n");
    }

    #[test]
    fn the_widest_column_gives_way_when_the_window_is_narrow() {
        let mut table = Table::new(["code", "meaning"]);
        table.row(["1".into(), "one two three four five".into()]);
        table.row(["2".into(), "six".into()]);
        assert_eq!(
            shown(|out| table.write_wrapped(out, 20)),
            "code  meaning\n1     one two three\n      four five\n\n2     six\n"
        );
    }
}
