//! The network namespace of the calling thread: links, and in a thorough look addresses, routes and rules; and unix
//! sockets.
//!
//! A link counts when it is none that software made (a moved device must come back) or when its name begins as the scope says;
//! an address when its link does, a route when it goes out by such a link. Rules have no owner: they count where nobody else
//! is at work. A socket counts when its name concerns the scope. Not looked at: nftables.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Kind;
use super::look::Look;
use crate::network::Connection;
use crate::network::message::{attributes, u32_at};

/// `if_link.h`: the kind of a link, within `IFLA_LINKINFO`.
const INFO_KIND: u16 = 1;

pub(super) fn look(look: &mut Look<'_>) {
    sockets(look);
    let Some(connection) = look.called("a netlink socket", Connection::new()) else { return };
    let list = |look: &mut Look<'_>, what, kind| look.called(what, connection.list(kind)).unwrap_or_default();
    let mut links = BTreeMap::new();
    for body in list(look, "network links", libc::RTM_GETLINK) {
        if let Some((index, name, up)) = link(&body).filter(|(_, name, _)| counts(look, &body, name)) {
            look.saw(Kind::Network, format!("link {name}"), format!("number {index}, {up}"));
            links.insert(index, name);
        }
    }
    if !look.scope.thorough {
        return;
    }
    for body in list(look, "network addresses", libc::RTM_GETADDR) {
        if let Some((index, address)) = address(&body)
            && let Some(name) = links.get(&index)
        {
            look.saw(Kind::Network, format!("address {address} of {name}"), "");
        }
    }
    for body in list(look, "network routes", libc::RTM_GETROUTE) {
        if let Some((index, route)) = route(&body)
            && let Some(name) = links.get(&index)
        {
            look.saw(Kind::Network, format!("route {route} by {name}"), "");
        }
    }
    if look.scope.alone {
        for body in list(look, "network rules", libc::RTM_GETRULE) {
            look.saw(Kind::Network, format!("rule {}", hex(&body)), "");
        }
    }
}

/// `proc_net(5)`: the name is the last field, and an abstract one begins with `@`.
fn sockets(look: &mut Look<'_>) {
    let text = look.read("/proc/thread-self/net/unix").unwrap_or_default();
    for line in text.lines().skip(1) {
        let mut fields = line.split_whitespace().skip(6);
        let (Some(inode), Some(name)) = (fields.next(), fields.next()) else { continue };
        if look.scope.concerns(name) {
            look.saw(Kind::Network, format!("socket {name} ({inode})"), "");
        }
    }
}

fn counts(look: &Look<'_>, body: &[u8], name: &str) -> bool {
    let info = attribute(body, 16, libc::IFLA_LINKINFO);
    let made = info.is_some_and(|info| attributes(info).any(|(kind, _)| kind == INFO_KIND));
    look.scope.alone || !made || look.scope.links.iter().any(|prefix| name.starts_with(prefix.as_str()))
}

/// `struct ifinfomsg`: index at 4, flags at 8, attributes at 16.
fn link(body: &[u8]) -> Option<(u32, String, &'static str)> {
    let name = CStr::from_bytes_until_nul(attribute(body, 16, libc::IFLA_IFNAME)?).ok()?;
    let up = if u32_at(body, 8)? & libc::IFF_UP as u32 == 0 { "down" } else { "up" };
    Some((u32_at(body, 4)?, name.to_string_lossy().into_owned(), up))
}

/// `struct ifaddrmsg`: length of the prefix at 1, index at 4, attributes at 8.
fn address(body: &[u8]) -> Option<(u32, String)> {
    let address = attribute(body, 8, libc::IFA_LOCAL).or_else(|| attribute(body, 8, libc::IFA_ADDRESS))?;
    Some((u32_at(body, 4)?, format!("{}/{}", spelled(address), body.get(1)?)))
}

/// `struct rtmsg`: length of the destination's prefix at 1, table at 4, attributes at 12.
fn route(body: &[u8]) -> Option<(u32, String)> {
    let index = u32_at(attribute(body, 12, libc::RTA_OIF)?, 0)?;
    let to = attribute(body, 12, libc::RTA_DST).map_or("default".to_owned(), spelled);
    let table = attribute(body, 12, libc::RTA_TABLE).and_then(|table| u32_at(table, 0));
    Some((index, format!("to {to}/{} in table {}", body.get(1)?, table.unwrap_or_default())))
}

fn attribute(body: &[u8], start: usize, wanted: u16) -> Option<&[u8]> {
    attributes(body.get(start..)?).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

fn spelled(address: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(address) {
        return Ipv4Addr::from(four).to_string();
    }
    <[u8; 16]>::try_from(address).map_or_else(|_| hex(address), |bytes| Ipv6Addr::from(bytes).to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
