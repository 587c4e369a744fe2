//! What `curl -v`, `curl --trace` and `curl --trace-ascii` write. Only `--trace` has the bodies: `-v` says how long they
//! are, and `--trace-ascii` has dots in place of most of their bytes.

use super::Exchange;

/// What a block of a trace holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Nothing,
    RequestHeader,
    RequestBody,
    ResponseHeader,
    ResponseBody,
}

/// How the blocks of a trace begin.
const BEGINNINGS: [(&str, Block); 5] = [
    ("=> Send header", Block::RequestHeader),
    ("=> Send data", Block::RequestBody),
    ("<= Recv header", Block::ResponseHeader),
    ("<= Recv data", Block::ResponseBody),
    ("== Info", Block::Nothing),
];

#[derive(Debug)]
struct Reader {
    exchanges: Vec<Exchange>,
    block: Block,
    bytes: Vec<u8>,
    /// Where the next piece of the block begins, if it follows the last one without a line end between.
    next: usize,
}

pub(super) fn read(text: &str) -> Vec<Exchange> {
    let mut reader = Reader { exchanges: Vec::new(), block: Block::Nothing, bytes: Vec::new(), next: 0 };
    for line in text.lines() {
        reader.line(without_time(line.trim_end_matches('\r')));
    }
    reader.end_block();
    reader.exchanges
}

/// `--trace-time` writes `12:34:56.123456 ` before everything.
fn without_time(line: &str) -> &str {
    let is_time = |time: &str| {
        time.bytes().zip(*b"00:00:00.000000 ").all(
            |(came, form)| {
                if form == b'0' { came.is_ascii_digit() } else { came == form }
            },
        )
    };
    match line.split_at_checked(16) {
        Some((time, rest)) if is_time(time) => rest,
        _ => line,
    }
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some((_, block)) = BEGINNINGS.iter().find(|(beginning, _)| line.starts_with(beginning)) {
            self.end_block();
            self.block = *block;
        } else if let Some(header) = line.strip_prefix("> ") {
            self.request_line(header);
        } else if let Some(header) = line.strip_prefix("< ") {
            self.response_line(header);
        } else if self.block != Block::Nothing
            && let Some((offset, dump)) = line.split_once(": ")
            && let Ok(offset) = usize::from_str_radix(offset, 16)
        {
            self.dump(offset, dump);
        }
    }

    /// A line of a block: bytes as pairs of digits, or text.
    fn dump(&mut self, offset: usize, dump: &str) {
        if let Some(bytes) = pairs(dump) {
            self.bytes.extend(bytes);
        } else if matches!(self.block, Block::RequestHeader | Block::ResponseHeader) {
            // In `--trace-ascii` the two bytes of a line end are left out; the offsets show where they were.
            if offset != self.next {
                self.bytes.extend(b"\r\n");
            }
            self.bytes.extend(dump.bytes());
            self.next = offset + dump.len();
        }
    }

    fn end_block(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.next = 0;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.split("\r\n").filter(|line| !line.is_empty());
        match (std::mem::replace(&mut self.block, Block::Nothing), self.exchanges.last_mut()) {
            (Block::RequestHeader, _) => lines.for_each(|line| self.request_line(line)),
            (Block::ResponseHeader, _) => lines.for_each(|line| self.response_line(line)),
            (Block::RequestBody, Some(exchange)) => exchange.request_body.extend(&bytes),
            (Block::ResponseBody, Some(exchange)) => exchange.response_body.extend(&bytes),
            (Block::Nothing | Block::RequestBody | Block::ResponseBody, _) => {}
        }
    }

    fn request_line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match (words.as_slice(), self.exchanges.last_mut()) {
            ([method, target, version], _) if version.starts_with("HTTP/") => {
                let (method, target) = ((*method).to_owned(), (*target).to_owned());
                self.exchanges.push(Exchange { method, target, ..Exchange::default() });
            }
            (_, Some(exchange)) => Exchange::header(&mut exchange.request_headers, line),
            (_, None) => {}
        }
    }

    fn response_line(&mut self, line: &str) {
        let Some(exchange) = self.exchanges.last_mut() else { return };
        if line.starts_with("HTTP/") {
            // The last one counts: 100 Continue comes before the answer.
            exchange.status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        } else {
            Exchange::header(&mut exchange.response_headers, line);
        }
    }
}

/// The bytes of a line of `--trace`: up to sixteen pairs of digits, then the same as text.
fn pairs(dump: &str) -> Option<Vec<u8>> {
    let bytes = dump.split(' ').take(16).take_while(|pair| !pair.is_empty()).map(|pair| {
        let is_pair = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_pair { u8::from_str_radix(pair, 16).ok() } else { None }
    });
    bytes.collect::<Option<Vec<u8>>>().filter(|bytes| !bytes.is_empty())
}
