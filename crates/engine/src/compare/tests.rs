//! Tests follow the fake side.
