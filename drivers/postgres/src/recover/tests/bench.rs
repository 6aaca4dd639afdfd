//! What `benches/postgres-merge.sh` measures of ours: the time to take recorded changes over, from the moment at which
//! they can be read. Not run with other tests.

use std::sync::Arc;
use std::time::Instant;

use backout_contract::RecoverOrder;
use backout_core::writes::Way;
use futures_util::StreamExt;

use crate::recorder::{Change, Kind, Relation, Value};
use crate::recover::{Recorded, recover};
use crate::server::{TableName, connect};
use crate::testing;

/// The address of the target in `BACKOUT_BENCH_TARGET`; what was recorded in a file of COPY lines of ids, operations, and
/// the texts of rows before and after (`BACKOUT_BENCH_CHANGES`), which takes the place of the sealed part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by benches/postgres-merge.sh"]
async fn merge() {
    let Ok(url) = std::env::var("BACKOUT_BENCH_TARGET") else { return };
    let path = std::env::var("BACKOUT_BENCH_CHANGES").expect("BACKOUT_BENCH_CHANGES");
    let columns = [
        ("id", "bigint"),
        ("tenant", "integer"),
        ("name", "text"),
        ("email", "text"),
        ("amount", "numeric(12,2)"),
        ("attrs", "jsonb"),
        ("created_at", "timestamp with time zone"),
        ("updated_at", "timestamp with time zone"),
    ];
    let relation = Arc::new(Relation {
        table: TableName::new("public", "t"),
        columns: columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).to_vec(),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let context = testing::context(folder.path(), &[]);
    let order = RecoverOrder {
        way: Way::Merge,
        from: Vec::new(),
        sealed: Vec::new(),
        most_lost: None,
        folder: folder.path().join("told"),
        winner: None,
    };
    let mut target = connect(&testing::address(&url)).await.expect("connect");
    let began = Instant::now();
    let file = std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(path).expect("changes"));
    let lines = futures_util::stream::iter(std::io::BufRead::lines(file).enumerate());
    let changes = lines.map(move |(at, line)| {
        let line = line.expect("a line");
        let mut cells = line.split('\t');
        let op = cells.next().unwrap_or_default().to_owned();
        let mut image = || {
            let cell = |text: &str| match text {
                "\\N" => Value::Null,
                text if text.contains('\\') => Value::Text(text.replace("\\\\", "\\").into()),
                text => Value::Text(text.into()),
            };
            (0..columns.len()).map(|_| cells.next().map(cell)).collect::<Vec<_>>()
        };
        let kind = match op.as_str() {
            "i" => Kind::Inserted { after: image() },
            "d" => Kind::Deleted { before: image() },
            _ => Kind::Changed { before: image(), after: image() },
        };
        let number = at as u64 + 1;
        let relation = Arc::clone(&relation);
        Ok(Change { transaction: number, number, by_migration: false, since_cutover: true, relation, kind })
    });
    let source =
        Recorded { run: "r1".into(), source: "bench".into(), changes: Box::pin(changes), database: None };
    let written = Some(Box::pin(futures_util::stream::empty()) as crate::recover::Changes<'_>);
    let merge = crate::recover::Merge::default();
    let recovered = recover(&mut target, &merge, &order, vec![source], written, &context).await;
    let recovered = recovered.unwrap_or_else(|error| panic!("{}", error.chain()));
    println!(
        "BENCH {:.3} s, {} applied, {} already, {} conflicts",
        began.elapsed().as_secs_f64(),
        recovered.applied,
        recovered.already,
        recovered.conflicts()
    );
}
