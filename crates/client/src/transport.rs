//! The server of one account: its address, the credentials for it, its cookies ([MS-ASHTTP]). Redirects are answers like
//! any other: nobody follows them here.

use std::fmt;

use asprov_protocol::client::OutgoingRequest;
use asprov_protocol::http::{Options, PATH, headers};
use asprov_protocol::version::ProtocolVersion;
use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, DATE, HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request};
use http_body_util::Full;

use crate::address::Address;
use crate::cookies::Cookies;
use crate::credentials::Credentials;
use crate::error::TransportError;
use crate::unawaited;
use crate::wire::{Answer, TransportSettings, Wire};

/// A server, and the credentials for it.
#[derive(Clone)]
pub struct Transport {
    address: Address,
    credentials: Credentials,
    wire: Wire,
    settings: TransportSettings,
    cookies: Cookies,
}

/// What OPTIONS brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The highest version that both sides speak.
    pub version: ProtocolVersion,
    /// What the server says it knows. Without Provision among its commands there is nothing to provision.
    pub options: Options,
}

impl Transport {
    /// Makes ready; nothing is sent yet.
    ///
    /// # Errors
    /// When the trusted certificates cannot be read.
    pub fn new(
        address: Address,
        credentials: Credentials,
        settings: &TransportSettings,
    ) -> Result<Self, TransportError> {
        let (wire, settings) = (Wire::new(settings)?, settings.clone());
        Ok(Self { address, credentials, wire, settings, cookies: Cookies::default() })
    }

    /// The server.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Sends everything to another server from now on, the credentials included. Cookies stay behind.
    pub fn move_to(&mut self, address: Address) {
        self.address = address;
        self.cookies = Cookies::default();
    }

    /// Asks which versions and commands the server knows ([MS-ASHTTP] 2.2.3).
    ///
    /// # Errors
    /// When there is no answer, or none of an ActiveSync server.
    pub async fn options(&self) -> Result<Options, TransportError> {
        let answer = self.ask_options().await?;
        let address = || self.address.to_string();
        if answer.status != 200 {
            let headers = Box::new(beside(&answer.headers));
            return Err(TransportError::OptionsRefused { address: address(), status: answer.status, headers });
        }
        Options::parse(&answer.headers).map_err(|why| TransportError::Options { address: address(), why })
    }

    /// The answer to OPTIONS as it came, for those who want to know why it is none.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask_options(&self) -> Result<Answer, TransportError> {
        // [MS-ASPROV] 3.1.5.1 (R61103)
        self.exchange(Method::OPTIONS, PATH, &HeaderMap::new(), None).await
    }

    /// Asks with OPTIONS and takes the highest version that is in `own` too ([MS-ASHTTP] R254).
    ///
    /// # Errors
    /// As [`Transport::options`]; when there is no such version.
    pub async fn negotiate(&self, own: &[ProtocolVersion]) -> Result<Negotiated, TransportError> {
        let options = self.options().await?;
        match options.highest_common_version(own) {
            Some(version) => Ok(Negotiated { version, options }),
            None => Err(TransportError::NoCommonVersion {
                address: self.address.to_string(),
                theirs: listed(&options.versions),
                ours: listed(own),
            }),
        }
    }

    /// Sends a request of the client.
    ///
    /// # Errors
    /// When there is no answer; whatever the server answers is none.
    pub async fn send(&self, request: &OutgoingRequest) -> Result<Answer, TransportError> {
        let body = request.body().map(Bytes::copy_from_slice);
        self.exchange(Method::POST, &request.path_and_query(), request.headers(), body).await
    }

    /// Sends a request of the client whose answer is not awaited ([`OutgoingRequest::answer_awaited`]): returns when the
    /// request is written.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn send_unawaited(&self, request: &OutgoingRequest) -> Result<(), TransportError> {
        let body = request.body().map(Bytes::copy_from_slice).unwrap_or_default();
        let request = self.signed(Method::POST, &request.path_and_query(), request.headers(), body)?;
        unawaited::send(&self.settings, &self.address.to_string(), request).await
    }

    async fn exchange(
        &self,
        method: Method,
        path_and_query: &str,
        headers: &HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Answer, TransportError> {
        let request = self.signed(method, path_and_query, headers, body.unwrap_or_default())?.map(Full::new);
        let answer = self.wire.exchange(&self.address.to_string(), request).await?;
        self.cookies.take(&answer.headers, &self.address);
        Ok(answer)
    }

    /// The request with the credentials and the cookies of this server.
    fn signed(
        &self,
        method: Method,
        path_and_query: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Request<Bytes>, TransportError> {
        let unsendable = |error: http::Error| TransportError::Request { why: error.to_string() };
        let uri = self.address.uri(path_and_query).map_err(unsendable)?;
        let mut request = Request::builder().method(method).uri(uri).body(body).map_err(unsendable)?;
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(AUTHORIZATION, self.credentials.header());
        if let Some(cookies) = self.cookies.header() {
            request.headers_mut().insert(COOKIE, cookies);
        }
        Ok(request)
    }
}

/// What says more about a refusal; the other headers are nobody's business.
fn beside(headers: &HeaderMap) -> HeaderMap {
    let told = [
        RETRY_AFTER.as_str(),
        DATE.as_str(),
        headers::X_MS_AS_THROTTLE,
        headers::X_MS_LOCATION,
        headers::X_MS_CREDENTIAL_SERVICE_URL,
        LOCATION.as_str(),
        WWW_AUTHENTICATE.as_str(),
    ];
    let is_told = |name: &HeaderName| told.iter().any(|told| name.as_str().eq_ignore_ascii_case(told));
    let kept = headers.iter().filter(|(name, _)| is_told(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn listed(versions: &[ProtocolVersion]) -> String {
    if versions.is_empty() {
        return "no version that is known".to_owned();
    }
    versions.iter().map(|version| version.as_str()).collect::<Vec<_>>().join(", ")
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("address", &self.address).finish_non_exhaustive()
    }
}
