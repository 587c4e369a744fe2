//! Autodiscover ([MS-ASCMD] 2.2.1.1 and the JSON form of it): from an address to its server.
//!
//! The JSON form is asked first, at each host: it needs no credentials. Then the XML form, which does. What protects the
//! password on the way:
//!
//! - It goes only over verified TLS, and only to hosts at or below the address's own domain, or to a host that the caller
//!   has confirmed. [`Autodiscover::on_host`] is told before it goes anywhere.
//! - The domain is taken as it is: nobody asks `example.com` about `ann@mail.example.com`.
//! - At most three redirects are followed, none of them to plain HTTP.
//!
//! The one request in clear, to `http://autodiscover.DOMAIN`, carries nothing but the name of the host; where its redirect
//! leads is for the caller to confirm. Last of all DNS is asked for a SRV record; the host it names
//! outside the domain is for the caller to confirm too.

mod json;
mod mail_address;
mod pox;
mod service_record;

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Method, Request};
use http_body_util::Full;

pub use self::mail_address::{MailAddress, NoMailAddress};
use crate::address::Address;
use crate::credentials::Credentials;
use crate::error::TransportError;
use crate::wire::{Answer, TransportSettings, Wire};

/// Most redirects from the first request to the answer.
const REDIRECTS: u32 = 3;
const XML_PATH: &str = "/autodiscover/autodiscover.xml";

/// Looks for the server of an address.
pub struct Autodiscover {
    wire: Wire,
    credentials: Option<Credentials>,
    on_host: Decision,
    name_servers: Option<Vec<SocketAddr>>,
    /// Whether names are looked up by a proxy, since connections go through one.
    behind_proxy: bool,
}

/// Whether a host may have the credentials; the second argument is whether it is below the address's own domain.
type Decision = Box<dyn FnMut(&Address, bool) -> bool + Send>;

/// The server of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// Where it is.
    pub address: Address,
    /// Who said so.
    pub source: String,
    /// Whether it is at or below the domain of the address. If not, whoever is about to send credentials there should
    /// ask.
    pub is_own_domain: bool,
}

/// What was tried, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The URL.
    pub url: String,
    /// What came of it, in words.
    pub result: String,
}

/// No server was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("autodiscover found no server for this address; {} places were asked", .attempts.len())]
pub struct NotFound {
    /// What was tried, in its order.
    pub attempts: Vec<Attempt>,
    /// The HTTP status that ends the search for the user: 401, 456 or 457.
    pub status: Option<u16>,
    /// Beside 457: where the password is changed, as the server says it (X-MS-Credential-Service-Url).
    pub url: Option<String>,
}

/// What an answer leads to.
enum Answered {
    Found(Address, String),
    Nothing(String),
    /// The user has to do something; asking elsewhere would not help.
    Stop {
        status: u16,
        result: String,
        url: Option<String>,
    },
    Redirect(String),
    OtherAddress(MailAddress),
}

impl Autodiscover {
    /// Makes ready. Without credentials only the JSON form is asked.
    ///
    /// # Errors
    /// When the trusted certificates cannot be read.
    pub fn new(credentials: Option<Credentials>, settings: &TransportSettings) -> Result<Self, TransportError> {
        Ok(Self {
            wire: Wire::new(settings)?,
            credentials,
            on_host: Box::new(|_, is_own_domain| is_own_domain),
            name_servers: None,
            behind_proxy: settings.proxies.is_any_used(),
        })
    }

    /// Asks these name servers for SRV records; with none nobody is asked. Without this it is those of `/etc/resolv.conf`.
    #[must_use]
    pub fn name_servers(self, name_servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { name_servers: Some(name_servers.into_iter().collect()), ..self }
    }

    /// Is told each host that is about to get the credentials, and whether it is at or below the address's own domain, and
    /// decides. Without this, hosts of the own domain get them and no others.
    #[must_use]
    pub fn on_host(mut self, decide: impl FnMut(&Address, bool) -> bool + Send + 'static) -> Self {
        self.on_host = Box::new(decide);
        self
    }

    /// Looks for the server of an address.
    ///
    /// # Errors
    /// When it is not found; what was tried is in the error.
    pub async fn find(&mut self, address: &MailAddress) -> Result<Discovered, NotFound> {
        let own_domain = address.domain().to_owned();
        let mut address = address.clone();
        let mut attempts = Vec::new();
        let mut redirects = 0;
        loop {
            match self.find_once(&address, &own_domain, &mut redirects, &mut attempts).await {
                Found::Server(server, source) => {
                    let is_own_domain = server.is_below(&own_domain);
                    return Ok(Discovered { address: server, source, is_own_domain });
                }
                Found::Elsewhere(other) => address = other,
                Found::Nothing => return Err(NotFound { attempts, status: None, url: None }),
                Found::Stop(status, url) => return Err(NotFound { attempts, status: Some(status), url }),
            }
        }
    }

    async fn find_once(
        &mut self,
        address: &MailAddress,
        own_domain: &str,
        redirects: &mut u32,
        attempts: &mut Vec<Attempt>,
    ) -> Found {
        let domain = address.domain();
        let json_path = json::path(address);
        let hosts = [format!("https://autodiscover.{domain}"), format!("https://{domain}")];
        let mut places: Vec<(String, Form)> =
            hosts.iter().map(|host| (format!("{host}{json_path}"), Form::Json)).collect();
        if self.credentials.is_some() {
            places.extend(hosts.iter().rev().map(|host| (format!("{host}{XML_PATH}"), Form::Xml)));
            places.push((format!("http://autodiscover.{domain}{XML_PATH}"), Form::RedirectInClear));
        }
        if let Some(found) = self.try_places(places, address, own_domain, redirects, attempts).await {
            return found;
        }
        let Some(host) = self.service_record(domain, attempts).await else { return Found::Nothing };
        let mut places = vec![(format!("{host}{json_path}"), Form::Json)];
        if self.credentials.is_some() {
            places.push((format!("{host}{XML_PATH}"), Form::Xml));
        }
        let found = self.try_places(places, address, own_domain, redirects, attempts).await;
        found.unwrap_or(Found::Nothing)
    }

    /// The host of the SRV record, as the beginning of a URL.
    async fn service_record(&self, domain: &str, attempts: &mut Vec<Attempt>) -> Option<String> {
        let looked_up = if self.behind_proxy {
            Err("not asked: connections go through a proxy, which looks names up itself".to_owned())
        } else {
            service_record::look_up(domain, self.name_servers.as_deref()).await
        };
        let (host, result) = match looked_up {
            Ok(Some(record)) => {
                let host = format!("https://{}:{}", record.host.trim_end_matches('.'), record.port);
                let result = format!("names {}", shown(&host));
                (Some(host), result)
            }
            Ok(None) => (None, "there is none".to_owned()),
            Err(why) => (None, why),
        };
        attempts.push(Attempt { url: format!("DNS SRV {}", service_record::name_of(domain)), result });
        host
    }

    /// Asks one place after the other; `None` when nobody knows.
    async fn try_places(
        &mut self,
        places: Vec<(String, Form)>,
        address: &MailAddress,
        own_domain: &str,
        redirects: &mut u32,
        attempts: &mut Vec<Attempt>,
    ) -> Option<Found> {
        for (mut url, mut form) in places {
            loop {
                let answered = self.ask(&url, form, address, own_domain).await;
                let mut note = |result: String| attempts.push(Attempt { url: url.clone(), result });
                match answered {
                    Answered::Found(server, result) => {
                        note(result);
                        return Some(Found::Server(server, url));
                    }
                    Answered::Nothing(result) => {
                        note(result);
                        break;
                    }
                    Answered::Stop { status, result, url } => {
                        note(result);
                        return Some(Found::Stop(status, url));
                    }
                    Answered::Redirect(location) => {
                        *redirects += 1;
                        if *redirects > REDIRECTS {
                            note(format!("a redirect too many, at most {REDIRECTS} are followed"));
                            return Some(Found::Nothing);
                        }
                        note(format!("redirects to {}", shown(&location)));
                        url = location;
                        if form == Form::RedirectInClear {
                            form = Form::Xml;
                        }
                    }
                    Answered::OtherAddress(other) => {
                        *redirects += 1;
                        note(format!("says that the address is {}", shown(other.as_str())));
                        if *redirects > REDIRECTS {
                            return Some(Found::Nothing);
                        }
                        return Some(Found::Elsewhere(other));
                    }
                }
            }
        }
        None
    }

    async fn ask(&mut self, url: &str, form: Form, address: &MailAddress, own_domain: &str) -> Answered {
        let (host, uri) = match endpoint(url) {
            Ok(endpoint) => endpoint,
            Err(why) => return Answered::Nothing(format!("is not followed: {why}")),
        };
        if !host.is_tls() && form != Form::RedirectInClear && !host.is_this_machine() {
            return Answered::Nothing("is not followed: it is not encrypted".to_owned());
        }
        let mut request = Request::builder().uri(uri);
        let mut body = Bytes::new();
        if form == Form::Xml {
            let Some(credentials) = &self.credentials else {
                return Answered::Nothing("needs credentials".to_owned());
            };
            if !(self.on_host)(&host, host.is_below(own_domain)) {
                return Answered::Nothing("not asked: this host may not have the credentials".to_owned());
            }
            request = request.method(Method::POST).header(AUTHORIZATION, credentials.header());
            request = request.header(CONTENT_TYPE, "text/xml");
            body = pox::request(address).into();
        }
        let request = match request.body(Full::new(body)) {
            Ok(request) => request,
            Err(error) => return Answered::Nothing(error.to_string()),
        };
        match self.wire.exchange(&host.to_string(), request).await {
            Err(error) => Answered::Nothing(error.to_string()),
            Ok(answer) => read(&answer, form),
        }
    }
}

enum Found {
    Server(Address, String),
    Elsewhere(MailAddress),
    Nothing,
    Stop(u16, Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Xml,
    /// Nothing but a redirect is taken from it.
    RedirectInClear,
}

fn read(answer: &Answer, form: Form) -> Answered {
    let location = || Some(answer.headers.get(LOCATION)?.to_str().ok()?.to_owned());
    match (answer.status, form) {
        (301 | 302 | 303 | 307 | 308, _) => match location() {
            Some(location) => Answered::Redirect(location),
            None => Answered::Nothing(format!("HTTP {} without Location", answer.status)),
        },
        (451, _) => match answer.headers.get(asprov_protocol::http::headers::X_MS_LOCATION).map(|value| value.to_str())
        {
            Some(Ok(location)) => Answered::Redirect(location.to_owned()),
            _ => Answered::Nothing("HTTP 451 without X-MS-Location".to_owned()),
        },
        (_, Form::RedirectInClear) => Answered::Nothing(format!("HTTP {}, no redirect", answer.status)),
        (200, Form::Json) => json::read(&answer.body),
        (200, Form::Xml) => pox::read(&answer.body),
        (401, Form::Xml) => stop(401, "HTTP 401: the credentials are refused", None),
        (456, _) => stop(456, "HTTP 456: the account is blocked", None),
        (457, _) => {
            let url = answer.headers.get(asprov_protocol::http::headers::X_MS_CREDENTIAL_SERVICE_URL);
            let url = url.and_then(|url| url.to_str().ok()).map(str::to_owned);
            stop(457, "HTTP 457: the password has expired", url)
        }
        (status, _) => Answered::Nothing(format!("HTTP {status}")),
    }
}

fn stop(status: u16, result: &str, url: Option<String>) -> Answered {
    Answered::Stop { status, result: result.to_owned(), url }
}

/// The host and the whole of a URL.
fn endpoint(url: &str) -> Result<(Address, http::Uri), String> {
    let uri: http::Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("it is no URL".to_owned());
    };
    let host =
        Address::parse_allowing_plain_http(&format!("{scheme}://{authority}")).map_err(|error| error.to_string())?;
    Ok((host, uri))
}

/// The server that an answer names.
fn server(url: &str, what: &str) -> Answered {
    // The path is written in many cases, and is always the same one.
    let origin =
        endpoint(url).and_then(|(host, _)| Address::parse(&host.to_string()).map_err(|error| error.to_string()));
    match origin {
        Ok(address) => {
            let result = format!("{what} names {address}");
            Answered::Found(address, result)
        }
        Err(why) => Answered::Nothing(format!("{what} names {}: {why}", shown(url))),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

impl fmt::Debug for Autodiscover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Autodiscover").field("with_credentials", &self.credentials.is_some()).finish_non_exhaustive()
    }
}
