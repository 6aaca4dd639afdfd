//! A port for an estate of its own.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Below the ports that systems hand out for outgoing connections: a service that is stopped for a moment must
/// get its port back, and no passing client may sit on it.
const RANGE: Range<u16> = 20_000..32_000;

/// Where this process is in the range: it begins anywhere, and never offers one port to two estates.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one("port") >> 1));

/// A port on the loopback address that nobody listens on.
///
/// # Errors
/// No port is left, or the system forbids listening.
pub fn free_port() -> std::io::Result<u16> {
    let width = u64::from(RANGE.end - RANGE.start);
    for _ in RANGE {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % width;
        let port = RANGE.start + offset as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_not_offered_and_none_is_offered_twice() {
        let first = free_port().unwrap();
        let (second, _held) = loop {
            let port = free_port().unwrap();
            if let Ok(held) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                break (port, held);
            }
        };
        NEXT.fetch_sub(1, Ordering::Relaxed);
        let third = free_port().unwrap();
        assert!(RANGE.contains(&first) && first != second && third != second);
    }
}
