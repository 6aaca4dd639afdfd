//! What may be typed behind `backout compare`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use backout_core::migration::DurationText;
use clap::Args;

/// Rows that differ which are shown of each table unless said.
const SHOWN: u64 = 20;

/// Arguments of `backout compare`.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is compared")]
pub struct Arguments {
    /// The left side: a component (`orders`, `orders@old`, `orders@saved`), an address, or where one stands
    ///
    /// Addresses are `postgresql://USER@HOST/DATABASE` and the path of a SQLite file. `env:NAME` and `file:PATH` say
    /// where an address stands, so that no password needs to be typed. A component without `@` means its live side;
    /// there are `@old` (what users left at cutover), `@displaced` (what a rollback moved away) and `@saved` (what the
    /// checkpoint saved, put back into a scratch copy).
    #[arg(value_name = "LEFT")]
    pub left: String,
    /// The right side; without it, the two sides of the component on the left
    #[arg(value_name = "RIGHT")]
    pub right: Option<String>,
    /// Only this table or view, and its name on the right where it is another; may be repeated
    #[arg(long = "table", short = 't', value_name = "NAME[=NAME]")]
    pub tables: Vec<String>,
    /// Only this schema, and its name on the right where it is another; may be repeated
    #[arg(long = "schema", value_name = "NAME[=NAME]")]
    pub schemas: Vec<String>,
    /// The columns that tell rows apart, instead of the tables' own key
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub key: Vec<String>,
    /// Only these columns, beside the key
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Not these columns
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// A column that has another name on the right; may be repeated
    #[arg(long, value_name = "LEFT=RIGHT")]
    pub rename: Vec<String>,
    /// Only rows for which this condition in SQL holds, on both sides
    #[arg(long = "where", value_name = "SQL", conflicts_with_all = ["where_left", "where_right"])]
    pub condition: Option<String>,
    /// Only such rows of the left
    #[arg(long, value_name = "SQL")]
    pub where_left: Option<String>,
    /// Only such rows of the right
    #[arg(long, value_name = "SQL")]
    pub where_right: Option<String>,
    /// What stands on the left instead of a column, in SQL; may be repeated
    #[arg(long, value_name = "COLUMN=SQL")]
    pub left_as: Vec<String>,
    /// What stands on the right instead of a column, in SQL; may be repeated
    #[arg(long, value_name = "COLUMN=SQL")]
    pub right_as: Vec<String>,
    /// A file that says the same table by table
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Do not compare schemas
    #[arg(long, conflicts_with = "schema_only")]
    pub no_schema: bool,
    /// Compare schemas and no rows
    #[arg(long)]
    pub schema_only: bool,

    /// Values that are equal to their type and written otherwise differ too (1.0 and 1.00 in JSON)
    #[arg(long, help_heading = "How it is compared")]
    pub exact: bool,
    /// Hash the text of every value
    #[arg(long, help_heading = "How it is compared")]
    pub text: bool,
    /// Fetch all rows and hash them here
    #[arg(long, help_heading = "How it is compared")]
    pub portable: bool,
    /// Take a second hash of each row
    #[arg(long, help_heading = "How it is compared")]
    pub twice: bool,
    /// Say how it would be compared, and compare nothing
    #[arg(long, help_heading = "How it is compared")]
    pub plan: bool,

    /// Show so many rows of each table that differ; 20 unless said, all with --json
    #[arg(long, value_name = "N", help_heading = "What is told")]
    pub limit: Option<u64>,
    /// Write all rows that differ to a file: .jsonl, .csv or .html by its name; may be repeated
    #[arg(long = "output", short = 'o', value_name = "FILE", help_heading = "What is told")]
    pub outputs: Vec<PathBuf>,
    /// Do not tell the values of these columns
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', help_heading = "What is told")]
    pub mask: Vec<String>,
    /// End with 3 when anything differs
    #[arg(long, help_heading = "What is told")]
    pub exit_code: bool,

    /// Connections to each side at once; 1 unless said
    #[arg(long, value_name = "N", help_heading = "What it may burden")]
    pub connections: Option<NonZeroUsize>,
    /// Rows a second at most, on each side
    #[arg(long, value_name = "N", help_heading = "What it may burden")]
    pub max_rows_per_second: Option<NonZeroU64>,
    /// Wait while a replica lags more than this (10s)
    #[arg(long, value_name = "TIME", help_heading = "What it may burden")]
    pub max_lag: Option<DurationText>,
    /// Wait while a question that costs nothing takes longer than this (50ms)
    #[arg(long, value_name = "TIME", help_heading = "What it may burden")]
    pub max_answer: Option<DurationText>,
    /// How long one statement may take; 10m unless said
    #[arg(long, value_name = "TIME", help_heading = "What it may burden")]
    pub statement_timeout: Option<DurationText>,
    /// How long a lock is waited for; 5s unless said
    #[arg(long, value_name = "TIME", help_heading = "What it may burden")]
    pub lock_timeout: Option<DurationText>,
    /// How long a lost connection is tried again; 1m unless said
    #[arg(long, value_name = "TIME", help_heading = "What it may burden")]
    pub patience: Option<DurationText>,
}

impl Arguments {
    /// How many rows of each table are shown.
    pub fn shown_rows(&self, json: bool) -> u64 {
        self.limit.unwrap_or(if json { u64::MAX } else { SHOWN })
    }
}
