//! A vault as files: what is stored, what stock tools make of it, and what is done about damage and kills.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod vault {
    mod damage;
    mod exporting;
    mod golden;
    mod keeping;
    mod keys;
    mod kills;
    mod pruning;
    mod stock;
    mod support;
}
