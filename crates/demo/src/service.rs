//! The application as a service on HTTP.
//!
//! The release, the settings and the flags are read once, at start: whoever changes them has to restart the
//! service. Maintenance is read at every request. A schema that does not fit the release does not keep the
//! service from starting; `/health` says so.

mod answer;
mod application;
mod health;
mod in_flight;
mod log_in;
mod maintenance;
mod path_id;
mod stats;
mod store;
mod tasks;
mod token;

use anyhow::{Context, Result};
use application::Application;
use axum::Router;
use axum::routing::{get, post};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// How long requests may go on once the service is told to stop.
const GRACE: Duration = Duration::from_secs(1);

/// Serves the estate in `dir` at `address` until SIGTERM or SIGINT.
///
/// # Errors
/// The address is taken, or the release, the settings or the flags cannot be read.
pub async fn serve(dir: &Path, address: SocketAddr) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    let listener = TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
    let told_to_stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve_until(dir, listener, told_to_stop).await
}

/// Serves the estate in `dir` on a listener until `stop` comes true; then lets requests end, for a second at
/// most, and closes the database.
///
/// # Errors
/// The release, the settings or the flags cannot be read.
pub async fn serve_until(
    dir: &Path,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let dir = dir.to_owned();
    let started = tokio::task::spawn_blocking(move || Application::start(&dir));
    let application = Arc::new(started.await.context("start the application")??);
    let stopping = Arc::new(Notify::new());
    let out_of_patience = {
        let stopping = Arc::clone(&stopping);
        async move {
            stopping.notified().await;
            tokio::time::sleep(GRACE).await;
        }
    };
    let server = axum::serve(listener, router(&application)).with_graceful_shutdown(async move {
        stop.await;
        stopping.notify_one();
    });
    let outcome = tokio::select! {
        outcome = server.into_future() => outcome.context("serve requests"),
        () = out_of_patience => Ok(()),
    };
    let closed = tokio::task::spawn_blocking(move || application.store.close());
    closed.await.context("close the database")?;
    outcome
}

fn router(application: &Arc<Application>) -> Router {
    let api = Router::new()
        .route("/login", post(log_in::log_in))
        .route("/tasks", get(tasks::list).post(tasks::create))
        .route("/tasks/{id}", get(tasks::read).patch(tasks::change).delete(tasks::remove))
        .route("/stats", get(stats::stats));
    // The first API never goes away: phones that nobody updates still call it.
    let mut all = Router::new().nest("/api/v1", api.clone());
    if application.release.api != "/api/v1" {
        all = all.nest(&application.release.api, api);
    }
    let closed = axum::middleware::from_fn_with_state(Arc::clone(application), maintenance::guard);
    all.fallback(answer::nothing_here)
        .layer(closed)
        .route("/health", get(health::health))
        .with_state(Arc::clone(application))
}
