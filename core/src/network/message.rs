//! Netlink messages: a header, a structure, attributes that may hold attributes, all in the host's byte order and in
//! steps of four bytes (`netlink(7)`).

/// Length of `struct nlmsghdr`.
pub(super) const HEADER: usize = 16;

/// A message under construction.
#[derive(Debug, Clone)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A request that is to be acknowledged, with its type, further flags, and the structure that goes with the type.
    pub(super) fn new(kind: u16, flags: i32, structure: &[u8]) -> Message {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        let flags = flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK;
        bytes.extend((flags as u16).to_ne_bytes());
        // Sequence number, filled in when it is sent, and port, which the kernel fills in.
        bytes.extend([0; 8]);
        bytes.extend(structure);
        Message(bytes).padded()
    }

    /// Adds an attribute.
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Message {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.padded()
    }

    /// Adds an attribute that holds what `fill` adds, after a structure of its own.
    pub(super) fn nested(
        mut self,
        kind: u16,
        structure: &[u8],
        fill: impl FnOnce(Message) -> Message,
    ) -> Message {
        let start = self.0.len();
        self = fill(self.with(kind, structure));
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        if let Some(field) = self.0.get_mut(start..start + 2) {
            field.copy_from_slice(&length.to_ne_bytes());
        }
        self
    }

    /// The bytes to send, with a sequence number by which its answers are known.
    pub(super) fn bytes(mut self, sequence: u32) -> Vec<u8> {
        let length = self.0.len() as u32;
        for (at, value) in [(0, length), (8, sequence)] {
            if let Some(field) = self.0.get_mut(at..at + 4) {
                field.copy_from_slice(&value.to_ne_bytes());
            }
        }
        self.0
    }

    fn padded(mut self) -> Message {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

/// A string attribute's value, ended by NUL.
pub(super) fn text(name: &std::ffi::CStr) -> &[u8] {
    name.to_bytes_with_nul()
}

/// One received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Received<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    /// Structure and attributes.
    pub(super) body: &'a [u8],
}

/// The messages in what was received; what is cut off at its end is not among them.
pub(super) fn messages(bytes: &[u8]) -> impl Iterator<Item = Received<'_>> {
    pieces(bytes, |bytes| u32_at(bytes, 0).map(|length| length as usize), HEADER).filter_map(|bytes| {
        Some(Received { kind: u16_at(bytes, 4)?, sequence: u32_at(bytes, 8)?, body: bytes.get(HEADER..)? })
    })
}

/// Attributes: type and value. The flags of the type, for nesting and byte order, are left out.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    pieces(bytes, |bytes| u16_at(bytes, 0).map(usize::from), 4)
        .filter_map(|bytes| Some((u16_at(bytes, 2)? & 0x3fff, bytes.get(4..)?)))
}

/// Splits at the lengths that stand in front, as long as these make sense.
fn pieces(
    mut bytes: &[u8],
    length: impl Fn(&[u8]) -> Option<usize>,
    least: usize,
) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = length(bytes).filter(|length| *length >= least)?;
        let piece = bytes.get(..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(piece)
    })
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let message = Message::new(16, 5, &[7; 8]).with(3, b"eth0\0").nested(18, &[], |message| {
            message.with(1, b"veth\0").nested(2, &[9; 4], |message| message.with(1, b"x"))
        });
        let twice = [message.clone().bytes(1), message.bytes(2)].concat();
        let read: Vec<Received<'_>> = messages(&twice).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[1].kind, read[1].sequence, &read[1].body[..8]), (16, 2, &[7u8; 8][..]));
        let read: Vec<(u16, &[u8])> = attributes(&read[0].body[8..]).collect();
        assert_eq!(read[0], (3, &b"eth0\0"[..]));
        let inner: Vec<(u16, &[u8])> = attributes(read[1].1).collect();
        assert_eq!((read[1].0, inner[0]), (18, (1, &b"veth\0"[..])));
        assert_eq!(attributes(&inner[1].1[4..]).next(), Some((1, &b"x"[..])));
    }

    #[test]
    fn nonsense_ends_the_reading() {
        assert_eq!(messages(&[0; 64]).count(), 0);
        assert_eq!(messages(&[255; 64]).count(), 0);
        assert_eq!(attributes(&[3, 0, 1, 0]).count(), 0);
        assert_eq!(attributes(&[8, 0, 1, 0, 1]).count(), 0);
        let cut = Message::new(16, 0, &[1; 8]).bytes(1);
        assert_eq!(messages(&cut[..20]).count(), 0);
    }
}
