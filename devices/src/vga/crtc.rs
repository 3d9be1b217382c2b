//! CRT controller registers (3D4h/3D5h, in monochrome addressing 3B4h/3B5h).

use bitflags::bitflags;

use super::registers::{Layout, RegisterFile};

pub const HORIZONTAL_TOTAL: u8 = 0x00;
pub const HORIZONTAL_DISPLAY_END: u8 = 0x01;
pub const VERTICAL_TOTAL: u8 = 0x06;
pub const OVERFLOW: u8 = 0x07;
pub const PRESET_ROW_SCAN: u8 = 0x08;
pub const MAXIMUM_SCAN_LINE: u8 = 0x09;
pub const CURSOR_START: u8 = 0x0a;
pub const CURSOR_END: u8 = 0x0b;
pub const START_ADDRESS_HIGH: u8 = 0x0c;
pub const START_ADDRESS_LOW: u8 = 0x0d;
pub const CURSOR_LOCATION_HIGH: u8 = 0x0e;
pub const CURSOR_LOCATION_LOW: u8 = 0x0f;
pub const VERTICAL_RETRACE_START: u8 = 0x10;
pub const VERTICAL_RETRACE_END: u8 = 0x11;
pub const VERTICAL_DISPLAY_END: u8 = 0x12;
pub const OFFSET: u8 = 0x13;
pub const UNDERLINE_LOCATION: u8 = 0x14;
pub const MODE_CONTROL: u8 = 0x17;
pub const LINE_COMPARE: u8 = 0x18;
/// Undocumented: the latch of the plane that the read map select names.
pub const LATCH_READBACK: u8 = 0x22;
/// Undocumented: bit 7 is the attribute controller's flip-flop.
pub const ATTRIBUTE_FLIP_FLOP: u8 = 0x24;
/// Undocumented: the attribute controller's index.
pub const ATTRIBUTE_INDEX: u8 = 0x26;

const COUNT: usize = 0x19;

/// Vertical retrace end, bit 4: 0 clears the vertical interrupt.
pub const CLEAR_VERTICAL_INTERRUPT: u8 = 1 << 4;
/// Vertical retrace end, bit 5: 1 keeps the vertical interrupt from the line.
pub const DISABLE_VERTICAL_INTERRUPT: u8 = 1 << 5;
/// Vertical retrace end, bit 7: registers 0 to 7 are read-only.
const PROTECT: u8 = 1 << 7;
/// Overflow, bit 4: line compare bit 8, writable despite [`PROTECT`].
const LINE_COMPARE_8: u8 = 1 << 4;

bitflags! {
    /// Mode control, register 17h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ModeControl: u8 {
        /// 0: row scan bit 0 replaces memory address bit 13 (CGA's two banks).
        const MAP_13 = 1 << 0;
        /// 0: row scan bit 1 replaces memory address bit 14 (Hercules' four banks).
        const MAP_14 = 1 << 1;
        /// The vertical counters advance every second scan line.
        const HALF_VERTICAL = 1 << 2;
        /// The address counter advances every second character clock.
        const COUNT_BY_TWO = 1 << 3;
        /// Word mode brings bit 15, not bit 13, down to bit 0.
        const ADDRESS_WRAP = 1 << 5;
        /// 1: byte mode, 0: word mode.
        const BYTE_MODE = 1 << 6;
        /// 0: no retrace pulses.
        const SYNC_ENABLE = 1 << 7;
    }
}

/// Which registers there are.
#[derive(Debug)]
pub enum CrtcLayout {}

impl Layout<COUNT> for CrtcLayout {
    const INDEX_MASK: u8 = 0x3f;
    const IMPLEMENTED: [u8; COUNT] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff,
    ];

    fn writable(regs: &[u8; COUNT], index: usize) -> u8 {
        let protected = regs[usize::from(VERTICAL_RETRACE_END)] & PROTECT != 0;
        match index {
            _ if index > usize::from(OVERFLOW) || !protected => {
                Self::IMPLEMENTED.get(index).copied().unwrap_or(0)
            }
            _ if index == usize::from(OVERFLOW) => LINE_COMPARE_8,
            _ => 0,
        }
    }
}

/// The registers.
pub type Crtc = RegisterFile<CrtcLayout, COUNT>;

impl Crtc {
    fn pair(&self, high: u8, low: u8) -> u16 {
        u16::from_be_bytes([self.reg(high), self.reg(low)])
    }

    /// A vertical register with its overflow bits 8 and 9 at the given bits of register 7.
    fn vertical(&self, low: u8, bit8: u8, bit9: u8) -> u16 {
        let overflow = u16::from(self.reg(OVERFLOW));
        u16::from(self.reg(low)) | (overflow >> bit8 & 1) << 8 | (overflow >> bit9 & 1) << 9
    }

    /// Characters in a line, blanking included.
    pub fn horizontal_total(&self) -> u16 {
        u16::from(self.reg(HORIZONTAL_TOTAL)) + 5
    }

    /// Characters displayed in a line.
    pub fn characters(&self) -> u16 {
        (u16::from(self.reg(HORIZONTAL_DISPLAY_END)) + 1).min(self.horizontal_total())
    }

    /// Scan lines in a frame, blanking included, in units of [`Self::vertical_scale`].
    pub fn vertical_total(&self) -> u16 {
        self.vertical(VERTICAL_TOTAL, 0, 5) + 2
    }

    /// Scan lines displayed, in units of [`Self::vertical_scale`].
    pub fn lines(&self) -> u16 {
        (self.vertical(VERTICAL_DISPLAY_END, 1, 6) + 1).min(self.vertical_total())
    }

    /// Where vertical retrace starts, in units of [`Self::vertical_scale`].
    pub fn retrace_start(&self) -> u16 {
        self.vertical(VERTICAL_RETRACE_START, 2, 7)
    }

    /// The length of vertical retrace: its end is compared in four bits.
    pub fn retrace_length(&self) -> u16 {
        let length = u16::from(self.reg(VERTICAL_RETRACE_END)).wrapping_sub(self.retrace_start()) & 15;
        if length == 0 { 16 } else { length }
    }

    /// Scan lines that one step of the vertical counter lasts.
    pub fn vertical_scale(&self) -> u16 {
        if self.mode().contains(ModeControl::HALF_VERTICAL) {
            2
        } else {
            1
        }
    }

    /// The scan line after which the address counter starts again at 0.
    pub fn line_compare(&self) -> u16 {
        let bit9 = u16::from(self.reg(MAXIMUM_SCAN_LINE)) >> 6 & 1;
        u16::from(self.reg(LINE_COMPARE)) | u16::from(self.reg(OVERFLOW)) << 4 & 0x100 | bit9 << 9
    }

    /// Highest row scan address of a character row.
    pub fn maximum_row_scan(&self) -> u8 {
        self.reg(MAXIMUM_SCAN_LINE) & 31
    }

    /// Whether each scan line is shown twice.
    pub fn double_scan(&self) -> bool {
        self.reg(MAXIMUM_SCAN_LINE) & 0x80 != 0
    }

    /// Row scan address of the first line.
    pub fn preset_row_scan(&self) -> u8 {
        self.reg(PRESET_ROW_SCAN) & 31
    }

    /// Characters that the picture is moved to the left.
    pub fn byte_panning(&self) -> u16 {
        u16::from(self.reg(PRESET_ROW_SCAN) >> 5 & 3)
    }

    /// Start address as programmed; takes effect at the vertical retrace.
    pub fn start_address(&self) -> u16 {
        self.pair(START_ADDRESS_HIGH, START_ADDRESS_LOW)
    }

    /// Cursor address, in the address counter's units.
    pub fn cursor_location(&self) -> u16 {
        self.pair(CURSOR_LOCATION_HIGH, CURSOR_LOCATION_LOW)
    }

    /// First and last row scan of the cursor; none if it is off or starts below its end.
    pub fn cursor_rows(&self) -> Option<(u8, u8)> {
        let start = self.reg(CURSOR_START);
        let (first, last) = (start & 31, self.reg(CURSOR_END) & 31);
        (start & 0x20 == 0 && first <= last && first <= self.maximum_row_scan()).then_some((first, last))
    }

    /// Characters that the cursor is late.
    pub fn cursor_skew(&self) -> u16 {
        u16::from(self.reg(CURSOR_END) >> 5 & 3)
    }

    /// What a character row adds to the address counter.
    pub fn pitch(&self) -> u16 {
        u16::from(self.reg(OFFSET)) * 2
    }

    /// Row scan address of the underline.
    pub fn underline_row(&self) -> u8 {
        self.reg(UNDERLINE_LOCATION) & 31
    }

    /// Register 17h.
    pub fn mode(&self) -> ModeControl {
        ModeControl::from_bits_truncate(self.reg(MODE_CONTROL))
    }

    /// Register 14h bit 6.
    pub fn doubleword_mode(&self) -> bool {
        self.reg(UNDERLINE_LOCATION) & 0x40 != 0
    }

    /// log2 of the character clocks that the address counter keeps a value.
    pub fn count_shift(&self) -> u32 {
        if self.reg(UNDERLINE_LOCATION) & 0x20 != 0 {
            2
        } else {
            u32::from(self.mode().contains(ModeControl::COUNT_BY_TWO))
        }
    }

    /// The rule that turns an address counter value into a memory address.
    pub fn address_rule(&self, row_scan: u8) -> AddressRule {
        let mode = self.mode();
        let shift = if self.doubleword_mode() {
            2
        } else {
            u32::from(!mode.contains(ModeControl::BYTE_MODE))
        };
        // IBM's table of memory address lines: word mode brings bit 15 down to line 0, or bit 13 without
        // address wrap (a board with 64 KiB). Doubleword mode brings down bits 12 and 13, which lines 14
        // and 15 show too: the picture wraps within the 64 KiB that chain 4 lets the CPU reach.
        let low = match shift {
            0 => None,
            1 if !mode.contains(ModeControl::ADDRESS_WRAP) => Some((13, 1)),
            1 => Some((15, 1)),
            _ => Some((12, 3)),
        };
        let (mut keep, mut set) = (0xffff, 0);
        if !mode.contains(ModeControl::MAP_13) {
            keep &= !(1 << 13);
            set |= u16::from(row_scan & 1) << 13;
        }
        if !mode.contains(ModeControl::MAP_14) {
            keep &= !(1 << 14);
            set |= u16::from(row_scan >> 1 & 1) << 14;
        }
        AddressRule {
            shift,
            low,
            keep,
            set,
        }
    }
}

/// How the address counter is wired to the memory's address lines on one scan line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRule {
    shift: u32,
    low: Option<(u32, u16)>,
    keep: u16,
    set: u16,
}

impl AddressRule {
    /// The memory address for a counter value.
    #[inline]
    pub fn apply(self, counter: u16) -> u16 {
        let low = self.low.map_or(0, |(from, mask)| counter >> from & mask);
        (counter << self.shift | low) & self.keep | self.set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crtc(values: &[(u8, u8)]) -> Crtc {
        let mut c = Crtc::default();
        for &(index, value) in values {
            c.set_index(index);
            c.write(value);
        }
        c
    }

    #[test]
    fn registers_0_to_7_are_protected_except_line_compare_bit_8() {
        let mut c = crtc(&[(0x00, 0x5f), (0x07, 0x1f), (0x11, 0x8e)]);
        for index in 0..=7 {
            c.set_index(index);
            c.write(0xa5);
        }
        assert_eq!(c.reg(0), 0x5f);
        assert_eq!(c.reg(1), 0);
        assert_eq!(c.reg(7), 0x0f);
        c.set_index(0x09);
        c.write(0x4f);
        assert_eq!(c.reg(9), 0x4f);
    }

    #[test]
    fn overflow_bits_extend_the_vertical_registers() {
        for (bit, which) in [(0, 0), (5, 0), (1, 1), (6, 1), (2, 2), (7, 2), (4, 3)] {
            let c = crtc(&[(6, 0xfe), (7, 1 << bit), (0x12, 0xff), (0x10, 0xff), (0x18, 0xff)]);
            let values = [c.vertical_total() - 2, c.retrace_start(), c.line_compare()];
            let high = if bit >= 5 { 0x200 } else { 0x100 };
            assert_eq!(values[0], 0xfe + if which == 0 { high } else { 0 });
            assert_eq!(values[1], 0xff + if which == 2 { high } else { 0 });
            assert_eq!(values[2], 0xff + if which == 3 { high } else { 0 });
        }
        assert_eq!(crtc(&[(9, 0x40)]).line_compare(), 0x200);
        assert_eq!(crtc(&[(6, 0xff), (7, 0x23 | 0x40), (0x12, 0x8f)]).lines(), 0x390);
    }

    #[test]
    fn memory_addresses_follow_byte_word_and_doubleword_mode() {
        let rule = |c17: u8, c14: u8, row: u8| crtc(&[(0x17, c17), (0x14, c14)]).address_rule(row);
        assert_eq!(rule(0xe3, 0, 3).apply(0x8001), 0x8001);
        assert_eq!(rule(0xa3, 0, 0).apply(0x8001), 0x0003);
        assert_eq!(rule(0x83, 0, 0).apply(0x2001), 0x4003);
        assert_eq!(rule(0xa3, 0x40, 0).apply(0x0fff), 0x3ffc);
        assert_eq!(rule(0xa3, 0x40, 0).apply(0x1001), 0x4005);
        assert_eq!(rule(0xa3, 0x40, 0).apply(0x2001), 0x8006);
        assert_eq!(
            rule(0xa3, 0x40, 0).apply(0x7001),
            0xc007,
            "bits 14 and 15 go nowhere"
        );
    }

    #[test]
    fn row_scan_bits_replace_address_bits_13_and_14_for_cga_and_hercules_banks() {
        let rule = |c17: u8, row: u8| crtc(&[(0x17, c17)]).address_rule(row);
        assert_eq!(rule(0xa2, 1).apply(5), 0x200a);
        assert_eq!(rule(0xa2, 2).apply(5), 0x000a);
        assert_eq!(rule(0xc0, 3).apply(5), 0x6005);
    }

    #[test]
    fn a_cursor_that_starts_below_its_end_is_off() {
        assert_eq!(crtc(&[(9, 15), (10, 13), (11, 14)]).cursor_rows(), Some((13, 14)));
        assert_eq!(crtc(&[(9, 15), (10, 14), (11, 13)]).cursor_rows(), None);
        assert_eq!(crtc(&[(9, 15), (10, 0x2d), (11, 14)]).cursor_rows(), None);
    }
}
