//! The recorder against a real server.
