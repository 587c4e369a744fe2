//! What passes the gate arrives, and its answer comes back, whatever their size and form.

use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::support::{Answer, DEADLINE, Device, PATH, memory, post, request, strict_policy};
use super::upstream::{Pieces, Upstream, body, now, response};
use super::{in_front_of, raw, settings, with};

#[tokio::test]
async fn a_device_that_the_upstream_would_serve_without_a_policy_is_refused_until_it_provisions() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    strict_policy(server.store.as_ref()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    let refused = device.folder_sync(&server).await;
    assert_eq!(
        super::super::support::text(&refused.document(), asprov_wbxml::code_page::folder_hierarchy::STATUS).as_deref(),
        Some("141")
    );
    assert_eq!(upstream.commands(), [], "it never arrived");
    device.handshake(&server).await;
    assert_eq!(upstream.commands(), [], "Provision is answered by the gateway");
    let answer = device.folder_sync(&server).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"fine"[..]));
    let arrived = upstream.only();
    assert_eq!(arrived.target, format!("{PATH}?{}", device.query(Command::FolderSync)));
    assert_eq!(arrived.header("host"), Some(upstream.address.to_string().as_str()));
    assert_eq!(arrived.header("x-ms-policykey"), None, "the key is asprov's own");
    assert_eq!(arrived.header("authorization"), Some("Basic YW5uOnJpZ2h0"));
    assert_eq!(arrived.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(arrived.header("x-forwarded-proto"), Some("http"));
    assert_eq!(arrived.header("x-forwarded-host"), Some("localhost"));
    assert_eq!(arrived.header("forwarded"), Some("for=127.0.0.1;proto=http;host=\"localhost\""));
}

#[tokio::test]
async fn the_store_being_away_keeps_the_gate_shut() {
    use super::super::support::{Broken, Faulty};
    let upstream = Upstream::new().await;
    let store = Faulty::new();
    let server = with(settings(&upstream), std::sync::Arc::<Faulty>::clone(&store) as _).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    assert_eq!(device.folder_sync(&server).await.status, 200);
    store.set(Broken::Away);
    let answer = device.folder_sync(&server).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(upstream.commands().len(), 1);
}

/// Connects to the gateway, over HTTP/1.1.
async fn connect(server: &super::Between) -> hyper::client::conn::http1::SendRequest<Pieces> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn an_answer_is_passed_on_piece_by_piece_before_it_ends() {
    let (pieces, receiver) = mpsc::channel(1);
    let receiver = std::sync::Mutex::new(Some(receiver));
    let upstream = Upstream::answering(move |_| {
        let pieces = Pieces(receiver.lock().unwrap().take().unwrap());
        now(Response::new(pieces.boxed_unsync()))
    })
    .await;
    let server = in_front_of(&upstream).await;
    let mut sender = connect(&server).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let request = post(&device.query(Command::ItemOperations), Some("14.1"), b"x".to_vec());
    let (frames, receiver) = mpsc::channel(1);
    frames.send(Bytes::from_static(b"x")).await.unwrap();
    drop(frames);
    let answer = sender.send_request(request.map(|_| Pieces(receiver)));
    let mut answer = timeout(DEADLINE, answer).await.expect("the head comes before the body").unwrap();
    for piece in ["one", "two", "three"] {
        pieces.send(Bytes::from_static(piece.as_bytes())).await.unwrap();
        let frame = timeout(DEADLINE, answer.body_mut().frame()).await.expect("each piece comes when it is sent");
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), piece);
    }
    drop(pieces);
    assert!(answer.body_mut().frame().await.is_none());
}

#[tokio::test]
async fn a_request_body_is_passed_on_piece_by_piece_before_it_ends() {
    // The upstream reads raw bytes, and so sees them as they come.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream_of_sign_in = Upstream::new().await;
    let mut settings = settings(&upstream_of_sign_in);
    settings.upstream = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let users = std::sync::Arc::new(super::super::support::OnePassword);
    let store = memory();
    let gateway =
        asprov_server::gateway::Gateway::new(settings, store.clone(), Some(users), asprov_server::Config::default())
            .unwrap();
    let server = super::Between { server: super::Running::gateway(gateway.clone(), store).await, gateway };
    let mut sender = connect(&server).await;
    let (frames, receiver) = mpsc::channel(1);
    let device = Device::new("A", ProtocolVersion::V14_1);
    let request = post(&device.query(Command::SendMail), Some("14.1"), Vec::new());
    let answering = tokio::spawn(sender.send_request(request.map(|_| Pieces(receiver))));
    frames.send(Bytes::from_static(b"first")).await.unwrap();
    let (mut stream, _) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
    let mut came = Vec::new();
    read_until(&mut stream, &mut came, "first").await;
    frames.send(Bytes::from_static(b"second")).await.unwrap();
    read_until(&mut stream, &mut came, "second").await;
    drop(frames);
    read_until(&mut stream, &mut came, "0\r\n\r\n").await;
    let head = String::from_utf8_lossy(&came).to_ascii_lowercase();
    assert!(head.contains("transfer-encoding: chunked") && !head.contains("content-length"), "{head}");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let answer = timeout(DEADLINE, answering).await.unwrap().unwrap().unwrap();
    assert_eq!(answer.status(), 200);
}

async fn read_until(stream: &mut TcpStream, came: &mut Vec<u8>, text: &str) {
    let reading = timeout(DEADLINE, async {
        while !String::from_utf8_lossy(came).contains(text) {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).await.unwrap();
            assert!(length > 0, "it ended before {text}");
            came.extend_from_slice(&piece[..length]);
        }
    });
    reading.await.unwrap_or_else(|_| panic!("{text} never came"));
}

#[tokio::test]
async fn a_large_body_passes_both_ways_and_gzip_is_left_alone() {
    let upstream = Upstream::answering(|noted| {
        let answer =
            response(200).header("content-encoding", "gzip").header("content-type", "application/vnd.ms-sync.wbxml");
        now(answer.body(body(noted.body)).unwrap())
    })
    .await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let large: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut request = post(&device.query(Command::SendMail), Some("14.1"), large.clone());
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let answer = server.send(request).await;
    assert!(answer.body == large, "all 20 MB came back");
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert_eq!(answer.headers["content-length"], "20000000");
    let arrived = upstream.only();
    assert_eq!(arrived.header("content-encoding"), Some("gzip"));
    assert_eq!(arrived.header("accept-encoding"), Some("gzip"));
    assert_eq!(arrived.header("content-length"), Some("20000000"));
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it_and_sends_its_body() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {PATH}?{} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOnJpZ2h0\r\nMS-ASProtocolVersion: 14.1\r\n\
         Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
        device.query(Command::SendMail)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut came = Vec::new();
    read_until(&mut stream, &mut came, "HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.write_all(b"body").await.unwrap();
    read_until(&mut stream, &mut came, "fine").await;
    assert_eq!(upstream.only().body, "body");
}

#[tokio::test]
async fn headers_of_one_connection_stay_on_it() {
    let upstream = Upstream::answering(|_| {
        let answer =
            response(200).header("connection", "x-mine").header("x-mine", "1").header("keep-alive", "timeout=5");
        now(answer.header("set-cookie", "a=1").header("set-cookie", "b=2").body(body("x")).unwrap())
    })
    .await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let mut request = post(&device.query(Command::Search), Some("14.1"), b"x".to_vec());
    for (name, value) in [("connection", "x-own"), ("x-own", "1"), ("te", "trailers"), ("x-kept", "2")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = server.send(request).await;
    assert!(!answer.headers.contains_key("x-mine") && !answer.headers.contains_key("keep-alive"));
    assert_eq!(answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    let arrived = upstream.only();
    assert_eq!((arrived.header("x-own"), arrived.header("te"), arrived.header("x-kept")), (None, None, Some("2")));
}

#[tokio::test]
async fn other_paths_are_not_found_unless_they_are_to_be_forwarded() {
    let upstream = Upstream::answering(|noted| now(Response::new(body(noted.target)))).await;
    let mut forwarding = settings(&upstream);
    forwarding.forward_paths = vec!["/autodiscover".parse().unwrap()];
    let server = with(forwarding, memory()).await;
    let get = |path: &str| {
        let request = Request::get(path).header("host", "localhost").header("x-script", "1");
        request.body(Full::new(Bytes::new())).unwrap()
    };
    let answer: Answer = server.send(get("/Autodiscover/Autodiscover.xml?x=%20")).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"/Autodiscover/Autodiscover.xml?x=%20"[..]));
    let before = upstream.commands().len();
    for path in [
        "/",
        "/EWS/Exchange.asmx",
        "/autodiscover2",
        "/autodiscover/../EWS",
        "/autodiscover/%2e%2e/EWS",
        "/autodiscover//x",
        "/autodiscover/../Microsoft-Server-ActiveSync",
        "/microsoft-server-activesync",
        "//Microsoft-Server-ActiveSync",
        "/Microsoft-Server-ActiveSync/",
        "/Microsoft%2DServer-ActiveSync",
    ] {
        assert_eq!(server.send(get(path)).await.status, 404, "{path}");
    }
    assert_eq!(upstream.commands().len(), before, "none of them arrived");
}

#[tokio::test]
async fn with_every_path_forwarded_the_protocols_own_still_has_its_gate() {
    let upstream = Upstream::new().await;
    let mut forwarding = settings(&upstream);
    forwarding.forward_paths = vec!["/".parse().unwrap()];
    let server = with(forwarding, memory()).await;
    for path in
        ["/microsoft-server-activesync", "/x/..//Microsoft-Server-ActiveSync", "/SOGo/Microsoft-Server-ActiveSync"]
    {
        let uri = format!("{path}?Cmd=FolderSync&User=ann&DeviceId=A&DeviceType=SP");
        let sent = request(Method::POST, &uri, "right").header("ms-asprotocolversion", "14.1");
        assert_eq!(server.send(sent.body(Full::new(Bytes::new())).unwrap()).await.status, 404, "{path}");
    }
    let wrong = request(Method::POST, &format!("{PATH}?Cmd=FolderSync&User=ann&DeviceId=A&DeviceType=SP"), "wrong");
    let wrong = wrong.header("ms-asprotocolversion", "14.1").body(Full::new(Bytes::new())).unwrap();
    assert_eq!(server.send(wrong).await.status, 401);
    assert_eq!(upstream.commands(), []);
}

#[tokio::test]
async fn an_upstream_with_a_path_of_its_own_gets_requests_there() {
    let upstream = Upstream::new().await;
    let mut there = settings(&upstream);
    there.upstream = format!("http://{}/SOGo/Microsoft-Server-ActiveSync", upstream.address).parse().unwrap();
    let server = with(there, memory()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    assert_eq!(device.folder_sync(&server).await.status, 200);
    assert!(upstream.only().target.starts_with("/SOGo/Microsoft-Server-ActiveSync?Cmd=FolderSync&"));
    assert!(upstream.options().iter().all(|noted| noted.target == "/SOGo/Microsoft-Server-ActiveSync"));
}

#[tokio::test]
async fn http_2_in_becomes_http_1_1_out() {
    use asprov_server::{Listener, Tls};
    use rustls::pki_types::ServerName;
    let upstream = Upstream::new().await;
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let listener = Listener::tls(tcp, Tls::from_files(&certificate, &key).unwrap());
    let users = std::sync::Arc::new(super::super::support::OnePassword);
    let (store, config) = (memory(), asprov_server::Config::default());
    let gateway =
        asprov_server::gateway::Gateway::new(settings(&upstream), store.clone(), Some(users), config).unwrap();
    let _server = super::Running::gateway_on(gateway, store, listener, address);

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls)).connect(name, stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let device = Device::new("A", ProtocolVersion::V14_1);
    let uri = format!("https://localhost{PATH}?{}", device.query(Command::SendMail));
    let sent = Request::post(uri)
        .header("authorization", "Basic YW5uOnJpZ2h0")
        .header("ms-asprotocolversion", "14.1")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Full::new(Bytes::from_static(b"mail")))
        .unwrap();
    let answer = timeout(DEADLINE, sender.send_request(sent)).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "fine");
    let arrived = upstream.only();
    assert_eq!((arrived.body.as_ref(), arrived.header("cookie")), (&b"mail"[..], Some("a=1; b=2")));
    assert_eq!(arrived.header("x-forwarded-proto"), Some("https"));
    assert_eq!(arrived.header("x-forwarded-host"), Some("localhost"));
}

#[tokio::test]
async fn a_request_in_absolute_form_arrives_in_the_usual_one() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let query = Device::new("A", ProtocolVersion::V14_1).query(Command::FolderSync);
    let answer = raw(
        &server,
        format!(
            "POST http://eas.example{PATH}?{query} HTTP/1.1\r\nHost: eas.example\r\nAuthorization: Basic YW5uOnJpZ2h0\r\n\
             MS-ASProtocolVersion: 14.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .as_bytes(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let arrived = upstream.only();
    assert_eq!(arrived.target, format!("{PATH}?{query}"));
    assert_eq!(arrived.header("x-forwarded-host"), Some("eas.example"));
}
