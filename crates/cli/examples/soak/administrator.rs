//! An administrator at the API.

use std::net::SocketAddr;

use serde_json::Value;

use crate::wire::{Line, Received};

/// Somebody with the token.
#[derive(Debug)]
pub(crate) struct Administrator {
    name: String,
    address: SocketAddr,
    token: String,
    line: Line,
}

impl Administrator {
    pub(crate) fn new(name: &str, address: SocketAddr, token: &str) -> Self {
        Self { name: name.to_owned(), address, token: token.trim().to_owned(), line: Line::to(address) }
    }

    /// Calls the API; an answer without a body is null.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> std::io::Result<(u16, Value)> {
        self.call_with(method, path, "", body).await
    }

    /// The same with further headers, each ending its line.
    pub(crate) async fn call_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&Value>,
    ) -> std::io::Result<(u16, Value)> {
        let received = self.exchange(method, path, headers, body).await?;
        Ok((received.http, serde_json::from_slice(&received.body).unwrap_or_default()))
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&Value>,
    ) -> std::io::Result<Received> {
        let Self { name, address, token, .. } = self;
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             X-Asprov-Administrator: {name}\r\n{kind}{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.line.send(&[head.as_bytes(), &body].concat()).await
    }

    /// Reads something, with its ETag.
    pub(crate) async fn tagged(&mut self, path: &str) -> std::io::Result<(String, Value)> {
        let received = self.exchange("GET", path, "", None).await?;
        let tag = received.header("etag").unwrap_or_default().to_owned();
        Ok((tag, serde_json::from_slice(&received.body).unwrap_or_default()))
    }
}

/// The path of a device.
pub(crate) fn device(user: &str, id: &str) -> String {
    format!("/api/v1/devices/{user}/{id}")
}
