//! What a person or a script sees: the real binary on small estates, each in a folder of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cli {
    mod bad_input;
    mod busy;
    mod by_hand;
    mod checkpoints;
    mod compare;
    mod demo;
    mod drift;
    mod edited;
    mod explain;
    mod help;
    mod journal;
    mod json;
    mod life;
    mod older;
    mod plan_file;
    mod postgres;
    mod postgres_again;
    mod propose;
    mod propose_server;
    mod report;
    mod secrets;
    mod signals;
    mod stuck;
    mod tampered;
    mod world;
    mod writes;
}
