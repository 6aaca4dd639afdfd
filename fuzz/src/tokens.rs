//! Words, numbers and quoted texts in an input, found without knowing its language: JSON and YAML look alike here.

use std::ops::Range;

/// Every token, in order.
pub fn tokens(input: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = input.get(at) {
        let length = match byte {
            b'"' => quoted(input.get(at..).unwrap_or_default()),
            byte if is_word(*byte) => {
                input.get(at..).unwrap_or_default().iter().take_while(|byte| is_word(**byte)).count()
            }
            _ => {
                at += 1;
                continue;
            }
        };
        found.push(at..at + length);
        at += length;
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$') || byte >= 0x80
}

/// How long the quoted text is at whose quote the input begins.
fn quoted(input: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = input.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(input.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn json_and_yaml_fall_into_their_tokens() {
        let of = |text: &str| {
            tokens(text.as_bytes()).into_iter().map(|at| text[at].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(r#"{"a":"b \" c","n":-1.5}"#), ["\"a\"", "\"b \\\" c\"", "\"n\"", "-1.5"]);
        assert_eq!(of("needs: [api, db]\n"), ["needs", "api", "db"]);
        assert_eq!(of("\"never closed"), ["\"never closed"]);
    }
}
