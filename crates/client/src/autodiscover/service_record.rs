//! The DNS SRV record of Autodiscover, `_autodiscover._tcp.DOMAIN` (RFC 2782): a domain without a web server of its own says
//! there which host answers for it.
//!
//! Nobody vouches for what DNS says, so a host outside the domain gets the password only if the caller confirms it, and TLS
//! has to prove its name in any case. The question goes over UDP from a port and with a number that cannot be guessed, and
//! over TCP when the answer is too long.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

/// How long a name server may take; then the next one is asked.
const PATIENCE: Duration = Duration::from_secs(3);
/// Name servers that are asked; systems name three at most.
const MOST_NAME_SERVERS: usize = 3;
/// Bytes of an answer over UDP without extensions (RFC 1035 section 4.2.1), with room for servers that send more.
const MOST_UDP: usize = 4096;
/// Where Unix systems write their name servers down.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// A host that answers for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceRecord {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The name that is asked for.
pub(super) fn name_of(domain: &str) -> String {
    format!("_autodiscover._tcp.{}", domain.trim_end_matches('.'))
}

/// Asks the name servers, one after the other, until one answers. `None` when there is no record; the sentence of an error
/// says why nobody knows.
pub(super) async fn look_up(
    domain: &str,
    name_servers: Option<&[SocketAddr]>,
) -> Result<Option<ServiceRecord>, String> {
    let own;
    let name_servers = match name_servers {
        Some(name_servers) => name_servers,
        None => {
            own = of_this_system();
            own.as_slice()
        }
    };
    let mut why = "no name server is known".to_owned();
    for name_server in name_servers.iter().take(MOST_NAME_SERVERS) {
        match tokio::time::timeout(PATIENCE, ask(*name_server, &name_of(domain))).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => why = format!("the name server {name_server}: {error}"),
            Err(_) => why = format!("the name server {name_server} did not answer within {} s", PATIENCE.as_secs()),
        }
    }
    Err(why)
}

/// The name servers of `/etc/resolv.conf`; other systems do not say.
fn of_this_system() -> Vec<SocketAddr> {
    std::fs::read_to_string(RESOLV_CONF).map(|text| written_in(&text)).unwrap_or_default()
}

fn written_in(text: &str) -> Vec<SocketAddr> {
    let words = text.lines().map(str::split_whitespace);
    let named = words.filter_map(|mut words| if words.next() == Some("nameserver") { words.next() } else { None });
    // `fe80::1%eth0` has the network's name behind the address.
    let addresses = named.filter_map(|text| text.split('%').next()?.parse::<IpAddr>().ok());
    addresses.map(|address| SocketAddr::new(address, 53)).collect()
}

async fn ask(name_server: SocketAddr, name: &str) -> Result<Option<ServiceRecord>, String> {
    let told = |error: io::Error| error.to_string();
    let mut number = [0; 2];
    let random = aws_lc_rs::default_provider().secure_random.fill(&mut number);
    random.map_err(|_| "there are no random numbers".to_owned())?;
    let id = u16::from_be_bytes(number);
    let question = question(id, name).ok_or("the domain is no name for DNS")?;
    let here = if name_server.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((here, 0)).await.map_err(told)?;
    // Datagrams of anybody else are not seen from here on.
    socket.connect(name_server).await.map_err(told)?;
    socket.send(&question).await.map_err(told)?;
    let mut buffer = vec![0; MOST_UDP];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(told)?;
        match read(buffer.get(..length).unwrap_or_default(), id, name) {
            Ok(Read::Record(found)) => return Ok(found),
            Ok(Read::Truncated) => break,
            // Perhaps a forgery: the real answer may follow.
            Ok(Read::NotOurs) => {}
            Err(why) => return Err(why),
        }
    }
    let mut stream = TcpStream::connect(name_server).await.map_err(told)?;
    let length = u16::try_from(question.len()).map_err(|_| "the question is too long".to_owned())?;
    stream.write_all(&[&length.to_be_bytes(), question.as_slice()].concat()).await.map_err(told)?;
    let length = stream.read_u16().await.map_err(told)?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(told)?;
    match read(&answer, id, name)? {
        Read::Record(found) => Ok(found),
        Read::Truncated | Read::NotOurs => Err("its answer is no answer to the question".to_owned()),
    }
}

fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(TYPE::SRV), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().ok()
}

/// What a datagram says.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Record(Option<ServiceRecord>),
    Truncated,
    NotOurs,
}

fn read(bytes: &[u8], id: u16, name: &str) -> Result<Read, String> {
    let Ok(packet) = Packet::parse(bytes) else { return Ok(Read::NotOurs) };
    let is_same = |question: &Question<'_>| question.qname.to_string().eq_ignore_ascii_case(name);
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) || !packet.questions.iter().any(is_same) {
        return Ok(Read::NotOurs);
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Ok(Read::Truncated);
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Ok(Read::Record(None)),
        other => return Err(format!("answers {other:?}")),
    }
    let records = packet.answers.iter().filter_map(|answer| match &answer.rdata {
        RData::SRV(record) => Some(record),
        _ => None,
    });
    // The lowest priority; of those the greatest weight. One host is enough: it is asked once in the life of an account.
    let best = records.min_by_key(|record| (record.priority, core::cmp::Reverse(record.weight)));
    let found = best.map(|record| ServiceRecord { host: record.target.to_string(), port: record.port });
    // A lone dot says that there is no such service (RFC 2782).
    Ok(Read::Record(found.filter(|found| !found.host.trim_end_matches('.').is_empty() && found.port != 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_servers_of_a_system_are_read_and_the_rest_is_skipped() {
        let text = "# of the provider\nsearch example.com\nnameserver 192.0.2.1\n nameserver fe80::1%eth0\nnameserver x\noptions edns0\n";
        let expected: [SocketAddr; 2] = ["192.0.2.1:53".parse().unwrap(), "[fe80::1]:53".parse().unwrap()];
        assert_eq!(written_in(text), expected);
    }

    /// An answer to the question 0x1234 for `_autodiscover._tcp.example.com`, with these flags and records.
    fn answer(flags: u16, records: &[(u16, u16, u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34];
        bytes.extend(flags.to_be_bytes());
        bytes.extend([0, 1, 0, u8::try_from(records.len()).unwrap(), 0, 0, 0, 0]);
        bytes.extend(b"\x0D_autodiscover\x04_tcp\x07example\x03com\x00\x00\x21\x00\x01");
        for (priority, weight, port, target) in records {
            bytes.extend(b"\xC0\x0C\x00\x21\x00\x01\x00\x00\x0E\x10");
            bytes.extend(u16::try_from(6 + target.len()).unwrap().to_be_bytes());
            for number in [priority, weight, port] {
                bytes.extend(number.to_be_bytes());
            }
            bytes.extend(*target);
        }
        bytes
    }

    const NAME: &str = "_autodiscover._tcp.example.com";

    #[test]
    fn the_lowest_priority_and_then_the_greatest_weight_counts() {
        let records: [(u16, u16, u16, &[u8]); 3] = [
            (10, 5, 443, b"\x01a\x07example\x03com\x00"),
            (5, 1, 443, b"\x01b\x07example\x03com\x00"),
            (5, 9, 8443, b"\x01c\x07example\x03com\x00"),
        ];
        let expected = ServiceRecord { host: "c.example.com".to_owned(), port: 8443 };
        assert_eq!(read(&answer(0x8180, &records), 0x1234, NAME), Ok(Read::Record(Some(expected))));
    }

    #[test]
    fn what_is_no_record_is_told_apart() {
        let record: [(u16, u16, u16, &[u8]); 1] = [(0, 0, 443, b"\x00")];
        assert_eq!(read(&answer(0x8180, &record), 0x1234, NAME), Ok(Read::Record(None)), "a lone dot");
        assert_eq!(read(&answer(0x8180, &[]), 0x1234, NAME), Ok(Read::Record(None)));
        assert_eq!(read(&answer(0x8183, &[]), 0x1234, NAME), Ok(Read::Record(None)), "no such name");
        assert!(read(&answer(0x8182, &[]), 0x1234, NAME).unwrap_err().contains("ServerFailure"));
        assert_eq!(read(&answer(0x8380, &[]), 0x1234, NAME), Ok(Read::Truncated));
        assert_eq!(read(&answer(0x8180, &record), 0x4321, NAME), Ok(Read::NotOurs), "another number");
        assert_eq!(read(&answer(0x8180, &record), 0x1234, "_autodiscover._tcp.example.org"), Ok(Read::NotOurs));
        assert_eq!(read(&answer(0x0100, &record), 0x1234, NAME), Ok(Read::NotOurs), "a question");
    }

    proptest::proptest! {
        #[test]
        fn no_datagram_makes_the_reader_panic(bytes in proptest::collection::vec(0_u8.., 0..80), cut in 0_usize..90) {
            let _ = read(&bytes, 0x1234, NAME);
            let whole = answer(0x8180, &[(0, 0, 443, b"\x01a\xC0\x0C")]);
            let mut damaged = whole[..cut.min(whole.len())].to_vec();
            damaged.extend(bytes);
            let _ = read(&damaged, 0x1234, NAME);
        }
    }
}
