//! The multipart answer to ItemOperations ([MS-ASCMD] 2.2.1.10.1): a count, an offset and a length a part, all 32 bits
//! and little endian, then the parts. The first part is the message.

/// The parts, if these bytes are a multipart answer that holds together.
pub(super) fn parts(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let number = |index: usize| {
        let at = index.checked_mul(4)?;
        let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(four)).ok()
    };
    let count = number(0).filter(|count| (1..=1000).contains(count))?;
    let parts: Vec<_> = (0..count)
        .map(|part| {
            let (offset, length) = (number(1 + 2 * part)?, number(2 + 2 * part)?);
            bytes.get(offset..offset.checked_add(length)?).filter(|_| offset >= 4 + 8 * count)
        })
        .collect::<Option<_>>()?;
    parts.first().is_some_and(|first| first.starts_with(&[0x03, 0x01, 0x6A])).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_is_the_message() {
        let mut bytes = vec![2, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0];
        bytes.extend([0x03, 0x01, 0x6A, 0x00, 0xFF]);
        assert_eq!(parts(&bytes), Some(vec![&[0x03, 0x01, 0x6A, 0x00][..], &[0xFF][..]]));
    }

    #[test]
    fn a_message_is_not_multipart_and_neither_are_offsets_that_lead_nowhere() {
        assert_eq!(parts(&[0x03, 0x01, 0x6A, 0x00, 0x00, 0x0E, 0x05]), None);
        assert_eq!(parts(&[1, 0, 0, 0, 12, 0, 0, 0, 99, 0, 0, 0, 0x03, 0x01, 0x6A]), None);
    }
}
