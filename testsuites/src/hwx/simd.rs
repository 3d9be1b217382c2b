//! The SSE part of a vector's state.

use oldiron_cpu::{Core, Cr4, Mxcsr};

/// MXCSR and XMM0 to XMM7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SimdState {
    mxcsr: u32,
    xmm: [u128; 8],
}

impl Default for SimdState {
    fn default() -> Self {
        Self {
            mxcsr: Mxcsr::RESET.bits(),
            xmm: [0; 8],
        }
    }
}

/// The fields of this state in a presence mask.
const FIELD_MXCSR: usize = 19;
const FIELD_XMM: usize = 28;

impl SimdState {
    /// Takes over a field of the file, if it is one of these.
    pub(super) fn set_field(&mut self, field: usize, value: u128) {
        match field {
            FIELD_MXCSR => self.mxcsr = value as u32,
            FIELD_XMM..36 => self.xmm[field - FIELD_XMM] = value,
            _ => {}
        }
    }

    /// Puts it into an image for FXRSTOR (SDM vol. 1 table 10-2).
    pub(super) fn write_image(&self, image: &mut [u8; 512]) {
        image[24..28].copy_from_slice(&self.mxcsr.to_le_bytes());
        for (place, register) in image[160..288].chunks_exact_mut(16).zip(self.xmm) {
            place.copy_from_slice(&register.to_le_bytes());
        }
    }

    /// What FXSAVE stored.
    pub(super) fn read_image(image: &[u8; 512]) -> Self {
        Self {
            mxcsr: u32::from_le_bytes(core::array::from_fn(|byte| image[24 + byte])),
            xmm: core::array::from_fn(|n| {
                u128::from_le_bytes(core::array::from_fn(|byte| image[160 + n * 16 + byte]))
            }),
        }
    }

    /// Puts it into a processor, and enables what the vectors ran with as far as the model has it.
    pub(super) fn load(&self, core: &mut Core) {
        core.cr4 = (Cr4::OSFXSR | Cr4::OSXMMEXCPT) & core.model.cr4;
        core.mxcsr = Mxcsr::from_bits_retain(self.mxcsr);
        core.xmm = self.xmm.map(Into::into);
    }

    /// What a processor holds.
    pub(super) fn observe(core: &Core) -> Self {
        Self {
            mxcsr: core.mxcsr.bits(),
            xmm: core.xmm.map(Into::into),
        }
    }

    /// Where what was observed differs from this. `approximate`: the vector's is one of RCPxx and RSQRTxx.
    pub(super) fn differences(&self, observed: &Self, approximate: bool) -> Vec<String> {
        let mut differences = Vec::new();
        if observed.mxcsr != self.mxcsr {
            differences.push(format!("mxcsr {:08x}, not {:08x}", observed.mxcsr, self.mxcsr));
        }
        for (n, (&got, &want)) in observed.xmm.iter().zip(&self.xmm).enumerate() {
            if got != want && !(approximate && are_close(got, want)) {
                differences.push(format!("xmm{n} {got:032x}, not {want:032x}"));
            }
        }
        differences
    }

    /// The state in words, one line for each register that changes or is not zero.
    pub(super) fn describe(&self, after: &Self) -> String {
        let mut text = format!("  mxcsr {:08x} -> {:08x}\n", self.mxcsr, after.mxcsr);
        for (n, (before, after)) in self.xmm.iter().zip(&after.xmm).enumerate() {
            if before | after != 0 {
                text += &format!("  xmm{n} {before:032x} -> {after:032x}\n");
            }
        }
        text
    }
}

/// Whether all four numbers agree as approximations do that are each within 1.5 * 2^-12 of the true value.
fn are_close(a: u128, b: u128) -> bool {
    (0..4).all(|n| {
        let (a, b) = ((a >> (32 * n)) as u32, (b >> (32 * n)) as u32);
        let (x, y) = (f32::from_bits(a), f32::from_bits(b));
        a == b || x.is_finite() && y.is_finite() && (x - y).abs() <= 3.0 / 4096.0 * y.abs()
    })
}
