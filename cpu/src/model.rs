//! Processor models as data.

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
    /// The model that is called `name`.
    pub fn by_name(name: &str) -> Option<&'static CpuModel> {
        MODELS.iter().find(|model| model.name.eq_ignore_ascii_case(name))
    }
}
