//! The semantics of instructions.

pub(crate) mod control;
pub(crate) mod descriptor;
pub(crate) mod far;
pub(crate) mod flag_control;
pub(crate) mod io;
pub(crate) mod segment;
pub(crate) mod software_int;
pub(crate) mod table;
pub(crate) mod task;
