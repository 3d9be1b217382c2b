//! The 8042 keyboard controller with its keyboard and mouse.

mod keycode;

pub use keycode::KeyCode;
