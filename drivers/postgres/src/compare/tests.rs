//! Sides of real servers: what differs is found, what does not is not, whichever way it is read.

mod components;
mod kinds;
mod limits;
mod shapes;
mod support;
