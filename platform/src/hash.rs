//! The 64-bit hash by which states, memories and pictures are compared.
//!
//! XXH64 with seed 0, as its specification (version 0.1.1) describes it: fixed for ever, the same
//! on every host, and fast enough for gigabytes of guest memory. Integers are hashed as their
//! little-endian bytes.

const P1: u64 = 0x9e37_79b1_85eb_ca87;
const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const P3: u64 = 0x1656_67b1_9e37_79f9;
const P4: u64 = 0x85eb_ca77_c2b2_ae63;
const P5: u64 = 0x27d4_eb2f_1656_67c5;

/// Bytes that are consumed at a time, eight for each accumulator.
const STRIPE: usize = 32;

const fn round(acc: u64, lane: u64) -> u64 {
    acc.wrapping_add(lane.wrapping_mul(P2))
        .rotate_left(31)
        .wrapping_mul(P1)
}

fn le64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// A hash under construction.
#[derive(Clone, Debug)]
pub struct Hasher {
    acc: [u64; 4],
    tail: [u8; STRIPE],
    tail_len: usize,
    total: u64,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            acc: [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)],
            tail: [0; STRIPE],
            tail_len: 0,
            total: 0,
        }
    }
}

impl Hasher {
    /// An empty hash.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.total = self.total.wrapping_add(bytes.len() as u64);
        if self.tail_len > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(STRIPE - self.tail_len));
            self.tail[self.tail_len..self.tail_len + head.len()].copy_from_slice(head);
            self.tail_len += head.len();
            bytes = rest;
            if self.tail_len < STRIPE {
                return;
            }
            let tail = self.tail;
            self.stripes(&tail);
            self.tail_len = 0;
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % STRIPE);
        self.stripes(whole);
        self.tail[..rest.len()].copy_from_slice(rest);
        self.tail_len = rest.len();
    }

    fn stripes(&mut self, bytes: &[u8]) {
        let [mut a, mut b, mut c, mut d] = self.acc;
        for stripe in bytes.as_chunks::<STRIPE>().0 {
            let (lanes, _) = stripe.as_chunks::<8>();
            if let &[w, x, y, z] = lanes {
                a = round(a, u64::from_le_bytes(w));
                b = round(b, u64::from_le_bytes(x));
                c = round(c, u64::from_le_bytes(y));
                d = round(d, u64::from_le_bytes(z));
            }
        }
        self.acc = [a, b, c, d];
    }

    /// Appends a number.
    pub fn update_u64(&mut self, value: u64) {
        self.update(&value.to_le_bytes());
    }

    /// The hash of everything so far.
    pub fn finish(&self) -> u64 {
        let [a, b, c, d] = self.acc;
        let mut hash = if self.total >= STRIPE as u64 {
            let sum = a
                .rotate_left(1)
                .wrapping_add(b.rotate_left(7))
                .wrapping_add(c.rotate_left(12))
                .wrapping_add(d.rotate_left(18));
            self.acc.iter().fold(sum, |hash, &acc| {
                (hash ^ round(0, acc)).wrapping_mul(P1).wrapping_add(P4)
            })
        } else {
            P5
        };
        hash = hash.wrapping_add(self.total);
        let (words, rest) = self.tail[..self.tail_len].as_chunks::<8>();
        for &word in words {
            hash = (hash ^ round(0, u64::from_le_bytes(word)))
                .rotate_left(27)
                .wrapping_mul(P1)
                .wrapping_add(P4);
        }
        let (halves, rest) = rest.as_chunks::<4>();
        for half in halves {
            hash = (hash ^ le64(half).wrapping_mul(P1))
                .rotate_left(23)
                .wrapping_mul(P2)
                .wrapping_add(P3);
        }
        for &byte in rest {
            hash = (hash ^ u64::from(byte).wrapping_mul(P5))
                .rotate_left(11)
                .wrapping_mul(P1);
        }
        hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
        hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
        hash ^ (hash >> 32)
    }
}

/// The hash of `bytes`.
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_xxh64() {
        assert_eq!(hash_bytes(b""), 0xef46_db37_51d8_e999);
        assert_eq!(hash_bytes(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(hash_bytes(b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_eq!(
            hash_bytes(b"Nobody inspects the spammish repetition"),
            0xfbce_a83c_8a37_8bf1,
            "longer than a stripe"
        );
    }

    #[test]
    fn it_does_not_matter_in_what_pieces_the_bytes_come() {
        let bytes: Vec<u8> = (0..200u8).map(|i| i.wrapping_mul(37)).collect();
        for piece in 1..70 {
            let mut hasher = Hasher::new();
            bytes.chunks(piece).for_each(|chunk| hasher.update(chunk));
            assert_eq!(hasher.finish(), hash_bytes(&bytes));
        }
    }
}
