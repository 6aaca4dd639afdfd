#!/usr/bin/env bash
# What saving and putting back a PostgreSQL database costs beside the programs alone: `pg_dump -Fd -Z1` against a kept
# dump, `pg_restore` against a dump that is taken out, checked and put back; all in one run, rounds side by side. The
# blobs go to plain files here; what the vault adds per byte is measured by the last line.
#
#   benches/postgres-dump.sh [ROWS] [ROUNDS]      needs PostgreSQL's programs and 6 GB; 3,500,000 rows are about 2 GB
set -euo pipefail
cd "$(dirname "$0")/.."
ROWS=${1:-3500000}
ROUNDS=${2:-3}
BIN=${BACKOUT_PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
WORK=$(mktemp -d "${BENCH_FOLDER:-$PWD/target}/postgres.XXXXXX")
PORT=$((20000 + RANDOM % 20000))
# A server refuses to run as root.
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
[ "$(id -u)" = 0 ] && { mkdir "$WORK/pg"; chown postgres "$WORK/pg"; chmod 711 "$WORK"; } || mkdir "$WORK/pg"
finish() { as "$BIN/pg_ctl" -D "$WORK/pg/data" -m immediate -s stop || true; rm -rf "$WORK"; }
trap finish EXIT

(cd / && as "$BIN/initdb" -D "$WORK/pg/data" -U postgres -E UTF8 --locale=C.UTF-8 --auth=trust --no-sync >/dev/null)
(cd / && as "$BIN/pg_ctl" -D "$WORK/pg/data" -s -w -l "$WORK/pg/log" start -o "-p $PORT -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories=$WORK/pg -c shared_buffers=512MB -c max_wal_size=4GB -c checkpoint_timeout=30min")
sql() { "$BIN/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PORT" -U postgres "$@"; }

sql postgres -c 'CREATE DATABASE bench'
sql bench -v rows="$ROWS" <<'SQL'
CREATE TABLE customers (id bigint PRIMARY KEY, tenant int NOT NULL, name text, email text, amount numeric(12,2),
  attributes jsonb, created timestamptz NOT NULL);
INSERT INTO customers SELECT n, n % 1000, 'customer ' || md5(n::text), 'user' || n || '@example.com',
  ((n * 104729) % 10000000) / 100.0, jsonb_build_object('tier', n % 3, 'score', n % 1000, 'tags', jsonb_build_array(n % 7, n % 11)),
  timestamptz '2024-01-01' + n * interval '1 second' FROM generate_series(1::bigint, :rows) n;
CREATE INDEX ON customers (email);
CREATE TABLE accounts (id int PRIMARY KEY, branch int, balance int, filler char(84));
INSERT INTO accounts SELECT n, n % 100, 0, '' FROM generate_series(1, :rows * 2) n;
VACUUM ANALYZE;
SQL
sql bench -At -c "SELECT pg_size_pretty(pg_database_size('bench'))"

BENCH_URL="postgresql://postgres@127.0.0.1:$PORT/bench?sslmode=disable" BENCH_ROUNDS=$ROUNDS BENCH_FOLDER=$WORK \
  cargo test --release --quiet -p backout-driver-postgres --lib dump::tests::speed -- --ignored --nocapture | grep ':'
cargo bench --quiet -p backout-vault -- large | grep 'noise'
