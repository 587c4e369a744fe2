//! The admin API of a running server, as `policy` and `device` use it: one request at a time, JSON both ways.

mod transport;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use asprov_admin::{ADMINISTRATOR_HEADER, AdminToken, read_token_file};
use http::{Method, StatusCode, Uri};
use serde_json::Value;
use transport::Answer;

use crate::failure::Failure;
use crate::terminal::harmless;

/// The admin listener that counts when none is named.
static USUAL_ADMIN: LazyLock<String> = LazyLock::new(|| {
    let named = std::env::var_os("ASPROV_ADMIN");
    named.map_or_else(|| "http://127.0.0.1:8081".to_owned(), |url| url.to_string_lossy().into_owned())
});

/// Where the server is, and how to show that one may.
#[derive(clap::Args, Debug)]
pub(crate) struct Connection {
    /// The admin listener of the server; the variable ASPROV_ADMIN says which one is the default
    // Not clap's `env`: what stands in a variable would count as typed, and every usage would show it as needed.
    #[arg(long = "admin", value_name = "URL", default_value = USUAL_ADMIN.as_str())]
    url: Uri,
    /// The server's token file; ASPROV_ADMIN_TOKEN holds the token itself and wins
    #[arg(long, value_name = "FILE", default_value = "asprov.token")]
    token_file: PathBuf,
}

/// A server that can be asked.
pub(crate) struct AdminApi {
    transport: transport::Transport,
    token: AdminToken,
}

impl AdminApi {
    /// Finds the token; nothing is sent yet.
    pub(crate) fn connect(connection: &Connection) -> Result<Self, Failure> {
        Ok(Self { transport: transport::Transport::new(&connection.url)?, token: token(&connection.token_file)? })
    }

    /// A server whose address and token are known.
    pub(crate) fn at(url: &Uri, token: AdminToken) -> Result<Self, Failure> {
        Ok(Self { transport: transport::Transport::new(url)?, token })
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None).await
    }

    /// What is at a path; `None` when there is nothing.
    pub(crate) async fn read_if_there(&self, path: &str) -> Result<Option<Value>, Failure> {
        Ok(self.read_tagged(path).await?.map(|(body, _)| body))
    }

    /// The same, with its ETag.
    pub(crate) async fn read_tagged(&self, path: &str) -> Result<Option<(Value, Option<String>)>, Failure> {
        match self.exchange(&Method::GET, path, None, None).await? {
            Answer { status: StatusCode::NOT_FOUND, .. } => Ok(None),
            answer => {
                let tag = answer.tag.clone();
                self.judged(answer).map(|body| Some((body, tag)))
            }
        }
    }

    /// Puts something on this condition, a header and its value; `None` when it does not hold any more.
    pub(crate) async fn put_if(
        &self,
        path: &str,
        condition: (&'static str, String),
        body: &Value,
    ) -> Result<Option<Value>, Failure> {
        match self.exchange(&Method::PUT, path, Some(condition), Some(body)).await? {
            Answer { status: StatusCode::PRECONDITION_FAILED, .. } => Ok(None),
            answer => self.judged(answer).map(Some),
        }
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let answer = self.exchange(&method, path, None, body).await?;
        self.judged(answer)
    }

    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        condition: Option<(&'static str, String)>,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let mut headers = vec![("authorization", format!("Bearer {}", self.token.expose()))];
        headers.extend(condition);
        // For the history: who it was, on a machine where several may be.
        let user = ["SUDO_USER", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
        if let Some(user) =
            user.filter(|user| (1..=64).contains(&user.len()) && user.bytes().all(|b| b.is_ascii_graphic()))
        {
            headers.push((ADMINISTRATOR_HEADER, user));
        }
        self.transport.exchange(method, path, &headers, body.map(Value::to_string)).await
    }

    /// The answer's JSON, or what the server says is wrong.
    fn judged(&self, Answer { status, body, .. }: Answer) -> Result<Value, Failure> {
        if status.is_success() && body.is_empty() {
            return Ok(Value::Null);
        }
        let json = serde_json::from_slice::<Value>(&body).map_err(|error| {
            Failure::new(format!("{} answered HTTP {} without JSON: {error}", self.transport, status.as_u16()))
                .hint("--admin is the address of the admin listener, by default http://127.0.0.1:8081")
        })?;
        if status.is_success() {
            return Ok(json);
        }
        // RFC 9457.
        let field = |name: &str| json.get(name).and_then(Value::as_str).map(harmless);
        let detail = field("detail").or_else(|| field("title"));
        let failure = Failure::new(detail.unwrap_or_else(|| format!("HTTP {}", status.as_u16())));
        let failure = field("hint").into_iter().fold(failure, Failure::hint);
        if status == StatusCode::UNAUTHORIZED {
            return Err(
                failure.hint("--token-file names the server's token file; ASPROV_ADMIN_TOKEN holds a token itself")
            );
        }
        Err(failure)
    }
}

fn token(file: &Path) -> Result<AdminToken, Failure> {
    if let Some(token) = std::env::var_os("ASPROV_ADMIN_TOKEN") {
        let token = token.into_string().map_err(|_| Failure::new("ASPROV_ADMIN_TOKEN is no text"))?;
        return AdminToken::new(&token).map_err(|error| Failure::new(format!("ASPROV_ADMIN_TOKEN: {error}")));
    }
    read_token_file(file).map_err(|error| {
        Failure::new(error)
            .hint("the server writes it beside its store; name it with --token-file, or set ASPROV_ADMIN_TOKEN")
    })
}

/// A part of a path, with everything percent-encoded that may not stand there.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') || (byte == b'.' && text.len() > 2) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A value as text: nothing for null, strings without quotes, lists with commas.
pub(crate) fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| text_of(Some(item))).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        assert_eq!(segment("ann@example.com"), "ann%40example.com");
        assert_eq!(segment("a/b?c#d%"), "a%2Fb%3Fc%23d%25");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("é"), "%C3%A9");
    }
}
