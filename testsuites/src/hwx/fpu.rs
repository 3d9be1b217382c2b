//! The x87 part of a vector's state.

use oldiron_cpu::{F80, Fpu};

/// Control word of a vector that names none.
const DEFAULT_CONTROL: u16 = 0x37f;

/// FCW, FSW, FTW and ST0 to ST7 as FXSAVE shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FpuState {
    control: u16,
    status: u16,
    /// One bit for each physical register that is not empty.
    full: u8,
    stack: [F80; 8],
}

impl Default for FpuState {
    fn default() -> Self {
        Self {
            control: DEFAULT_CONTROL,
            status: 0,
            full: 0,
            stack: [F80::default(); 8],
        }
    }
}

/// The first field of this state in a presence mask, and the first of the stack.
const FIELD_CONTROL: usize = 16;
const FIELD_STACK: usize = 20;

impl FpuState {
    /// Takes over a field of the file, if it is one of these.
    pub(super) fn set_field(&mut self, field: usize, value: u128) {
        match field {
            FIELD_CONTROL => self.control = value as u16,
            17 => self.status = value as u16,
            18 => self.full = value as u8,
            FIELD_STACK..28 => {
                self.stack[field - FIELD_STACK] = F80 {
                    sig: value as u64,
                    se: (value >> 64) as u16,
                }
            }
            _ => {}
        }
    }

    /// Puts it into an image for FXRSTOR (SDM vol. 1 table 10-2).
    pub(super) fn write_image(&self, image: &mut [u8; 512]) {
        image[0..2].copy_from_slice(&self.control.to_le_bytes());
        image[2..4].copy_from_slice(&self.status.to_le_bytes());
        image[4] = self.full;
        for (place, register) in image[32..160].chunks_exact_mut(16).zip(self.stack) {
            place[..8].copy_from_slice(&register.sig.to_le_bytes());
            place[8..10].copy_from_slice(&register.se.to_le_bytes());
        }
    }

    /// What FXSAVE stored.
    pub(super) fn read_image(image: &[u8; 512]) -> Self {
        let word = |at: usize| u16::from_le_bytes([image[at], image[at + 1]]);
        Self {
            control: word(0),
            status: word(2),
            full: image[4],
            stack: core::array::from_fn(|n| {
                let at = 32 + n * 16;
                F80 {
                    sig: u64::from_le_bytes(core::array::from_fn(|byte| image[at + byte])),
                    se: word(at + 8),
                }
            }),
        }
    }

    /// Puts it into a processor.
    pub(super) fn load(&self, fpu: &mut Fpu) {
        fpu.set_state(self.control, self.status, self.full, self.stack);
    }

    /// What a processor holds.
    pub(super) fn observe(fpu: &Fpu) -> Self {
        Self {
            control: fpu.control_word(),
            status: fpu.status_word(),
            full: fpu.full_mask(),
            stack: core::array::from_fn(|i| fpu.stack_register(i as u8)),
        }
    }

    /// Whether ST(i) is not empty.
    fn is_full(&self, i: usize) -> bool {
        let top = (self.status >> 11) as usize & 7;
        self.full >> ((top + i) & 7) & 1 != 0
    }

    /// Where what was observed differs from this. Values may be `tolerance` units of the last place apart; with
    /// none given they are not compared.
    pub(super) fn differences(
        &self,
        observed: &Self,
        status_mask: u16,
        tolerance: Option<u8>,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        let mut word = |name: &str, got: u16, want: u16| {
            if got != want {
                differences.push(format!("{name} {got:04x}, not {want:04x}"));
            }
        };
        word("fcw", observed.control, self.control);
        word("fsw", observed.status & status_mask, self.status & status_mask);
        word("ftw", observed.full as u16, self.full as u16);
        let Some(tolerance) = tolerance else {
            return differences;
        };
        for i in (0..8).filter(|&i| self.is_full(i)) {
            let (got, want) = (observed.stack[i], self.stack[i]);
            if got != want && distance(got, want) > tolerance as u128 {
                differences.push(format!("st{i} {}, not {}", show(got), show(want)));
            }
        }
        differences
    }

    /// The state in words, one line for each register that matters.
    pub(super) fn describe(&self, after: &Self) -> String {
        let words = |state: &Self| {
            format!(
                "fcw {:04x} fsw {:04x} ftw {:02x}",
                state.control, state.status, state.full
            )
        };
        let mut text = format!("  {} -> {}\n", words(self), words(after));
        for i in 0..8 {
            if self.is_full(i) || after.is_full(i) {
                text += &format!("  st{i} {} -> {}\n", show(self.stack[i]), show(after.stack[i]));
            }
        }
        text
    }
}

/// Distance of two values of the same sign in units of the last place; equal values are not asked for.
fn distance(a: F80, b: F80) -> u128 {
    let key = |value: F80| ((value.se & 0x7fff) as i128) << 63 | (value.sig & (u64::MAX >> 1)) as i128;
    if (a.se ^ b.se) & 0x8000 != 0 {
        return u128::MAX;
    }
    key(a).abs_diff(key(b)).max(1)
}

fn show(value: F80) -> String {
    format!("{:04x}.{:016x}", value.se, value.sig)
}
