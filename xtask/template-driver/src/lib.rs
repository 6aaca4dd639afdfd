//! Driver for {{name}}: a module for each kind.

pub use thing::{{Name}}Thing;

mod thing;
