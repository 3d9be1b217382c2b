//! Code page 437, as the character generator of the PC draws it.

/// The character that code `code` looks like. Codes 00h and FFh look like a space.
pub fn to_char(code: u8) -> char {
    match code {
        0x20..=0x7e => char::from(code),
        0..=0x1f => LOW.get(usize::from(code)).copied().unwrap_or(' '),
        0x7f => '⌂',
        _ => HIGH.get(usize::from(code & 0x7f)).copied().unwrap_or(' '),
    }
}

const LOW: [char; 32] = [
    ' ', '☺', '☻', '♥', '♦', '♣', '♠', '•', '◘', '○', '◙', '♂', '♀', '♪', '♫', '☼', //
    '►', '◄', '↕', '‼', '¶', '§', '▬', '↨', '↑', '↓', '→', '←', '∟', '↔', '▲', '▼',
];

const HIGH: [char; 128] = [
    'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å', //
    'É', 'æ', 'Æ', 'ô', 'ö', 'ò', 'û', 'ù', 'ÿ', 'Ö', 'Ü', '¢', '£', '¥', '₧', 'ƒ', //
    'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '⌐', '¬', '½', '¼', '¡', '«', '»', //
    '░', '▒', '▓', '│', '┤', '╡', '╢', '╖', '╕', '╣', '║', '╗', '╝', '╜', '╛', '┐', //
    '└', '┴', '┬', '├', '─', '┼', '╞', '╟', '╚', '╔', '╩', '╦', '╠', '═', '╬', '╧', //
    '╨', '╤', '╥', '╙', '╘', '╒', '╓', '╫', '╪', '┘', '┌', '█', '▄', '▌', '▐', '▀', //
    'α', 'ß', 'Γ', 'π', 'Σ', 'σ', 'µ', 'τ', 'Φ', 'Θ', 'Ω', 'δ', '∞', 'φ', 'ε', '∩', //
    '≡', '±', '≥', '≤', '⌠', '⌡', '÷', '≈', '°', '∙', '·', '√', 'ⁿ', '²', '■', ' ',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_codes_but_the_three_spaces_look_different() {
        let mut chars: Vec<char> = (0..=255).map(to_char).collect();
        assert_eq!(chars.iter().filter(|&&c| c == ' ').count(), 3);
        chars.sort_unstable();
        chars.dedup();
        assert_eq!(chars.len(), 254);
        assert_eq!((to_char(0x41), to_char(0xc9), to_char(0xe1)), ('A', '╔', 'ß'));
    }
}
