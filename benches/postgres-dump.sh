#!/usr/bin/env bash
# What saving and putting back a PostgreSQL database costs beside the programs alone, all in one run, rounds side by side:
#
#   what users get   `backout capture` against `pg_dump -Fd -Z1`, `backout checkpoint verify --restore` (taken out, checked,
#                    put back, read and compared) against `pg_restore`; whole processes, with the vault
#   of which         a dump that is kept, and one that is taken out and put back, without counts, digests and the vault
#   for scale        a copy within the server (CREATE DATABASE .. TEMPLATE)
#
#   benches/postgres-dump.sh [ROWS] [ROUNDS]      needs PostgreSQL's programs and 10 GB; 3,500,000 rows are about 2 GB
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

URL="postgresql://postgres@127.0.0.1:$PORT/bench?sslmode=disable"
if [ -z "${ONLY_PARTS:-}" ]; then
  BACKOUT=${BACKOUT:-$PWD/target/release/backout}
  [ -x "$BACKOUT" ] || cargo build --release --quiet --bin backout
  timed() { local begin; begin=$(date +%s.%N); "$@" >/dev/null; echo "$(date +%s.%N) $begin" | awk '{printf "%.2f", $1 - $2}'; }
  client() { PGHOST=127.0.0.1 PGPORT=$PORT PGUSER=postgres "$BIN/$@"; }
  for ((round = 0; round < ROUNDS; round++)); do
    rm -rf "$WORK/bare" "$WORK/estate" && mkdir "$WORK/estate"
    printf 'migration: bench\ncomponents:\n  database: { kind: postgres.database, url: "%s", jobs: 2, writes: accept-loss }\n' \
      "$URL" >"$WORK/estate/backout.yaml"
    sql postgres -c CHECKPOINT
    program=$(timed client pg_dump -Fd -j2 -Z1 -f "$WORK/bare" bench)
    ours=$(timed "$BACKOUT" -C "$WORK/estate" capture)
    echo "$program $ours" | awk '{printf "capture: pg_dump %.2f s, backout capture %.2f s: %.2f x\n", $1, $2, $2 / $1}'
    sql postgres -c 'CREATE DATABASE bare TEMPLATE template0' -c CHECKPOINT
    program=$(timed client pg_restore -j2 -d bare "$WORK/bare")
    sql postgres -c 'DROP DATABASE bare' -c CHECKPOINT
    ours=$(timed "$BACKOUT" -C "$WORK/estate" checkpoint verify --restore)
    copy=$(timed sql postgres -c 'CREATE DATABASE bare TEMPLATE bench STRATEGY file_copy')
    sql postgres -c 'DROP DATABASE bare'
    echo "$program $ours $copy" |
      awk '{printf "restore: pg_restore %.2f s, backout checkpoint verify --restore %.2f s: %.2f x; copy %.2f s\n", $1, $2, $2 / $1, $3}'
  done
fi
BENCH_URL="$URL" BENCH_ROUNDS=$ROUNDS BENCH_FOLDER=$WORK \
  cargo test --release --quiet -p backout-driver-postgres --lib dump::tests::speed -- --ignored --nocapture | grep ':'
cargo bench --quiet -p backout-vault -- large | grep 'noise'
