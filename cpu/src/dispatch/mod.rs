//! Dispatch: how handlers follow one another.

use crate::insn::Insn;

/// What executes an instruction and then calls the handler of the next one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handler(pub(crate) fn(&Insn));
