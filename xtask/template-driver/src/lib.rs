//! Driver for {{name}}: a module for each kind.

pub use {{kind}}::{{Name}}{{Kind}};

mod {{kind}};
