//! Exceptions as values: vector, error code, and which rule of the manual was broken.

/// Exception vectors (SDM vol. 3A table 6-1).
pub mod vector {
    /// #DE, divide error.
    pub const DE: u8 = 0;
    /// #DB, debug.
    pub const DB: u8 = 1;
    /// Non-maskable interrupt.
    pub const NMI: u8 = 2;
    /// #BP, breakpoint.
    pub const BP: u8 = 3;
    /// #OF, overflow.
    pub const OF: u8 = 4;
    /// #BR, bound range exceeded.
    pub const BR: u8 = 5;
    /// #UD, invalid opcode.
    pub const UD: u8 = 6;
    /// #NM, device not available.
    pub const NM: u8 = 7;
    /// #DF, double fault.
    pub const DF: u8 = 8;
    /// #TS, invalid TSS.
    pub const TS: u8 = 10;
    /// #NP, segment not present.
    pub const NP: u8 = 11;
    /// #SS, stack segment fault.
    pub const SS: u8 = 12;
    /// #GP, general protection.
    pub const GP: u8 = 13;
    /// #PF, page fault.
    pub const PF: u8 = 14;
    /// #MF, x87 error.
    pub const MF: u8 = 16;
    /// #AC, alignment check.
    pub const AC: u8 = 17;
    /// #XM, SIMD floating-point exception.
    pub const XM: u8 = 19;
}

macro_rules! fault_rules {
    ($($name:ident: $text:literal),* $(,)?) => {
        /// Which check of the manual failed. For logs and the debugger; the guest never sees it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FaultRule { $(#[doc = $text] $name),* }

        impl FaultRule {
            /// The rule in words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

fault_rules! {
    DivideByZeroOrOverflow: "the divisor is zero or the quotient does not fit (SDM 2A \"DIV\")",
    UndefinedOpcode: "the opcode is not defined on this processor",
    LockNotAllowed: "LOCK on an instruction or form that does not take it (SDM 2A \"LOCK\")",
    InstructionTooLong: "the instruction is longer than 15 bytes (SDM 2A 2.3.11)",
    NotInThisMode: "the instruction is not recognised in real or virtual-8086 mode",
    PrivilegeLevelNotZero: "the instruction needs CPL 0",
    IoplTooLow: "IOPL is below what the instruction needs (SDM 1 19.5.1)",
    IoPermissionDenied: "CPL exceeds IOPL and the I/O bitmap denies the port (SDM 1 19.5.2)",
    FpuException: "an unmasked x87 exception waits (SDM 1 8.7)",
    SimdException: "an unmasked exception of MXCSR (SDM 1 11.5)",
    SimdNotEnabled: "CR0.EM is set or CR4.OSFXSR is clear (SDM 3A 13.1)",
    MisalignedVector: "an operand of 16 bytes is not aligned (SDM 1 10.4.1.1)",
    CoprocessorNotAvailable: "CR0.EM or CR0.TS bars the coprocessor (SDM 3A 2.5)",
    OverflowTrap: "INTO with OF set",
    BoundExceeded: "the index is outside the bounds (SDM 2A \"BOUND\")",
    Breakpoint: "INT3",
    SingleStep: "EFLAGS.TF was set before the instruction",
    DebugRegister: "a breakpoint of DR0 to DR3 matched",
    DebugRegisterAccess: "DR7.GD is set and a debug register was accessed",
    TaskSwitchTrap: "the T bit of the new TSS is set",
    SoftwareInterrupt: "INT n",
    ExternalInterrupt: "an interrupt from the interrupt controller",
    NonMaskable: "NMI",
    LimitViolation: "the operand lies outside the segment limit (SDM 3A 5.3)",
    NullSegment: "the segment register holds a null selector (SDM 3A 3.4.2)",
    NotWritable: "the segment is not writable (SDM 3A 5.5)",
    NotReadable: "the code segment is execute-only (SDM 3A 5.5)",
    FetchBeyondLimit: "EIP lies outside the limit of CS (SDM 3A 5.3)",
    PageNotPresent: "a page or page table is not present (SDM 3A 4.7)",
    PageProtection: "the page does not allow this access (SDM 3A 4.6)",
    PageReservedBit: "a paging entry has a reserved bit set (SDM 3A 4.7)",
    Misaligned: "a misaligned access at CPL 3 with AM and AC set (SDM 3A 6.15 #AC)",
    NullSelector: "a null selector where a segment is needed",
    SelectorBeyondTable: "the selector is beyond the limit of its descriptor table",
    WrongDescriptorType: "the descriptor's type does not fit this use",
    DescriptorPrivilege: "DPL, CPL and RPL do not allow this use of the descriptor (SDM 3A 5.5 to 5.8)",
    SegmentNotPresent: "the descriptor's present bit is clear",
    StackNotWritable: "the stack segment is not a writable data segment",
    StackSpace: "the new stack has no room",
    TargetBeyondLimit: "the target EIP is beyond the limit of its code segment",
    GateBeyondIdt: "the vector is beyond the limit of the IDT",
    GateType: "the IDT entry is not an interrupt, trap or task gate",
    GatePrivilege: "a software interrupt through a gate with DPL below CPL",
    GateNotPresent: "the gate is not present",
    TssTooSmall: "the limit of the TSS is too small",
    TssBusy: "the TSS is already busy, or not busy on a return",
    TssInvalid: "the TSS names an invalid segment or stack",
    LdtInvalid: "the LDT of the new task is invalid",
    TssNotAvailable: "the descriptor is not an available TSS",
    ControlRegisterBits: "reserved or inconsistent bits in a control register",
    PagePointerReserved: "a page directory pointer has a reserved bit set (SDM 3A 4.4.1)",
    MonitorExtension: "MONITOR or MWAIT with an extension that does not exist (SDM 2B \"MONITOR\")",
    UnknownMsr: "the MSR does not exist on this processor",
    MsrValue: "the MSR does not take this value",
    VirtualInterruptPending: "virtual interrupts would be enabled with VIP set (SDM 3B 20.3)",
    DoubleFault: "a fault occurred while an earlier one was being delivered (SDM 3A 6.15 #DF)",
}

/// An exception that an instruction raises, or an interrupt. A guest event, not a Rust error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Vector, see [`vector`].
    pub vector: u8,
    /// Error code, if this exception has one in protected mode.
    pub error: Option<u32>,
    /// Linear address for CR2 (page faults).
    pub addr: u32,
    /// What was violated.
    pub rule: FaultRule,
}

impl Fault {
    /// A fault without error code.
    pub const fn plain(vector: u8, rule: FaultRule) -> Self {
        Self {
            vector,
            error: None,
            addr: 0,
            rule,
        }
    }

    /// A fault with an error code.
    pub const fn with_error(vector: u8, error: u32, rule: FaultRule) -> Self {
        Self {
            vector,
            error: Some(error),
            addr: 0,
            rule,
        }
    }

    /// #UD.
    pub const fn undefined(rule: FaultRule) -> Self {
        Self::plain(vector::UD, rule)
    }

    /// #GP(selector or 0).
    pub const fn protection(error: u32, rule: FaultRule) -> Self {
        Self::with_error(vector::GP, error, rule)
    }
}
