//! The memory as text: one fact a line, a word and its value, from the title to `end`. A text that is cut off anywhere is
//! refused as a whole.

use asprov_protocol::client::{AcknowledgedPolicy, ClientMemory, ServerMoved, WipeInHand};
use asprov_protocol::message::{AcknowledgmentStatus, PolicyKeyText, WipeKind};
use asprov_protocol::policy::Fingerprint;
use asprov_protocol::version::ProtocolVersion;

const TITLE: &str = "asprov client memory 1";
const END: &str = "end";

/// A line that does not say what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DamagedLine {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) expected: &'static str,
}

pub(crate) fn write(memory: &ClientMemory) -> String {
    let mut lines = vec![TITLE.to_owned()];
    if let Some(key) = memory.policy_key() {
        lines.push(format!("policy_key {}", escaped(key.as_str())));
    }
    if let Some(policy) = memory.acknowledged() {
        lines.push(format!("fingerprint {}", policy.fingerprint));
        lines.push(format!("version {}", policy.version));
        lines.push(format!("acknowledgment {}", policy.status.code()));
        let settings = policy.summary.iter();
        lines.extend(settings.map(|(name, value)| format!("setting {} {}", escaped(name), escaped(value))));
    }
    if memory.without_policy() {
        lines.push("without_policy yes".to_owned());
    }
    if let Some(wipe) = memory.wipe() {
        let state = if wipe.taken_on { "taken_on" } else { "ordered" };
        lines.push(format!("wipe {} {state}", wipe.kind.as_str()));
    }
    if let Some(moved) = memory.moved() {
        lines.push(format!("moved {} {}", escaped(&moved.from), escaped(&moved.to)));
    }
    lines.push(END.to_owned());
    lines.join("\n") + "\n"
}

/// What has been read so far.
#[derive(Default)]
struct Read {
    policy_key: Option<PolicyKeyText>,
    fingerprint: Option<Fingerprint>,
    version: Option<ProtocolVersion>,
    status: Option<AcknowledgmentStatus>,
    summary: Vec<(String, String)>,
    without_policy: bool,
    wipe: Option<WipeInHand>,
    moved: Option<ServerMoved>,
}

pub(crate) fn read(text: &str) -> Result<ClientMemory, DamagedLine> {
    let damaged = |line, expected| DamagedLine { line, expected };
    let mut lines = text.split('\n').zip(1..);
    if lines.next().map(|(title, _)| title) != Some(TITLE) {
        return Err(damaged(1, "`asprov client memory 1`"));
    }
    let mut read = Read::default();
    for (line, number) in lines.by_ref() {
        if line == END {
            // Nothing but the end of the line may follow.
            let rest: Vec<_> = lines.by_ref().map(|(rest, _)| rest).collect();
            if rest != [""] {
                return Err(damaged(number + 1, "nothing after `end`"));
            }
            return read.memory().map_err(|expected| damaged(number, expected));
        }
        read.take(line).map_err(|expected| damaged(number, expected))?;
    }
    Err(damaged(text.split('\n').count(), "`end`"))
}

impl Read {
    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let (word, value) = line.split_once(' ').ok_or("a word and a value")?;
        match word {
            "policy_key" => {
                let key = unescaped(value).filter(|key| !key.is_empty()).ok_or("a policy key")?;
                self.policy_key = Some(PolicyKeyText::new(&key));
            }
            "fingerprint" => self.fingerprint = Some(fingerprint(value).ok_or("64 hexadecimal digits")?),
            "version" => self.version = Some(value.parse().map_err(|_| "a protocol version")?),
            "acknowledgment" => {
                let code = value.parse().map_err(|_| "1, 2, 3 or 4")?;
                self.status = Some(AcknowledgmentStatus::from_code(code).ok_or("1, 2, 3 or 4")?);
            }
            "setting" => {
                let expected = "the name and the value of a setting";
                let (name, value) = value.split_once(' ').ok_or(expected)?;
                self.summary.push((unescaped(name).ok_or(expected)?, unescaped(value).ok_or(expected)?));
            }
            "without_policy" if value == "yes" => self.without_policy = true,
            "without_policy" => return Err("`yes`"),
            "wipe" => {
                let expected = "device or account, then ordered or taken_on";
                let (kind, state) = value.split_once(' ').ok_or(expected)?;
                let taken_on = match state {
                    "ordered" => false,
                    "taken_on" => true,
                    _ => return Err(expected),
                };
                self.wipe = Some(WipeInHand { kind: WipeKind::parse(kind).ok_or(expected)?, taken_on });
            }
            "moved" => {
                let expected = "the address of a server and that of another one";
                let (from, to) = value.split_once(' ').ok_or(expected)?;
                let plain = |text| unescaped(text).filter(|text| !text.is_empty()).ok_or(expected);
                self.moved = Some(ServerMoved { from: plain(from)?, to: plain(to)? });
            }
            _ => {
                return Err(
                    "policy_key, fingerprint, version, acknowledgment, setting, without_policy, wipe, moved or end",
                );
            }
        }
        Ok(())
    }

    fn memory(self) -> Result<ClientMemory, &'static str> {
        let acknowledged = match (self.fingerprint, self.version, self.status) {
            (Some(fingerprint), Some(version), Some(status)) => {
                Some(AcknowledgedPolicy { fingerprint, version, status, summary: self.summary })
            }
            (None, None, None) if self.summary.is_empty() => None,
            _ => return Err("fingerprint, version and acknowledgment together"),
        };
        Ok(ClientMemory::restore(self.policy_key, acknowledged, self.without_policy, self.wipe).with_move(self.moved))
    }
}

/// A value on one line: backslash and line feed are written as two characters, a blank as `\s`, so that a blank separates.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace(' ', "\\s")
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                'n' => '\n',
                's' => ' ',
                _ => return None,
            },
            character => character,
        });
    }
    Some(plain)
}

fn fingerprint(hex: &str) -> Option<Fingerprint> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, place) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(place..place + 2)?, 16).ok()?;
    }
    Some(Fingerprint::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn full() -> ClientMemory {
        let policy = AcknowledgedPolicy {
            fingerprint: Fingerprint::from_bytes(core::array::from_fn(|at| u8::try_from(at * 8).unwrap_or(255))),
            version: ProtocolVersion::V16_1,
            status: AcknowledgmentStatus::AppliedInPart,
            summary: vec![
                ("DevicePasswordEnabled".to_owned(), "1".to_owned()),
                ("UnapprovedInROMApplicationList".to_owned(), "a b, c\\d\n".to_owned()),
                ("MinDevicePasswordLength".to_owned(), String::new()),
            ],
        };
        let wipe = WipeInHand { kind: WipeKind::AccountOnly, taken_on: true };
        let moved = ServerMoved {
            from: "https://mail.example.com".to_owned(),
            to: "https://eu.mail.example.com:8443".to_owned(),
        };
        ClientMemory::restore(Some(PolicyKeyText::new("3942919513")), Some(policy), true, Some(wipe))
            .with_move(Some(moved))
    }

    #[test]
    fn the_text_is_read_back_as_it_was_written() {
        let text = write(&full());
        assert_eq!(
            text,
            "asprov client memory 1\n\
             policy_key 3942919513\n\
             fingerprint 0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8\n\
             version 16.1\n\
             acknowledgment 2\n\
             setting DevicePasswordEnabled 1\n\
             setting UnapprovedInROMApplicationList a\\sb,\\sc\\\\d\\n\n\
             setting MinDevicePasswordLength \n\
             without_policy yes\n\
             wipe account taken_on\n\
             moved https://mail.example.com https://eu.mail.example.com:8443\n\
             end\n"
        );
        assert_eq!(read(&text), Ok(full()));
        assert_eq!(read(&write(&ClientMemory::new())), Ok(ClientMemory::new()));
    }

    #[test]
    fn a_text_that_is_cut_off_anywhere_is_refused() {
        let text = write(&full());
        for length in 0..text.len() {
            assert!(read(&text[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn damage_is_told_with_its_line() {
        let damaged = |text: &str| read(text).unwrap_err();
        assert_eq!(damaged("hello"), DamagedLine { line: 1, expected: "`asprov client memory 1`" });
        let line = |line: &str| damaged(&format!("{TITLE}\n{line}\nend\n"));
        assert_eq!(line("version 17.0"), DamagedLine { line: 2, expected: "a protocol version" });
        assert_eq!(line("fingerprint 00"), DamagedLine { line: 2, expected: "64 hexadecimal digits" });
        assert_eq!(line("wipe device perhaps").expected, "device or account, then ordered or taken_on");
        assert_eq!(line("moved https://a").expected, "the address of a server and that of another one");
        assert_eq!(line("policy_key "), DamagedLine { line: 2, expected: "a policy key" });
        assert_eq!(line("version 16.1").expected, "fingerprint, version and acknowledgment together");
        assert_eq!(damaged(&format!("{TITLE}\nend\nmore\n")).expected, "nothing after `end`");
    }

    proptest! {
        #[test]
        fn any_key_and_any_setting_survive(key in "\\PC{1,64}", name in ".*", value in "(?s).*") {
            let policy = AcknowledgedPolicy {
                fingerprint: Fingerprint::from_bytes([7; 32]),
                version: ProtocolVersion::V2_5,
                status: AcknowledgmentStatus::Applied,
                summary: vec![(name, value)],
            };
            let memory = ClientMemory::restore(Some(PolicyKeyText::new(&key)), Some(policy), false, None);
            prop_assert_eq!(read(&write(&memory)), Ok(memory));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "(?s)(asprov client memory 1\n)?.*") {
            let _ = read(&text);
        }
    }
}
