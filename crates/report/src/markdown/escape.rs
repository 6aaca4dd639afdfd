//! Text that stays text in GitHub Markdown: no tag, no link, no picture, no formula, no list or heading comes of it.

use crate::page::Text;

/// As running text, also at the beginning of a block.
pub fn text(text: &Text) -> String {
    let text = text.as_str();
    let mut out = String::with_capacity(text.len() + 8);
    let digits = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(0);
    let letters: Vec<char> = text.chars().collect();
    for (index, &one) in letters.iter().enumerate() {
        let next = letters.get(index + 1).copied();
        let escaped = match one {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '#' | '$' => true,
            // A scheme or the short name of a picture follows.
            ':' => next.is_some_and(|next| next == '/' || next.is_ascii_alphabetic()),
            // An address without a scheme.
            '.' if out.len() >= 3 && out[out.len() - 3..].eq_ignore_ascii_case("www") => true,
            // A list, a rule or a heading would begin here.
            '-' | '=' => index == 0,
            '+' => index == 0 && next.is_none_or(|next| next == ' '),
            '.' | ')' => digits > 0 && index == digits && next.is_none_or(|next| next == ' '),
            _ => false,
        };
        if escaped {
            out.push('\\');
        }
        out.push(one);
    }
    out
}

/// As a cell of a table.
pub fn in_cell(text: &Text) -> String {
    self::text(text)
}

/// As code, where nothing in it could end the code or the cell; else as text.
pub fn code(text: &Text) -> String {
    if text.is_empty() || text.as_str().contains(['`', '|', '\\']) {
        return self::text(text);
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts() {
        for (raw, expected) in [
            ("plain text, 11:42:39 (all well)", "plain text, 11:42:39 (all well)"),
            ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
            ("a | b", "a \\| b"),
            ("a \\| b", "a \\\\\\| b"),
            ("**bold** _it_ `code`", "\\*\\*bold\\*\\* \\_it\\_ \\`code\\`"),
            ("![x](http://evil/)", "!\\[x\\](http\\://evil/)"),
            ("www.evil.example", "www\\.evil.example"),
            ("mailto:x", "mailto\\:x"),
            ("&lt;", "\\&lt;"),
            ("$x$", "\\$x\\$"),
            ("# head", "\\# head"),
            ("- item", "\\- item"),
            ("=== under", "\\=== under"),
            ("12. twelve", "12\\. twelve"),
            ("12.5 s", "12.5 s"),
            ("+12.5 s", "+12.5 s"),
            ("+ item", "\\+ item"),
            ("ü.www.", "ü.www\\."),
        ] {
            assert_eq!(text(&Text::from(raw)), expected, "{raw}");
        }
    }

    #[test]
    fn code_is_never_left() {
        for (raw, expected) in
            [("api.quiesce", "`api.quiesce`"), ("a`b", "a\\`b"), ("a|b", "a\\|b"), ("", "")]
        {
            assert_eq!(code(&Text::from(raw)), expected);
        }
    }
}
