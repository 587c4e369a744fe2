//! Every error there is in a handshake ends in a sentence, and none in the name that a program has for it.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ContentType, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use super::*;
use crate::tls::{RootCertificates, configuration};

/// What a client that trusts `roots` makes of a server that shows `certificate`.
fn handshake(roots: &str, certificate: CertificateDer<'static>, key: &rcgen::KeyPair) -> io::Error {
    let roots = RootCertificates::from_pem(roots.as_bytes()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
        let serving = tokio::spawn(async move { acceptor.accept(theirs).await.map(drop) });
        let connector = tokio_rustls::TlsConnector::from(configuration(&roots).unwrap());
        let name = ServerName::try_from("mail.example.com").unwrap();
        let error = connector.connect(name, ours).await.map(drop).expect_err("the handshake has to fail");
        drop(serving.await.unwrap());
        error
    })
}

fn self_signed(change: impl FnOnce(&mut rcgen::CertificateParams)) -> (io::Error, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["mail.example.com".to_owned()]).unwrap();
    change(&mut params);
    let made = params.self_signed(&key).unwrap();
    let error = handshake(&made.pem(), made.der().clone(), &key);
    let words = Distrust::in_words(&error);
    (error, words)
}

#[test]
fn a_certificate_that_says_it_is_an_authority_s_is_named_as_that_though_it_is_trusted() {
    // What `openssl req -x509` makes.
    let (error, words) = self_signed(|params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    assert_eq!(Distrust::of(&error), Distrust::AuthorityItself);
    assert_eq!(words, "the certificate is one of an authority (CA:TRUE), not of a server");
}

#[test]
fn a_certificate_for_another_name_says_which_and_one_out_of_date_since_when() {
    let (error, words) = self_signed(|params| {
        params.subject_alt_names = vec![
            rcgen::SanType::DnsName("localhost".try_into().unwrap()),
            rcgen::SanType::IpAddress([192, 0, 2, 1].into()),
        ];
    });
    assert_eq!(Distrust::of(&error), Distrust::OtherName);
    assert_eq!(words, "the certificate is for another name: localhost, 192.0.2.1; not mail.example.com");

    let (error, words) = self_signed(|params| params.subject_alt_names.clear());
    assert_eq!(Distrust::of(&error), Distrust::OtherName);
    assert!(words.ends_with(": it has no subjectAltName, where the names of hosts stand"), "{words}");

    let (error, words) = self_signed(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert_eq!(Distrust::of(&error), Distrust::Expired);
    let days = words.strip_prefix("the certificate is out of date: for ").and_then(|rest| rest.strip_suffix(" days"));
    assert!(days.and_then(|days| days.parse::<u32>().ok()).is_some_and(|days| days > 2000), "{words}");

    let (error, words) = self_signed(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    assert_eq!(Distrust::of(&error), Distrust::NotValidYet);
    assert!(words.starts_with("the certificate is not valid yet: it begins in "), "{words}");
}

#[test]
fn a_certificate_for_mail_or_for_clients_is_not_one_for_a_server() {
    let (error, words) = self_signed(|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(Distrust::of(&error), Distrust::OtherPurpose, "{error}");
    assert_eq!(words, "the certificate is not for a server");
}

/// Every error of webpki there is, as far as its version of today has them.
fn chain_errors() -> Vec<ChainError> {
    vec![
        ChainError::BadDer,
        ChainError::BadDerTime,
        ChainError::CaUsedAsEndEntity,
        ChainError::CertDistrusted,
        ChainError::CertRevoked,
        ChainError::EmptyEkuExtension,
        ChainError::EndEntityUsedAsCa,
        ChainError::ExtensionValueInvalid,
        ChainError::InvalidCertValidity,
        ChainError::InvalidNetworkMaskConstraint,
        ChainError::InvalidSerialNumber,
        ChainError::InvalidSignatureForPublicKey,
        ChainError::MalformedDnsIdentifier,
        ChainError::MalformedExtensions,
        ChainError::MalformedNameConstraint,
        ChainError::MaximumNameConstraintComparisonsExceeded,
        ChainError::MaximumPathBuildCallsExceeded,
        ChainError::MaximumPathDepthExceeded,
        ChainError::MaximumSignatureChecksExceeded,
        ChainError::NameConstraintViolation,
        ChainError::PathLenConstraintViolated,
        ChainError::SignatureAlgorithmMismatch,
        ChainError::UnknownIssuer,
        ChainError::UnknownRevocationStatus,
        ChainError::UnsupportedCertVersion,
        ChainError::UnsupportedCriticalExtension,
        ChainError::UnsupportedNameType,
        ChainError::UnsupportedRevocationReason,
    ]
}

/// One of every kind that rustls may give a client in a handshake.
fn tls_errors() -> Vec<TlsError> {
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
    let of_certificate = [
        CertificateError::BadEncoding,
        CertificateError::Expired,
        CertificateError::ExpiredContext { time: now, not_after: now },
        CertificateError::NotValidYet,
        CertificateError::NotValidYetContext { time: now, not_before: now },
        CertificateError::Revoked,
        CertificateError::UnhandledCriticalExtension,
        CertificateError::UnknownIssuer,
        CertificateError::UnknownRevocationStatus,
        CertificateError::ExpiredRevocationList,
        CertificateError::ExpiredRevocationListContext { time: now, next_update: now },
        CertificateError::BadSignature,
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: vec![6, 9],
            supported_algorithms: Vec::new(),
        },
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: vec![6, 9],
            public_key_algorithm_id: vec![6, 9],
        },
        CertificateError::NotValidForName,
        CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("localhost").unwrap(),
            presented: vec!["DnsName(\"a\")".to_owned(); 20],
        },
        CertificateError::InvalidPurpose,
        CertificateError::InvalidOcspResponse,
        CertificateError::ApplicationVerificationFailure,
    ];
    let mut errors: Vec<TlsError> = of_certificate.into_iter().map(TlsError::InvalidCertificate).collect();
    errors.extend(
        chain_errors()
            .into_iter()
            .map(|fault| TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))))),
    );
    errors.extend([
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType),
        TlsError::InappropriateMessage { expect_types: vec![ContentType::Handshake], got_type: ContentType::Alert },
        TlsError::NoCertificatesPresented,
        TlsError::DecryptError,
        TlsError::PeerIncompatible(PeerIncompatible::Tls12NotOffered),
        TlsError::PeerMisbehaved(PeerMisbehaved::BadCertChainExtensions),
        TlsError::PeerSentOversizedRecord,
        TlsError::NoApplicationProtocol,
        TlsError::FailedToGetCurrentTime,
        TlsError::HandshakeNotComplete,
        TlsError::General("no more".to_owned()),
    ]);
    errors.extend((0..=255).map(|alert| TlsError::AlertReceived(AlertDescription::from(alert))));
    errors
}

#[test]
fn every_error_ends_in_words_and_none_in_the_name_of_a_type() {
    for error in tls_errors() {
        let kind = format!("{error:?}");
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        let words = Distrust::in_words(&error);
        assert!(words.len() > 8, "{kind}: {words}");
        // `UnknownIssuer`, `DnsName("a")`, `[6, 9]`: the marks of Rust in a text.
        let of_rust = |word: &str| {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            let humps = word.chars().skip(1).filter(char::is_ascii_uppercase).count();
            humps > 0 && word.chars().any(char::is_lowercase)
        };
        assert!(!words.split_whitespace().any(of_rust), "{kind}: {words}");
        assert!(!words.contains(['{', '[', '"']), "{kind}: {words}");
        assert_eq!(found_in(&error), Some((Distrust::of(&error), words)));
    }
}

#[test]
fn every_error_of_a_certificate_has_a_cause_of_its_own() {
    for error in tls_errors() {
        let is_known = !matches!(
            &error,
            TlsError::PeerMisbehaved(_)
                | TlsError::General(_)
                | TlsError::FailedToGetCurrentTime
                | TlsError::HandshakeNotComplete
                | TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
        );
        let why = Distrust::of_tls(&error);
        let in_a_chain = match &error {
            TlsError::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.downcast_ref(),
            _ => None,
        };
        // What rustls turns into an error of its own never comes this way.
        let is_turned = in_a_chain.is_some_and(|fault| {
            matches!(
                fault,
                ChainError::BadDer
                    | ChainError::BadDerTime
                    | ChainError::CertRevoked
                    | ChainError::InvalidSignatureForPublicKey
                    | ChainError::UnknownIssuer
                    | ChainError::UnknownRevocationStatus
                    | ChainError::UnsupportedRevocationReason
            )
        });
        assert_eq!(why == Distrust::Other, !is_known || is_turned, "{error:?}");
    }
}

#[test]
fn every_reason_has_a_cause_and_a_resolution_in_sentences() {
    for why in Distrust::ALL {
        assert!(why.cause().ends_with('.') && why.resolution().ends_with('.'), "{why:?}");
        assert!(!why.words().reason.ends_with('.'), "{why:?}");
    }
    assert_eq!(Distrust::of(&io::Error::other("the peer went away")), Distrust::Other);
    let eof = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
    assert_eq!(
        (Distrust::of(&eof), Distrust::in_words(&eof).as_str()),
        (Distrust::HungUp, Distrust::HungUp.words().reason)
    );
}
