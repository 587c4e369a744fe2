//! The one table of what the gateway changes in a request and in an answer. What is not in it goes on byte for byte.
//!
//! The headers of a request are written anew, one after the other: a row says what becomes of a header, looking at what came
//! and never at what another row made of it. Those of an answer are changed where they are. Rows marked `always` are what any
//! proxy has to do and happen in `observe` too; the others happen in `replace` only.

mod becomes;

use std::borrow::Cow;
use std::sync::LazyLock;

use asprov_protocol::http::Call;
use asprov_protocol::http::headers::{MS_AS_ACCEPT_MULTIPART, MS_AS_PROTOCOL_VERSION, X_MS_POLICY_KEY};
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue};

use self::becomes::Becomes;
use super::options;
use crate::connection::network::Connection;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the device to the upstream.
    Request,
    /// From the upstream to the device.
    Answer,
}

/// One row of [`REWRITTEN`].
#[derive(Clone, Copy, Debug)]
pub struct Rewrite {
    /// Which way.
    pub direction: Direction,
    /// The header, or what it is about.
    pub name: &'static str,
    /// What becomes of it.
    pub becomes: &'static str,
    /// Whether it happens in `observe` too.
    pub always: bool,
    how: How,
}

/// How a row is applied.
#[derive(Clone, Copy, Debug)]
enum How {
    /// What Connection names goes, and what belongs to one connection.
    EndToEnd,
    /// These headers go.
    Remove(Which),
    /// What becomes of the header of a request that has the row's name.
    Becomes(Value),
    /// What this does to an answer that has the header.
    Answer(Change),
    /// It is no header: another file does it.
    Elsewhere,
}

/// Changes the headers of an answer.
type Change = fn(&mut HeaderMap);

/// What becomes of a header of a request, by what came.
type Value = fn(&HeaderMap, &Arrival<'_>) -> Becomes;

/// How the headers of a request are written anew.
pub(crate) struct Rewriting<'a> {
    pub(crate) arrival: Arrival<'a>,
    /// Whether the rows that are not marked `always` apply.
    pub(crate) replace: bool,
}

/// What is known about a request that goes on, besides its headers.
pub(crate) struct Arrival<'a> {
    /// The connection it came on.
    pub(crate) connection: Option<Connection>,
    /// The address of the other end, as it is written in headers.
    pub(crate) client: Option<HeaderValue>,
    /// Whether the other end is a trusted proxy.
    pub(crate) trusted: bool,
    /// The host the client asked for.
    pub(crate) host: Option<HeaderValue>,
    /// The host of the upstream.
    pub(crate) upstream: &'a HeaderValue,
    /// The header by which a trusted proxy says which groups a user is in.
    pub(crate) groups: Option<&'a HeaderName>,
    /// The command, where there is one.
    pub(crate) call: Option<&'a Call>,
}

/// Headers that go.
#[derive(Clone, Copy, Debug)]
enum Which {
    /// Those of these names, in lower case.
    Named(&'static [&'static str]),
    /// X-Forwarded-* but for what the gateway writes itself, and X-Real-IP, unless a trusted proxy sent it.
    OtherForwarded,
    /// What a proxy says to asprov is not for the upstream; what a client says under that name would be taken for the proxy's.
    ForGroups,
    /// Those with `_` in their names.
    WithUnderscore,
}

/// Headers that belong to one connection (RFC 9110, 7.6.1), and those for a proxy itself. `close` is none, but Connection lists
/// it as if it were.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "close",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Headers with which a client could make a server behind read another request than asprov did.
const OVERRIDES: &[&str] =
    &["x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override", "x-method-override", "proxy"];

/// What the gateway rewrites.
#[rustfmt::skip]
pub static REWRITTEN: &[Rewrite] = {
    use Direction::{Answer, Request};
    const fn row(direction: Direction, always: bool, name: &'static str, becomes: &'static str, how: How) -> Rewrite {
        Rewrite { direction, name, becomes, always, how }
    }
    &[
        row(Request, true, "Connection", "removed, with every header it names and those that belong to one connection", How::EndToEnd),
        row(Request, true, "Cookie", "several lines become one, as HTTP/1.1 has it", How::Becomes(|headers, _| becomes::one_cookie(headers))),
        row(Request, true, "X-Forwarded-For", "the client's address; after those a trusted proxy wrote", How::Becomes(becomes::forwarded_for)),
        row(Request, true, "X-Forwarded-Proto", "`https` or `http`, unless a trusted proxy wrote it", How::Becomes(becomes::forwarded_proto)),
        row(Request, true, "X-Forwarded-Host", "the host the client asked for, unless a trusted proxy wrote it", How::Becomes(becomes::forwarded_host)),
        row(Request, true, "Forwarded", "the same three in one header, after what a trusted proxy wrote", How::Becomes(becomes::forwarded)),
        row(Request, true, "Host", "the upstream's", How::Becomes(|_, arrival| Becomes::This(arrival.upstream.clone()))),
        row(Request, false, "X-Forwarded-*", "any other and X-Real-IP are removed, unless the client is a trusted proxy", How::Remove(Which::OtherForwarded)),
        row(Request, false, "groups_header", "the header configured under this name is removed, whoever sent it: it was for asprov", How::Remove(Which::ForGroups)),
        row(Request, false, "X-Original-URL", "removed, with X-Rewrite-URL, X-HTTP-Method-Override and their like", How::Remove(Which::Named(OVERRIDES))),
        row(Request, false, "names with _", "removed: to many servers `X_MS_PolicyKey` is X-MS-PolicyKey", How::Remove(Which::WithUnderscore)),
        row(Request, false, "Authorization", "written in its usual form, when it was not", How::Becomes(|headers, _| becomes::authorization(headers))),
        row(Request, false, "MS-ASProtocolVersion", "written once; removed when a base64 query says something else", How::Becomes(becomes::protocol_version)),
        row(Request, false, "X-MS-PolicyKey", "removed: the key is asprov's own", How::Remove(Which::Named(&["x-ms-policykey"]))),
        row(Request, false, "base64 query", "written anew from what was read, without the policy key", How::Elsewhere),
        row(Request, false, "plain query", "unchanged; written anew from what was read if it has several readings", How::Elsewhere),
        row(Answer, true, "Connection", "removed, with every header it names and those that belong to one connection", How::EndToEnd),
        row(Answer, false, "MS-ASProtocolVersions", "cut to the versions that asprov knows", How::Answer(options::cut_versions)),
        row(Answer, false, "MS-ASProtocolCommands", "always lists Provision", How::Answer(options::list_provision)),
        row(Answer, false, "X-MS-Location", "removed: the gateway follows it itself", How::Remove(Which::Named(&["x-ms-location"]))),
        row(Answer, false, "Request-Id", "asprov's own number of the request, as in its log, when the upstream gave none", How::Elsewhere),
    ]
};

/// The rows, ready to be applied.
#[derive(Default)]
struct Rules {
    /// Headers of a request of which something becomes.
    becomes: Vec<(HeaderName, Value)>,
    /// What is done to an answer that has a header of that name.
    changes: Vec<Change>,
    /// Whatever has a fate by its name, by the length of the name, which tells almost all of them apart.
    named: Vec<Vec<(HeaderName, Fate)>>,
    without_other_forwarded: bool,
    without_groups: bool,
    without_underscore: bool,
}

/// What becomes of a header by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    GoesOn,
    Gone,
    /// What this place says in the list of its direction: `becomes` of requests, `changes` of answers.
    Becomes(usize),
}

/// The rules of a direction: the first of those that apply always, the second of `replace`.
static OF_REQUESTS: LazyLock<[Rules; 2]> =
    LazyLock::new(|| [false, true].map(|replace| rules(Direction::Request, replace)));
static OF_ANSWERS: LazyLock<[Rules; 2]> =
    LazyLock::new(|| [false, true].map(|replace| rules(Direction::Answer, replace)));

fn rules(direction: Direction, replace: bool) -> Rules {
    let mut rules = Rules::default();
    for row in rows(direction, replace) {
        match row.how {
            How::EndToEnd => rules.remove(HOP_BY_HOP),
            How::Remove(Which::Named(names)) => rules.remove(names),
            How::Remove(Which::OtherForwarded) => rules.without_other_forwarded = true,
            How::Remove(Which::ForGroups) => rules.without_groups = true,
            How::Remove(Which::WithUnderscore) => rules.without_underscore = true,
            How::Becomes(value) => {
                rules.name(row.name, Fate::Becomes(rules.becomes.len()));
                rules.becomes.extend(row.name.parse().map(|name| (name, value)));
            }
            How::Answer(change) => {
                rules.name(row.name, Fate::Becomes(rules.changes.len()));
                rules.changes.push(change);
            }
            How::Elsewhere => {}
        }
    }
    rules
}

fn rows(direction: Direction, replace: bool) -> impl Iterator<Item = &'static Rewrite> {
    REWRITTEN.iter().filter(move |row| row.direction == direction && (row.always || replace))
}

impl Rules {
    fn in_mode([always, in_replace]: &[Self; 2], replace: bool) -> &Self {
        if replace { in_replace } else { always }
    }

    fn remove(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.name(name, Fate::Gone));
    }

    fn name(&mut self, name: &str, fate: Fate) {
        if self.named.len() <= name.len() {
            self.named.resize(name.len() + 1, Vec::new());
        }
        let of_length = self.named.get_mut(name.len());
        if let (Some(of_length), Ok(name)) = (of_length, name.parse()) {
            of_length.push((name, fate));
        }
    }

    /// What becomes of a header of this name. `groups` is the header by which a proxy tells them.
    fn fate(&self, name: &HeaderName, trusted: bool, groups: Option<&HeaderName>) -> Fate {
        if self.without_groups && groups == Some(name) {
            return Fate::Gone;
        }
        let text = name.as_str();
        let of_length = self.named.get(text.len()).map(Vec::as_slice).unwrap_or_default();
        if let Some((_, fate)) = of_length.iter().find(|(named, _)| named == name) {
            return *fate;
        }
        let is_other_forwarded = || text == "x-real-ip" || text.starts_with("x-forwarded-");
        let goes = self.without_other_forwarded && !trusted && is_other_forwarded()
            || self.without_underscore && text.as_bytes().contains(&b'_');
        if goes { Fate::Gone } else { Fate::GoesOn }
    }
}

impl Rewriting<'_> {
    /// Writes the headers that go on, in the order in which they came; new ones are behind them.
    pub(crate) fn write(&self, headers: &HeaderMap, mut write: impl FnMut(&HeaderName, &HeaderValue)) {
        let rules = Rules::in_mode(&OF_REQUESTS, self.replace);
        let fate = |name| rules.fate(name, self.arrival.trusted, self.arrival.groups);
        let headers = &*without_listed(headers);
        let mut becomes: Vec<Becomes> = rules.becomes.iter().map(|(_, value)| value(headers, &self.arrival)).collect();
        for (name, came) in headers {
            let place = match fate(name) {
                Fate::GoesOn => {
                    write(name, came);
                    continue;
                }
                Fate::Gone => continue,
                Fate::Becomes(place) => place,
            };
            match becomes.get_mut(place) {
                Some(Becomes::AsItCame) => write(name, came),
                Some(Becomes::Gone) | None => {}
                Some(this) => {
                    if let Becomes::This(value) = std::mem::replace(this, Becomes::Gone) {
                        write(name, &value);
                    }
                }
            }
        }
        for ((name, _), becomes) in rules.becomes.iter().zip(becomes) {
            if let Becomes::This(value) = becomes
                && fate(name) != Fate::Gone
            {
                write(name, &value);
            }
        }
    }

    /// The same, as a map.
    pub(crate) fn applied_to(&self, headers: &HeaderMap) -> HeaderMap {
        let mut written = HeaderMap::with_capacity(headers.len() + 4);
        self.write(headers, |name, value| {
            written.append(name, value.clone());
        });
        written
    }
}

/// Applies the rows for an answer.
pub(crate) fn rewrite_answer(headers: &mut HeaderMap, replace: bool) {
    for name in listed_in_connection(headers) {
        headers.remove(name);
    }
    // To look at the dozen names that are there is cheaper than to look for each that may be.
    let rules = Rules::in_mode(&OF_ANSWERS, replace);
    let (mut gone, mut changes): (Vec<HeaderName>, Vec<&Change>) = (Vec::new(), Vec::new());
    for name in headers.keys() {
        match rules.fate(name, false, None) {
            Fate::GoesOn => {}
            Fate::Gone => gone.push(name.clone()),
            Fate::Becomes(place) => changes.extend(rules.changes.get(place)),
        }
    }
    changes.into_iter().for_each(|change| change(headers));
    for name in gone {
        headers.remove(name);
    }
}

/// The names that Connection lists, but for those that go without being listed.
pub(super) fn listed_in_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
    // Almost every line says one of these, and lists nothing.
    let lines = lines.filter(|line| !["keep-alive", "close"].iter().any(|usual| line.eq_ignore_ascii_case(usual)));
    let names = lines.flat_map(|line| line.split(',')).map(str::trim);
    let others = names.filter(|name| !HOP_BY_HOP.iter().any(|known| known.eq_ignore_ascii_case(name)));
    others.filter_map(|name| name.parse().ok()).collect()
}

/// The headers but for those that Connection lists.
fn without_listed(headers: &HeaderMap) -> Cow<'_, HeaderMap> {
    let listed = listed_in_connection(headers);
    if listed.is_empty() {
        return Cow::Borrowed(headers);
    }
    let mut others = headers.clone();
    for name in listed {
        others.remove(name);
    }
    Cow::Owned(others)
}

/// Headers that asprov or the upstream judges a request by; Connection has no business naming them.
pub(super) const JUDGED: [&str; 9] = [
    "authorization",
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "cookie",
    MS_AS_PROTOCOL_VERSION,
    MS_AS_ACCEPT_MULTIPART,
    X_MS_POLICY_KEY,
];

#[cfg(test)]
mod tests;
