//! The built front end: static files with the address of the API inside.

use crate::{digest, files};
use anyhow::Result;
use std::path::Path;

/// Builds the front end for one address of the API. The script is named after its content, as bundlers do.
pub fn build(folder: &Path, api: &str) -> Result<()> {
    let script = include_str!("../frontend/app.js").replace("{{api}}", api);
    let digest = digest::hexadecimal(&script);
    let script_name = format!("assets/app.{}.js", digest.get(..8).unwrap_or(&digest));
    let page = include_str!("../frontend/index.html").replace("{{script}}", &script_name);
    let configuration = serde_json::json!({ "api": api, "script": script_name, "language": "en" });

    files::put_folder(folder, |folder| {
        files::make_folder(&folder.join("assets"))?;
        files::put(&folder.join(&script_name), &script)?;
        files::put(&folder.join("assets/app.css"), include_str!("../frontend/app.css"))?;
        files::put(&folder.join("index.html"), &page)?;
        files::put(&folder.join("config.json"), &(serde_json::to_string_pretty(&configuration)? + "\n"))
    })
}
