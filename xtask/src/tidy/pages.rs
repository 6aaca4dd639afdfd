//! Every driver and probe has a README, which is also what `backout explain KIND` prints.

use crate::repository::Repository;
use crate::tidy::Finding;

pub fn check(repository: &Repository) -> Vec<Finding> {
    let folders = repository.packages.iter().map(|package| package.folder.as_str());
    folders
        .filter(|folder| folder.starts_with("drivers/") || folder.starts_with("probes/"))
        .map(|folder| format!("{folder}/README.md"))
        .filter(|page| repository.text(page).is_none_or(|text| text.trim().is_empty()))
        .map(|page| Finding::new(page, "write what it looks at, what it cannot, and which rights it needs"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::{Package, Repository};
    use crate::tidy::places;

    fn package(folder: &str) -> Package {
        Package { folder: folder.into(), ..Package::default() }
    }

    #[test]
    fn a_driver_or_probe_without_a_page_is_found() {
        let repository = Repository {
            packages: ["crates/core", "drivers/dns", "drivers/file", "probes/tcp"].map(package).into(),
            ..Repository::of(&[("drivers/file/README.md", "# File\n"), ("drivers/dns/README.md", " \n")])
        };
        assert_eq!(places(&check(&repository)), ["drivers/dns/README.md", "probes/tcp/README.md"]);
    }
}
