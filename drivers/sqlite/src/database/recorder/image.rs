//! Images of rows: SQL literals with commas between them, written by triggers and read here.

use crate::fault::bad_data;
use backout_contract::DriverError;

/// Takes an image apart into literals that any SQLite evaluates to the value that was recorded; none for a column of
/// which nothing is known. `gone` is the literal that stands for one.
///
/// # Errors
/// It is no image.
pub(in crate::database) fn parse(image: &[u8], gone: &str) -> Result<Vec<Option<String>>, DriverError> {
    let mut literals = Vec::new();
    let mut rest = image;
    loop {
        let end = end_of_literal(rest).ok_or_else(|| bad_data("read the image of a row"))?;
        let (literal, after) = rest.split_at(end);
        literals.push(if literal == gone.as_bytes() { None } else { Some(plain(literal)?) });
        match after {
            [] => return Ok(literals),
            [b',', next @ ..] => rest = next,
            _ => return Err(bad_data("read the image of a row")),
        }
    }
}

/// The literal that stands for a column of which nothing is known.
pub(in crate::database) fn gone(nonce: &str) -> String {
    format!("X'{}'", nonce.to_ascii_uppercase())
}

/// Where the first literal ends: at a comma outside of quotes. A quote within a text is written twice, so that every
/// quote turns the sense of what follows.
fn end_of_literal(bytes: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\'' => is_quoted = !is_quoted,
            b',' if !is_quoted => return (at > 0).then_some(at),
            _ => {}
        }
    }
    (!is_quoted && !bytes.is_empty()).then_some(bytes.len())
}

/// What older versions of SQLite write for infinite numbers is no literal, and bytes that are no text need another.
fn plain(literal: &[u8]) -> Result<String, DriverError> {
    match literal {
        b"Inf" => return Ok("9.0e+999".to_owned()),
        b"-Inf" => return Ok("-9.0e+999".to_owned()),
        _ => {}
    }
    if let Ok(text) = std::str::from_utf8(literal) {
        return Ok(text.to_owned());
    }
    let inner = literal
        .strip_prefix(b"'")
        .and_then(|rest| rest.strip_suffix(b"'"))
        .ok_or_else(|| bad_data("read the image of a row"))?;
    let mut hex = String::with_capacity(inner.len() * 2);
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\'' {
            bytes.next();
        }
        hex.push_str(&format!("{byte:02X}"));
    }
    Ok(format!("CAST(X'{hex}' AS TEXT)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_taken_apart() {
        let gone = gone("00ff");
        for (image, expected) in [
            (&b"1"[..], vec![Some("1")]),
            (b"1,'a,b',NULL", vec![Some("1"), Some("'a,b'"), Some("NULL")]),
            (b"'it''s, not',''", vec![Some("'it''s, not'"), Some("''")]),
            (b"X'00FF',X'00ff',X''", vec![None, Some("X'00ff'"), Some("X''")]),
            (
                b"CAST(X'610062' AS TEXT),Inf,-Inf",
                vec![Some("CAST(X'610062' AS TEXT)"), Some("9.0e+999"), Some("-9.0e+999")],
            ),
            (b"'\xff''b',2", vec![Some("CAST(X'FF2762' AS TEXT)"), Some("2")]),
            ("'ü🌍\n'".as_bytes(), vec![Some("'ü🌍\n'")]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|literal| literal.map(str::to_owned)).collect();
            assert_eq!(parse(image, &gone).unwrap(), expected, "{}", String::from_utf8_lossy(image));
        }
    }

    #[test]
    fn what_is_no_image_is_refused() {
        for image in [&b""[..], b",", b"1,", b"1,,2", b"'a", b"1,'a", b"\xff"] {
            assert!(parse(image, "X'00'").is_err(), "{}", String::from_utf8_lossy(image));
        }
    }
}
