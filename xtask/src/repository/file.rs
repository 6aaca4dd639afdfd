//! One text file, and which of its lines belong to the product.

/// A text file of the repository.
#[derive(Debug)]
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl File {
    /// Whether the whole file serves tests only.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.starts_with("crates/conformance/")
    }

    /// The file's extension, or nothing.
    pub fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Every line with its number, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The lines of Rust that the product is built from: no comments, and nothing from the first inline test
    /// module on (it stands last in our files).
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test() { 0 } else { self.first_test_line() };
        self.lines().take(end).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn first_test_line(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        lines
            .windows(2)
            .position(|pair| {
                matches!(pair, [attribute, module]
                    if attribute.starts_with("#[cfg(test)]") && module.starts_with("mod ") && module.ends_with('{'))
            })
            .unwrap_or(lines.len())
    }
}

#[cfg(test)]
mod tests {
    use super::File;

    fn product(path: &str, text: &str) -> Vec<usize> {
        File { path: path.into(), text: text.into() }.product_lines().map(|(number, _)| number).collect()
    }

    #[test]
    fn comments_and_the_inline_test_module_are_no_product() {
        let text =
            "//! Words.\nfn a() {}\n    // why\nfn b() {}\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
        assert_eq!(product("crates/x/src/a.rs", text), [2, 4]);
    }

    #[test]
    fn a_test_module_in_its_own_file_does_not_end_the_product() {
        let text = "#[cfg(test)]\nmod tests;\nfn a() {}\n";
        assert_eq!(product("crates/x/src/a.rs", text), [1, 2, 3]);
    }

    #[test]
    fn test_files_are_no_product() {
        for path in ["crates/x/tests/all.rs", "crates/x/src/a/tests.rs", "crates/x/src/a_tests.rs"] {
            assert_eq!(product(path, "fn a() {}\n"), [0; 0], "{path}");
        }
    }
}
