#!/usr/bin/env bash
# How long the door of a PostgreSQL database is shut while it is exchanged with what was staged, and a hundred clients that
# write come back as soon as they are sent out: the median of so many rounds, and the longest, after each step behind the
# door. The clients are of this process; what a run writes down between the steps is not in it.
#
#   benches/postgres-door.sh [ROWS] [ROUNDS] [PAUSE]     PAUSE: milliseconds that a client waits before it tries again
set -euo pipefail
cd "$(dirname "$0")/.."
BENCH_ROWS=${1:-1000000} BENCH_ROUNDS=${2:-5} BENCH_PAUSE=${3:-0} \
  cargo test --release --quiet -p backout-driver-postgres --lib database::tests::speed -- --ignored --nocapture |
  grep -E 'door:|in the database'
