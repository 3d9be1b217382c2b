//! The forms of instructions that a model has: found by decoding every opcode with every ModRM byte, as code would be.

use std::collections::BTreeMap;

use iced_x86::{Decoder, Instruction};

use crate::{CpuModel, Form, core::TraceMode, lower::Context, trace::LimitClass};

/// Prefixes that choose between forms: the sizes, and those that are part of opcodes.
const PREFIXES: &[&[u8]] = &[
    &[],
    &[0x66],
    &[0x67],
    &[0xf2],
    &[0xf3],
    &[0x66, 0x67],
    &[0x66, 0xf2],
    &[0x66, 0xf3],
];
/// Opcode maps by their escape bytes (SDM vol. 2D appendix A).
const MAPS: &[&[u8]] = &[&[], &[0x0f], &[0x0f, 0x38], &[0x0f, 0x3a]];

/// An instruction of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// 16 or 32: the code segment that it is decoded in.
    pub bitness: u32,
    /// Its bytes; what follows the ModRM byte is zero.
    pub bytes: Vec<u8>,
}

impl CpuModel {
    /// All forms that the model has, with the shortest instruction of each.
    pub fn forms(&self) -> BTreeMap<Form, Example> {
        let mut forms = BTreeMap::new();
        let modes = [
            (32, TraceMode::PROTECTED | TraceMode::CODE32 | TraceMode::STACK32),
            (16, TraceMode::PROTECTED),
        ];
        for (bitness, mode) in modes {
            let context = Context::new(self, mode, LimitClass::Full);
            for (prefix, map) in PREFIXES.iter().flat_map(|p| MAPS.iter().map(move |m| (p, m))) {
                for opcode in 0..=0xffff_u16 {
                    let mut bytes = [prefix, *map, &opcode.to_be_bytes()].concat();
                    bytes.resize(15, 0);
                    let mut i = Instruction::default();
                    Decoder::new(bitness, &bytes, self.decoder_options()).decode_out(&mut i);
                    let form = Form(i.code());
                    let known = forms
                        .get(&form)
                        .is_some_and(|known: &Example| known.bytes.len() <= i.len());
                    if i.is_invalid() || known || !context.has(&i, &bytes) {
                        continue;
                    }
                    bytes.truncate(i.len());
                    forms.insert(form, Example { bitness, bytes });
                }
            }
        }
        forms
    }
}
