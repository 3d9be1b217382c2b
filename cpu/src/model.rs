//! Processor models as data.

use crate::core::Cr0;

/// A processor model.
#[derive(Debug)]
pub struct CpuModel {
    /// The name that `--cpu` takes.
    pub name: &'static str,
    /// One line for `cpu list`.
    pub description: &'static str,
    /// EDX after reset: family, model and stepping.
    pub reset_edx: u32,
}

/// All models, oldest first.
pub const MODELS: &[CpuModel] = &[
    CpuModel {
        name: "386",
        description: "Intel 386DX, no coprocessor",
        reset_edx: 0x0308,
    },
    CpuModel {
        name: "486",
        description: "Intel 486, no coprocessor",
        reset_edx: 0x0423,
    },
    CpuModel {
        name: "pentium",
        description: "Intel Pentium, no coprocessor",
        reset_edx: 0x0525,
    },
    CpuModel {
        name: "p6",
        description: "Intel Pentium Pro, no coprocessor",
        reset_edx: 0x0617,
    },
];

impl CpuModel {
    /// CR0 after reset (SDM vol. 3A table 9-1). EM is clear even though no coprocessor is fitted.
    pub fn reset_cr0(&self) -> Cr0 {
        if self.name == "386" {
            Cr0::empty()
        } else {
            Cr0::ET | Cr0::CD | Cr0::NW
        }
    }

    /// The model that is called `name`.
    pub fn by_name(name: &str) -> Option<&'static CpuModel> {
        MODELS.iter().find(|model| model.name.eq_ignore_ascii_case(name))
    }
}
