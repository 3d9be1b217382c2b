//! What can happen to a world: an instruction, as bytes, or an event from outside.

use crate::state::{State, sreg};

/// An instruction or event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// INT n.
    Int(u8),
    Int3,
    Into,
    /// INT1 (ICEBP).
    Int1,
    /// The interrupt controller, while the processor is at `jmp $`.
    External(u8),
    /// UD2: an exception without error code.
    Undefined,
    /// JMP ptr16:16 or ptr16:32.
    Jump {
        selector: u16,
        offset: u32,
        wide: bool,
    },
    /// CALL ptr16:16 or ptr16:32.
    Call {
        selector: u16,
        offset: u32,
        wide: bool,
    },
    /// RETF, RETF imm16.
    Retf {
        wide: bool,
        release: u32,
    },
    /// IRET, IRETD.
    Iret {
        wide: bool,
    },
    /// MOV sreg, AX, or LSS and so on where CS is meant to be tried.
    LoadSegment {
        register: usize,
        selector: u16,
    },
    Lldt(u16),
    Ltr(u16),
    /// LAR, LSL, VERR, VERW of AX; the first two into EDX.
    Look {
        what: Look,
        selector: u16,
    },
    Pushf {
        wide: bool,
    },
    Popf {
        wide: bool,
    },
    Cli,
    Sti,
    /// IN AL, AX or EAX from DX.
    In {
        port: u16,
        width: u32,
    },
    /// OUT to DX.
    Out {
        port: u16,
        width: u32,
    },
}

/// Instructions that look at a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Rights,
    Limit,
    Readable,
    Writable,
}

impl Op {
    /// The instruction, for the operand size of the current code segment.
    pub fn bytes(&self, s: &State) -> Vec<u8> {
        let default = s.seg[sreg::CS].is_big();
        let sized = |wide: bool, opcode: &[u8]| {
            let mut bytes = if wide == default { vec![] } else { vec![0x66] };
            bytes.extend_from_slice(opcode);
            bytes
        };
        let pointer = |opcode: u8, selector: u16, offset: u32, wide: bool| {
            let mut bytes = sized(wide, &[opcode]);
            bytes.extend_from_slice(&offset.to_le_bytes()[..if wide { 4 } else { 2 }]);
            bytes.extend_from_slice(&selector.to_le_bytes());
            bytes
        };
        match *self {
            Self::Int(n) => vec![0xcd, n],
            Self::Int3 => vec![0xcc],
            Self::Into => vec![0xce],
            Self::Int1 => vec![0xf1],
            Self::External(_) => vec![0xeb, 0xfe],
            Self::Undefined => vec![0x0f, 0x0b],
            Self::Jump {
                selector,
                offset,
                wide,
            } => pointer(0xea, selector, offset, wide),
            Self::Call {
                selector,
                offset,
                wide,
            } => pointer(0x9a, selector, offset, wide),
            Self::Retf { wide, release: 0 } => sized(wide, &[0xcb]),
            Self::Retf { wide, release } => {
                let [low, high, ..] = release.to_le_bytes();
                sized(wide, &[0xca, low, high])
            }
            Self::Iret { wide } => sized(wide, &[0xcf]),
            // mod 11, reg the segment register, r/m AX
            Self::LoadSegment { register, .. } => vec![0x8e, 0xc0 | (register as u8) << 3],
            Self::Lldt(_) => vec![0x0f, 0x00, 0xd0],
            Self::Ltr(_) => vec![0x0f, 0x00, 0xd8],
            Self::Look { what, .. } => match what {
                Look::Rights => sized(true, &[0x0f, 0x02, 0xd0]),
                Look::Limit => sized(true, &[0x0f, 0x03, 0xd0]),
                Look::Readable => vec![0x0f, 0x00, 0xe0],
                Look::Writable => vec![0x0f, 0x00, 0xe8],
            },
            Self::Pushf { wide } => sized(wide, &[0x9c]),
            Self::Popf { wide } => sized(wide, &[0x9d]),
            Self::Cli => vec![0xfa],
            Self::Sti => vec![0xfb],
            Self::In { width: 1, .. } => vec![0xec],
            Self::In { width, .. } => sized(width == 4, &[0xed]),
            Self::Out { width: 1, .. } => vec![0xee],
            Self::Out { width, .. } => sized(width == 4, &[0xef]),
        }
    }

    /// The port that the instruction takes from DX.
    pub fn port(&self) -> Option<u16> {
        match *self {
            Self::In { port, .. } | Self::Out { port, .. } => Some(port),
            _ => None,
        }
    }

    /// What the instruction takes from AX.
    pub fn selector(&self) -> Option<u16> {
        match *self {
            Self::LoadSegment { selector, .. }
            | Self::Lldt(selector)
            | Self::Ltr(selector)
            | Self::Look { selector, .. } => Some(selector),
            _ => None,
        }
    }
}
