//! One connection, with the task that drives it.

use std::sync::Arc;
use std::time::Duration;

use backout_contract::{DriverError, ErrorKind};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Address, Tls, Version, of_postgres};

/// How long the way to a server may take.
const CONNECT: Duration = Duration::from_secs(10);

/// One connection. Ends when dropped.
pub(crate) struct Link {
    pub(crate) client: Client,
    /// The server's version.
    pub(crate) version: Version,
    driver: JoinHandle<()>,
}

impl std::ops::Deref for Link {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl std::ops::DerefMut for Link {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Connects. Every connection of ours is called `backout`, speaks ISO dates, shows floats in full, has an empty search
/// path (names are always written with their schema), and never waits for a lock without end.
///
/// # Errors
/// When nobody answers, when we may not come in, or when the version is not supported. Nothing has happened then.
pub(crate) async fn connect(address: &Address) -> Result<Link, DriverError> {
    let attempted = format!("connect to {}", address.shown());
    let mut config = address.config();
    config.connect_timeout(CONNECT).application_name("backout").keepalives(true);
    let failed = |error| {
        let error = of_postgres(attempted.clone(), error).nothing_happened();
        match error.kind {
            ErrorKind::Unreachable if error.hints.is_empty() => {
                error.hint("see whether the server runs, and what its log says: one whose disk is full stops")
            }
            _ => error,
        }
    };
    let (client, driver) = if address.tls == Tls::Disable {
        config.ssl_mode(SslMode::Disable);
        let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
        (client, tokio::spawn(async move { drop(connection.await) }))
    } else {
        config.ssl_mode(if address.tls == Tls::Prefer { SslMode::Prefer } else { SslMode::Require });
        let tls = MakeRustlsConnect::new(tls(address)?);
        let (client, connection) = config.connect(tls).await.map_err(failed)?;
        (client, tokio::spawn(async move { drop(connection.await) }))
    };
    let mut link = Link { client, version: Version(0), driver };
    let settings = "SET search_path = ''; SET DateStyle = ISO; SET IntervalStyle = postgres; \
                    SET extra_float_digits = 3; SET bytea_output = hex; SET TimeZone = 'UTC'; \
                    SET lock_timeout = '10s'; SET statement_timeout = 0; SET default_transaction_read_only = off; \
                    SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning";
    link.client.batch_execute(settings).await.map_err(failed)?;
    let row = link
        .client
        .query_one("SELECT current_setting('server_version_num')::int", &[])
        .await
        .map_err(failed)?;
    link.version = Version(u32::try_from(row.get::<_, i32>(0)).unwrap_or_default());
    if link.version.major() < Version::OLDEST {
        return Err(DriverError::new(ErrorKind::Config, attempted)
            .caused_by(format!(
                "it is PostgreSQL {}; the oldest supported one is {}",
                link.version,
                Version::OLDEST
            ))
            .nothing_happened());
    }
    Ok(link)
}

fn tls(address: &Address) -> Result<ClientConfig, DriverError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let failed = |why: String| {
        DriverError::new(
            ErrorKind::Config,
            format!("prepare the protected connection to {}", address.shown()),
        )
        .caused_by(why)
        .nothing_happened()
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    let config = match address.tls {
        Tls::VerifyCa | Tls::VerifyFull => {
            let mut roots = RootCertStore::empty();
            match &address.authorities {
                Some(path) => {
                    let certificates = CertificateDer::pem_file_iter(path)
                        .map_err(|error| failed(format!("{path}: {error}")))?;
                    for certificate in certificates {
                        let certificate = certificate.map_err(|error| failed(format!("{path}: {error}")))?;
                        roots.add(certificate).map_err(|error| failed(format!("{path}: {error}")))?;
                    }
                }
                None => {
                    for certificate in rustls_native_certs::load_native_certs().certs {
                        // One odd certificate of the system's is no reason to refuse all.
                        let _ = roots.add(certificate);
                    }
                }
            }
            let named = address.tls == Tls::VerifyFull;
            let inner = rustls::client::WebPkiServerVerifier::builder_with_provider(
                Arc::new(roots),
                Arc::clone(&provider),
            )
            .build()
            .map_err(|error| failed(error.to_string()))?;
            let verifier = Verifier { provider, inner: Some(inner), named };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
        Tls::Disable | Tls::Prefer | Tls::Require => {
            let verifier = Verifier { provider, inner: None, named: false };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    Ok(config.with_no_client_auth())
}

/// Checks a server as far as `sslmode` asks for it: `require` checks nothing, as the programs of PostgreSQL do.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    inner: Option<Arc<rustls::client::WebPkiServerVerifier>>,
    named: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                rustls::CertificateError::NotValidForName
                | rustls::CertificateError::NotValidForNameContext { .. },
            )) if !self.named => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
