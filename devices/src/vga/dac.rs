//! The palette DAC (3C6h to 3C9h), after Inmos G171: 256 colours of three times six bits, or eight where the
//! adapter switches it.
//!
//! There is no hidden command register behind the pixel mask, as later high-colour parts have one.

/// What the next access to 3C9h belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cycle {
    Write,
    Read,
}

/// The DAC.
#[derive(Clone, Debug)]
pub struct Dac {
    mask: u8,
    address: u8,
    cycle: Cycle,
    /// Which of red, green, blue is next.
    component: u8,
    /// The colour being read or written: a write reaches the table with its third byte.
    staged: [u8; 3],
    colors: [[u8; 3]; 256],
    /// Colours have eight bits. Not saved with them: the adapter's registers say so.
    wide: bool,
}

impl Default for Dac {
    fn default() -> Self {
        Self {
            mask: 0xff,
            address: 0,
            cycle: Cycle::Write,
            component: 0,
            staged: [0; 3],
            colors: [[0; 3]; 256],
            wide: false,
        }
    }
}

impl Dac {
    /// Switches to colours of eight bits or back to six. They stay what they are, as near as can be.
    pub fn set_wide(&mut self, wide: bool) {
        if self.wide != wide {
            let change = |v: u8| if wide { v << 2 | v >> 4 } else { v >> 2 };
            self.colors = self.colors.map(|color| color.map(change));
            self.staged = self.staged.map(change);
            self.wide = wide;
        }
    }

    /// The pixel mask (3C6h).
    pub fn mask(&self) -> u8 {
        self.mask
    }

    /// Writes the pixel mask.
    pub fn set_mask(&mut self, value: u8) {
        self.mask = value;
    }

    /// A read of 3C7h: 3 while colours are being read, 0 while they are being written.
    pub fn state(&self) -> u8 {
        match self.cycle {
            Cycle::Write => 0,
            Cycle::Read => 3,
        }
    }

    /// A write to 3C7h: colours are read from `address` on. The part fetches the colour at once
    /// and moves its only address register on.
    pub fn start_read(&mut self, address: u8) {
        self.cycle = Cycle::Read;
        self.component = 0;
        self.staged = self.colors[usize::from(address)];
        self.address = address.wrapping_add(1);
    }

    /// A write to 3C8h: colours are written from `address` on.
    pub fn start_write(&mut self, address: u8) {
        self.cycle = Cycle::Write;
        self.component = 0;
        self.address = address;
    }

    /// A read of 3C8h.
    pub fn address(&self) -> u8 {
        self.address
    }

    /// A read of 3C9h.
    pub fn read(&mut self) -> u8 {
        let value = self.staged[usize::from(self.component % 3)];
        self.component = (self.component + 1) % 3;
        if self.component == 0 {
            self.staged = self.colors[usize::from(self.address)];
            self.address = self.address.wrapping_add(1);
        }
        value
    }

    /// A write to 3C9h.
    pub fn write(&mut self, value: u8) {
        self.staged[usize::from(self.component % 3)] = if self.wide { value } else { value & 0x3f };
        self.component = (self.component + 1) % 3;
        if self.component == 0 {
            self.colors[usize::from(self.address)] = self.staged;
            self.address = self.address.wrapping_add(1);
        }
    }

    /// The colour at `index`, past the mask, as 0x00RRGGBB.
    pub fn rgb(&self, index: u8) -> u32 {
        let color = self.colors[usize::from(index & self.mask)];
        let [r, g, b] = if self.wide {
            color
        } else {
            color.map(|v| v << 2 | v >> 4)
        };
        u32::from_be_bytes([0, r, g, b])
    }

    /// Whether both give the same colours.
    pub fn equals(&self, other: &Self) -> bool {
        self.mask == other.mask && self.colors == other.colors && self.wide == other.wide
    }

    /// Whether the monitor's load keeps the sense comparator high: it goes low when colour 0, which
    /// the blanked screen shows, drives the three lines above about 0.35 V on average.
    pub fn monitor_sense(&self) -> bool {
        let sum: u32 = self.colors[0].iter().map(|&v| u32::from(v)).sum();
        sum < if self.wide { 4 * 0x4e } else { 0x4e }
    }

    /// All state as bytes: five of registers, three staged, then the table.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.mask, self.address, self.state(), self.component];
        bytes.extend(self.staged);
        bytes.extend(self.colors.iter().flatten());
        bytes
    }

    /// Restores [`to_bytes`](Self::to_bytes) of a DAC that was `wide` or not; `None` if they are not those of one.
    pub fn from_bytes(bytes: &[u8], wide: bool) -> Option<Self> {
        let (&[mask, address, state, component, r, g, b], table) = bytes.split_first_chunk::<7>()?;
        let (chunks, rest) = table.as_chunks::<3>();
        let colors: [[u8; 3]; 256] = chunks.try_into().ok()?;
        let cycle = match state {
            0 => Cycle::Write,
            3 => Cycle::Read,
            _ => return None,
        };
        let fit = wide || colors.iter().flatten().chain(&[r, g, b]).all(|&v| v < 64);
        (rest.is_empty() && component < 3 && fit).then_some(Self {
            mask,
            address,
            cycle,
            component,
            staged: [r, g, b],
            colors,
            wide,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_writes_make_a_colour_and_the_address_moves_on() {
        let mut dac = Dac::default();
        dac.start_write(255);
        for value in [1, 2, 0xff, 4, 5, 6] {
            dac.write(value);
        }
        assert_eq!(dac.address(), 1);
        dac.start_read(255);
        assert_eq!(dac.state(), 3);
        let read: Vec<u8> = (0..6).map(|_| dac.read()).collect();
        assert_eq!(read, [1, 2, 0x3f, 4, 5, 6]);
        dac.start_write(0);
        assert_eq!(dac.state(), 0);
    }

    #[test]
    fn two_writes_change_no_colour() {
        let mut dac = Dac::default();
        dac.start_write(7);
        dac.write(10);
        dac.write(20);
        assert_eq!(dac.rgb(7), 0);
    }

    #[test]
    fn the_pixel_mask_reads_back_however_often_it_is_read_and_masks_colours() {
        let mut dac = Dac::default();
        dac.start_write(0x0f);
        for value in [0x3f, 0x20, 0] {
            dac.write(value);
        }
        assert_eq!(dac.rgb(0xff), 0);
        dac.set_mask(0x0f);
        assert_eq!(dac.rgb(0xff), 0xff8200);
        for _ in 0..5 {
            assert_eq!(dac.mask(), 0x0f);
        }
    }

    #[test]
    fn a_wide_dac_keeps_eight_bits_and_colours_outlast_the_switch() {
        let mut dac = Dac::default();
        dac.start_write(1);
        [0x3f, 0x20, 0x01].into_iter().for_each(|value| dac.write(value));
        dac.set_wide(true);
        assert_eq!(dac.rgb(1), 0xff8204);
        dac.start_write(1);
        [0xfe, 0x81, 0x03].into_iter().for_each(|value| dac.write(value));
        assert_eq!(dac.rgb(1), 0xfe8103);
        assert!(Dac::from_bytes(&dac.to_bytes(), false).is_none());
        assert_eq!(Dac::from_bytes(&dac.to_bytes(), true).unwrap().rgb(1), 0xfe8103);
        dac.set_wide(false);
        assert_eq!(dac.rgb(1), 0xff8200);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = Dac::default().to_bytes();
        assert!(Dac::from_bytes(&bytes, false).is_some());
        assert!(Dac::from_bytes(&bytes[1..], false).is_none());
        for (at, value) in [(2, 1), (3, 3), (4, 64), (700, 64)] {
            let mut bad = bytes.clone();
            bad[at] = value;
            assert!(Dac::from_bytes(&bad, false).is_none());
        }
    }
}
