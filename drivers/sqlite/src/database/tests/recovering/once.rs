//! Each write once, whatever happens.
