//! Links, addresses and routes of one network namespace, through `rtnetlink(7)`.
//!
//! Written by hand: five kinds of messages, asked one after another, need neither a crate for all of netlink nor an
//! event loop.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::message::{self, HEADER, Message, Received};
use crate::sys::{Errno, Result, namespace, netlink};

const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
/// `if_link.h`: the kind of a link within `IFLA_LINKINFO`, and what belongs to the kind.
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
/// `veth.h`.
const VETH_PEER: u16 = 1;
/// `if_addr.h`: what a moved address keeps of its flags, and that it is nobody's lease.
const PERMANENT: u32 = 0x80;
const KEPT: u32 = 0x02 | 0x200;
/// Answers come in pages at most this long (netlink's `NLMSG_GOODSIZE` and what user space may ask for).
const LARGEST_ANSWER: usize = 1 << 16;

/// An open talk with one network namespace, which it keeps alive.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    sequence: Cell<u32>,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: CString,
    /// Whether it is up.
    pub up: bool,
}

/// An address of a link, as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    family: u8,
    prefix: u8,
    flags: u32,
    scope: u8,
    /// The attributes that make it: type and value.
    parts: Vec<(u16, Vec<u8>)>,
}

impl Address {
    /// An IPv4 address with the length of its network's prefix.
    #[must_use]
    pub fn v4(address: Ipv4Addr, prefix: u8) -> Address {
        let octets = address.octets().to_vec();
        let parts = vec![(libc::IFA_LOCAL, octets.clone()), (libc::IFA_ADDRESS, octets)];
        Address { family: libc::AF_INET as u8, prefix, flags: 0, scope: 0, parts }
    }

    /// Whether somebody has set it for good, and it is of the whole net: others are made by the kernel, or leased.
    #[must_use]
    pub fn is_permanent_and_global(&self) -> bool {
        self.flags & PERMANENT != 0 && self.scope == libc::RT_SCOPE_UNIVERSE
    }
}

impl Connection {
    /// With the network namespace of the calling thread.
    ///
    /// # Errors
    /// As in `socket(2)`.
    pub fn new() -> Result<Connection> {
        Ok(Connection { socket: netlink::socket()?, sequence: Cell::new(0) })
    }

    /// With another, which a thread of its own enters for as long as that takes.
    ///
    /// # Errors
    /// As in `setns(2)` and `socket(2)`.
    pub fn inside(namespace: BorrowedFd<'_>) -> Result<Connection> {
        in_namespace(namespace, Connection::new)
    }

    /// A link by its name.
    ///
    /// # Errors
    /// `ENODEV` when there is none.
    pub fn link(&self, name: &CStr) -> Result<Link> {
        let ask =
            Message::new(libc::RTM_GETLINK, 0, &link(0, 0, 0)).with(libc::IFLA_IFNAME, message::text(name));
        self.ask(ask)?.first().and_then(|answer| read_link(answer)).ok_or(Errno::ENODEV)
    }

    /// All links.
    ///
    /// # Errors
    /// Of the kernel.
    pub fn links(&self) -> Result<Vec<Link>> {
        let ask = Message::new(libc::RTM_GETLINK, libc::NLM_F_DUMP, &link(0, 0, 0));
        Ok(self.ask(ask)?.iter().filter_map(|answer| read_link(answer)).collect())
    }

    /// Makes a bridge.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where the kernel has no bridges, `EEXIST` when the name is taken.
    pub fn add_bridge(&self, name: &CStr) -> Result<()> {
        let make = Message::new(libc::RTM_NEWLINK, CREATE, &link(0, 0, 0));
        let make = make.with(libc::IFLA_IFNAME, message::text(name));
        self.tell(make.nested(libc::IFLA_LINKINFO, &[], |make| make.with(INFO_KIND, b"bridge\0")))
    }

    /// Makes a pair of virtual links: `name` here, and `peer` in another namespace, where it never was anything else.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where the kernel has no veth, `EEXIST` when one of the names is taken.
    pub fn add_veth(&self, name: &CStr, peer: &CStr, namespace: BorrowedFd<'_>) -> Result<()> {
        let there = namespace.as_raw_fd().to_ne_bytes();
        let make = Message::new(libc::RTM_NEWLINK, CREATE, &link(0, 0, 0));
        let make = make.with(libc::IFLA_IFNAME, message::text(name));
        self.tell(make.nested(libc::IFLA_LINKINFO, &[], |make| {
            make.with(INFO_KIND, b"veth\0").nested(INFO_DATA, &[], |make| {
                make.nested(VETH_PEER, &link(0, 0, 0), |make| {
                    make.with(libc::IFLA_IFNAME, message::text(peer)).with(libc::IFLA_NET_NS_FD, &there)
                })
            })
        }))
    }

    /// Makes a link a port of a bridge.
    ///
    /// # Errors
    /// Of the kernel.
    pub fn set_master(&self, index: u32, bridge: u32) -> Result<()> {
        let change = Message::new(libc::RTM_NEWLINK, 0, &link(index, 0, 0));
        self.tell(change.with(libc::IFLA_MASTER, &bridge.to_ne_bytes()))
    }

    /// Brings a link up.
    ///
    /// # Errors
    /// Of the kernel.
    pub fn set_up(&self, index: u32) -> Result<()> {
        let up = libc::IFF_UP as u32;
        self.tell(Message::new(libc::RTM_NEWLINK, 0, &link(index, up, up)))
    }

    /// Moves a link to another namespace and gives it its name there.
    ///
    /// # Errors
    /// `EEXIST` when the name is taken there: the link may have moved under its old name then. `EINVAL` for links that
    /// cannot move, such as `lo`.
    pub fn move_link(&self, index: u32, namespace: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        let there = namespace.as_raw_fd().to_ne_bytes();
        let change = Message::new(libc::RTM_NEWLINK, 0, &link(index, 0, 0));
        self.tell(change.with(libc::IFLA_NET_NS_FD, &there).with(libc::IFLA_IFNAME, message::text(name)))
    }

    /// Removes a link; of a pair both ends go.
    ///
    /// # Errors
    /// Of the kernel.
    pub fn remove_link(&self, index: u32) -> Result<()> {
        self.tell(Message::new(libc::RTM_DELLINK, 0, &link(index, 0, 0)))
    }

    /// The addresses of a link.
    ///
    /// # Errors
    /// Of the kernel.
    pub fn addresses(&self, index: u32) -> Result<Vec<Address>> {
        let all = Message::new(libc::RTM_GETADDR, libc::NLM_F_DUMP, &[0; 8]);
        let of_link = |answer: &Vec<u8>| message::u32_at(answer, 4) == Some(index);
        Ok(self
            .ask(all)?
            .iter()
            .filter(|answer| of_link(answer))
            .filter_map(|answer| read_address(answer))
            .collect())
    }

    /// Gives a link an address.
    ///
    /// # Errors
    /// `EEXIST` when it has it.
    pub fn add_address(&self, index: u32, address: &Address) -> Result<()> {
        let flags = address.flags & KEPT;
        let mut structure = vec![address.family, address.prefix, 0, address.scope];
        structure.extend(index.to_ne_bytes());
        let add =
            Message::new(libc::RTM_NEWADDR, CREATE, &structure).with(libc::IFA_FLAGS, &flags.to_ne_bytes());
        self.tell(address.parts.iter().fold(add, |add, (kind, value)| add.with(*kind, value)))
    }

    /// Sends all that is not for a network of its own to an IPv4 neighbour, through a link.
    ///
    /// # Errors
    /// `ENETUNREACH` when the neighbour is in no network of a link that is up.
    pub fn add_default_route(&self, index: u32, gateway: Ipv4Addr) -> Result<()> {
        // `struct rtmsg`: family, two prefix lengths, type of service, table, protocol, scope, type, flags.
        let (table, protocol) = (libc::RT_TABLE_MAIN, libc::RTPROT_STATIC);
        let route =
            [libc::AF_INET as u8, 0, 0, 0, table, protocol, libc::RT_SCOPE_UNIVERSE, libc::RTN_UNICAST];
        let add = Message::new(libc::RTM_NEWROUTE, CREATE, &[&route[..], &[0; 4]].concat());
        self.tell(add.with(libc::RTA_GATEWAY, &gateway.octets()).with(libc::RTA_OIF, &index.to_ne_bytes()))
    }

    /// All things that a `RTM_GET…` is for, each as the kernel writes it.
    pub(crate) fn list(&self, kind: u16) -> Result<Vec<Vec<u8>>> {
        // The longest of the structures that go with such a question; all zero it means everything.
        self.ask(Message::new(kind, libc::NLM_F_DUMP, &[0; HEADER]))
    }

    /// Asks for something to be done.
    fn tell(&self, message: Message) -> Result<()> {
        self.ask(message).map(drop)
    }

    /// Sends a message and collects the bodies of its answers, up to the acknowledgement or the end of a list.
    fn ask(&self, message: Message) -> Result<Vec<Vec<u8>>> {
        let sequence = self.sequence.get().wrapping_add(1);
        self.sequence.set(sequence);
        let bytes = message.bytes(sequence);
        netlink::send(self.socket.as_fd(), &bytes)?;
        let mut answers = Vec::new();
        let mut buffer = vec![0; LARGEST_ANSWER];
        loop {
            let length = netlink::receive(self.socket.as_fd(), &mut buffer)?;
            let received = buffer.get(..length).ok_or(Errno::EMSGSIZE)?;
            for answer in message::messages(received).filter(|answer| answer.sequence == sequence) {
                if end(&answer)? {
                    return Ok(answers);
                }
                answers.push(answer.body.to_vec());
            }
        }
    }
}

/// Whether an answer is the last: an acknowledgement, or the end of a list. Both hold an error number.
fn end(answer: &Received<'_>) -> Result<bool> {
    if ![libc::NLMSG_ERROR, libc::NLMSG_DONE].contains(&i32::from(answer.kind)) {
        return Ok(false);
    }
    match message::u32_at(answer.body, 0).map(|code| code as i32) {
        None | Some(0) => Ok(true),
        Some(code) => Err(Errno::new(-code)),
    }
}

/// Does something in a network namespace, in a thread of its own that ends with it.
///
/// # Errors
/// As in `setns(2)`, and those of `work`.
pub fn in_namespace<T: Send>(
    namespace: BorrowedFd<'_>,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    std::thread::scope(|scope| {
        let inside = || {
            namespace::setns(namespace, libc::CLONE_NEWNET as u64)?;
            work()
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, inside).map_err(|_| Errno::EAGAIN)?;
        thread.join().unwrap_or(Err(Errno::ECANCELED))
    })
}

/// `struct ifinfomsg`: family, padding, type, index, flags, which of the flags are meant.
fn link(index: u32, flags: u32, mask: u32) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    for (at, value) in [(4, index), (8, flags), (12, mask)] {
        if let Some(field) = bytes.get_mut(at..at + 4) {
            field.copy_from_slice(&value.to_ne_bytes());
        }
    }
    bytes
}

fn read_link(body: &[u8]) -> Option<Link> {
    let name = message::attributes(body.get(16..)?).find(|(kind, _)| *kind == libc::IFLA_IFNAME)?.1;
    let name = CStr::from_bytes_until_nul(name).ok()?.to_owned();
    let up = message::u32_at(body, 8)? & libc::IFF_UP as u32 != 0;
    Some(Link { index: message::u32_at(body, 4)?, name, up })
}

/// `struct ifaddrmsg`: family, prefix, flags, scope, index.
fn read_address(body: &[u8]) -> Option<Address> {
    let [family, prefix, flags, scope] = *body.first_chunk()?;
    let mut address = Address { family, prefix, flags: u32::from(flags), scope, parts: Vec::new() };
    for (kind, value) in message::attributes(body.get(8..)?) {
        match kind {
            libc::IFA_FLAGS => address.flags = message::u32_at(value, 0)?,
            libc::IFA_ADDRESS | libc::IFA_LOCAL | libc::IFA_BROADCAST => {
                address.parts.push((kind, value.to_owned()));
            }
            // A label must begin with the link's name, which may change; the rest the kernel counts itself.
            _ => {}
        }
    }
    Some(address)
}
