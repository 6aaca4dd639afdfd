//! Long journals.

use backout_contract::Journal;
use backout_store::verify;

use super::support::{armed, journal_of, open};

#[tokio::test]
async fn ten_thousand_records_are_read_back() {
    let (_folder, layout) = journal_of(10_000).await;
    assert_eq!(verify(&layout.journal()).unwrap().records, 10_000);
    let writer = open(&layout);
    assert_eq!(writer.append(None, vec![armed()]).await.unwrap()[0].sequence, 10_001);
}
