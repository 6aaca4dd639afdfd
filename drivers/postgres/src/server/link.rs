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
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Client, Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Address, Tls, Version, of_postgres, pooler, settings};

/// How long the way to a server may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How often we ask to be let in while a storm of others leaves no place.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// One connection. Ends when dropped.
pub(crate) struct Link {
    pub(crate) client: Client,
    /// The server's version.
    pub(crate) version: Version,
    driver: JoinHandle<()>,
    tls: Option<MakeRustlsConnect>,
}

/// Ends what a connection is doing, from beside.
pub(crate) struct Stopper {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
}

impl Stopper {
    /// Asks the server to end it. That nobody answers is no matter: the connection is lost as well then.
    pub(crate) async fn stop(self) {
        let _ = match self.tls {
            Some(tls) => self.token.cancel_query(tls).await,
            None => self.token.cancel_query(NoTls).await,
        };
    }
}

impl Link {
    /// What ends the statement that it runs.
    pub(crate) fn stopper(&self) -> Stopper {
        Stopper { token: self.client.cancel_token(), tls: self.tls.clone() }
    }
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

/// Connects. Every connection of ours is called `backout`, leads to the server itself, and has the settings of
/// [`settings`](super::settings), whatever its role and its database are given.
///
/// # Errors
/// When nobody answers, when we may not come in, when a pooler answers, or when the version is not supported. Nothing has
/// happened then.
pub(crate) async fn connect(address: &Address) -> Result<Link, DriverError> {
    let attempted = format!("connect to {}", address.shown());
    let own_name = pooler::own_name();
    let mut config = address.config();
    config.connect_timeout(CONNECT).application_name("backout").keepalives(true);
    // What the address says comes first, so that ours holds.
    let options =
        [config.get_options().unwrap_or_default(), &settings::options_of_all(), &pooler::option(&own_name)];
    config.options(options.join(" "));
    let failed = |error: tokio_postgres::Error| {
        if pooler::refused(&error) {
            return pooler::named(attempted.clone());
        }
        let error = of_postgres(attempted.clone(), error).nothing_happened();
        match error.kind {
            ErrorKind::Unreachable if error.hints.is_empty() => {
                error.hint("see whether the server runs, and what its log says: one whose disk is full stops")
            }
            _ => error,
        }
    };
    let tls = if address.tls == Tls::Disable { None } else { Some(MakeRustlsConnect::new(tls(address)?)) };
    config.ssl_mode(match address.tls {
        Tls::Disable => SslMode::Disable,
        Tls::Prefer => SslMode::Prefer,
        _ => SslMode::Require,
    });
    let mut tries = 1;
    let (client, driver) = loop {
        match begin(&config, tls.clone()).await {
            Err(error) if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
            other => break other.map_err(failed)?,
        }
    };
    let mut link = Link { client, version: Version(0), driver, tls };
    // Before anything is set: it would stay in a session of a pooler's, which others get.
    let ask = format!(
        "SELECT {}, pg_catalog.current_setting('server_version_num'),
                pg_catalog.current_setting('session_replication_role')",
        pooler::ASK
    );
    let answer = link.client.simple_query(&ask).await.map_err(failed)?;
    let told = |column: usize| {
        answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(column),
            _ => None,
        })
    };
    if !pooler::is_direct(&own_name, told(0)) {
        return Err(pooler::named(attempted));
    }
    link.version = Version(told(1).and_then(|number| number.parse().ok()).unwrap_or_default());
    if link.version.major() < Version::OLDEST {
        return Err(DriverError::new(ErrorKind::Config, attempted)
            .caused_by(format!(
                "it is PostgreSQL {}; the oldest supported one is {}",
                link.version,
                Version::OLDEST
            ))
            .nothing_happened());
    }
    link.client.batch_execute(&settings::statements(link.version.major())).await.map_err(failed)?;
    if told(2) != Some("origin") {
        // Neither triggers nor foreign keys would act on what we write.
        let back = "SET session_replication_role = origin";
        link.client.batch_execute(back).await.map_err(|error| {
            failed(error).hint(
                "the role or the database is given a `session_replication_role` that keeps triggers and foreign keys from \
                 acting, and our role may not set it back: use another role, or ALTER ROLE … RESET session_replication_role",
            )
        })?;
    }
    Ok(link)
}

/// One connection, and the task that drives it.
async fn begin(
    config: &Config,
    tls: Option<MakeRustlsConnect>,
) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
    match tls {
        None => {
            let (client, connection) = config.connect(NoTls).await?;
            Ok((client, tokio::spawn(async move { drop(connection.await) })))
        }
        Some(tls) => {
            let (client, connection) = config.connect(tls).await?;
            Ok((client, tokio::spawn(async move { drop(connection.await) })))
        }
    }
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
