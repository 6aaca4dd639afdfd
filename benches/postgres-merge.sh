#!/usr/bin/env bash
# What taking recorded writes over costs on PostgreSQL, beside what a hand would write for the same rows in the same run:
#
#   a  200,000 changed rows (half updated, half inserted) into ROWS, of which 1,000 were changed on both sides; the rival
#      is COPY into a staging table, conflicts put apart, INSERT .. ON CONFLICT DO UPDATE
#   b  1,000,000 recorded changes (7 of 10 updates, 2 inserts, 1 delete) into the same; the rival is COPY and MERGE
#
# Rivals begin with the rows in a file, as we begin with what the recorder sealed; finding them is nobody's time here.
#
#   benches/postgres-merge.sh [ROWS] [RUNS]     needs PostgreSQL 15 or later; writes under a temporary folder on this disk
set -euo pipefail
cd "$(dirname "$0")/.."
ROWS=${1:-5000000}
RUNS=${2:-3}
ONLY=${ONLY:-ab}
BIN=${BACKOUT_PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
export PATH=$BIN:$PATH PGHOST=127.0.0.1 PGPORT=${PGPORT:-15439} PGUSER=postgres LC_ALL=C.UTF-8
BENCH=$(cargo test --release -p backout-driver-postgres --lib --no-run --message-format=json 2>/dev/null |
  grep -o '"executable":"[^"]*"' | tail -1 | cut -d'"' -f4)
WORK=$(mktemp -d "${BENCH_FOLDER:-$PWD/target}/merge.XXXXXX")
as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
trap 'as_postgres pg_ctl -D "$WORK/pg" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$WORK"' EXIT
mkdir "$WORK/pg"; chmod 755 "$WORK"; chmod 700 "$WORK/pg"; [ "$(id -u)" = 0 ] && chown postgres "$WORK/pg"
as_postgres initdb -D "$WORK/pg" -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
cat >>"$WORK/pg/postgresql.conf" <<CONF
listen_addresses='127.0.0.1'
port=$PGPORT
unix_socket_directories=''
shared_buffers=2GB
work_mem=64MB
maintenance_work_mem=256MB
max_wal_size=8GB
checkpoint_timeout=30min
CONF
as_postgres pg_ctl -D "$WORK/pg" -l "$WORK/pg/log" -w start >/dev/null
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
median() { sort -n | awk '{a[NR]=$1} END {print a[int((NR+1)/2)]}'; }
COLUMNS=tenant,name,email,amount,attrs,created_at,updated_at
EXCLUDED=$(echo "$COLUMNS" | sed 's/[^,]*/excluded.&/g')
STAGED=$(echo "$COLUMNS" | sed 's/[^,]*/s.&/g')

sql postgres -c 'CREATE DATABASE old'
sql old <<SQL
CREATE TABLE t (id bigint PRIMARY KEY, tenant int NOT NULL, name text, email text, amount numeric(12,2), attrs jsonb,
  created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
INSERT INTO t SELECT g*2, (g*7919)%1000, 'customer '||md5(g::text), 'user'||g||'@example.com', ((g*104729)%10000000)/100.0,
  jsonb_build_object('tier',(array['free','pro','team'])[1+g%3],'score',g%1000,'tags',jsonb_build_array('a'||g%7,'b'||g%11)),
  timestamptz '2024-01-01'+g*interval '1 s', timestamptz '2025-06-01'+(g%86400)*interval '1 s'
  FROM generate_series(1::bigint,$ROWS) g;
VACUUM ANALYZE t;
SQL
# changes NAME UPDATES INSERTS DELETES: the same changes as files for both.
changes() {
  sql old <<SQL
CREATE TEMPORARY TABLE k AS SELECT 2*(1+i*($ROWS/($2+$4))) AS id, i FROM generate_series(0, $2+$4-1) i;
CREATE TEMPORARY TABLE u AS SELECT (t).*, (t).amount + 5 AS amount_after FROM (SELECT t FROM t JOIN k USING (id) WHERE i < $2) q;
SET TimeZone = 'UTC';
\\copy (SELECT 'u', id,$COLUMNS, id,tenant,name,email,amount_after,attrs,created_at,'2026-01-01'::timestamptz FROM u) TO '$WORK/$1.u'
\\copy (SELECT 'i', 10*$ROWS+2*i+1, $COLUMNS FROM generate_series(1,$3) i JOIN t ON t.id = 2*i) TO '$WORK/$1.i'
\\copy (SELECT 'd', t.* FROM t JOIN k USING (id) WHERE i >= $2) TO '$WORK/$1.d'
\\copy (SELECT 'u', id,tenant,name,email,amount_after,attrs,created_at,'2026-01-01'::timestamptz FROM u) TO '$WORK/$1.rival'
SQL
  cat "$WORK/$1.u" "$WORK/$1.i" "$WORK/$1.d" >"$WORK/$1.changes"
  cat "$WORK/$1.i" "$WORK/$1.d" >>"$WORK/$1.rival"
}
fresh() {
  dropdb --if-exists --force live
  createdb -T "$1" -S file_copy live
  sql live -c "CREATE UNLOGGED TABLE stage (op text, LIKE t)" -c CHECKPOINT -c "SELECT sum(amount) FROM t" >/dev/null
}
timed() { local begin; begin=$(date +%s.%N); "$@" >/dev/null; echo "$(date +%s.%N) $begin" | awk '{print $1 - $2}'; }
ours() {
  BACKOUT_BENCH_TARGET="postgresql://postgres@127.0.0.1:$PGPORT/live?sslmode=disable" BACKOUT_BENCH_CHANGES="$WORK/$1.changes" \
    "$BENCH" --ignored --exact recover::tests::bench::merge --nocapture | tee -a "$WORK/said" |
    sed -n 's/^.*BENCH \([0-9.]*\) s.*/\1/p'
}
compare() { # compare NAME BASE RIVAL
  : >"$WORK/rival"; : >"$WORK/ours"
  for ((run = 0; run < RUNS; run++)); do
    fresh "$2"; timed "$3" >>"$WORK/rival"
    fresh "$2"; ours "$1" >>"$WORK/ours"
  done
  grep -h BENCH "$WORK/said" | tail -1
  echo "$1 $(median <"$WORK/ours") $(median <"$WORK/rival")" | awk '{printf "%s: ours %.2f s, by hand %.2f s, %.2f x\n", $1, $2, $3, $2/$3}'
}
upsert() {
  sql live -c "\\copy stage FROM '$WORK/a.rival'" -c 'ANALYZE stage' \
    -c "CREATE TABLE conflicts AS SELECT t.* FROM t JOIN stage s USING (id) WHERE s.op = 'u' AND t.name = 'edited on old'" \
    -c "DELETE FROM stage s USING conflicts c WHERE c.id = s.id" \
    -c "INSERT INTO t SELECT id,$COLUMNS FROM stage ON CONFLICT (id) DO UPDATE SET ($COLUMNS) = ($EXCLUDED)"
}
merge() {
  sql live -c "\\copy stage FROM '$WORK/b.rival'" -c 'ANALYZE stage' \
    -c "MERGE INTO t USING stage s ON t.id = s.id WHEN MATCHED AND s.op = 'd' THEN DELETE
        WHEN MATCHED THEN UPDATE SET ($COLUMNS) = ($STAGED)
        WHEN NOT MATCHED THEN INSERT (id,$COLUMNS) VALUES (s.id,$STAGED)"
}
if [[ $ONLY == *a* ]]; then
  changes a 100000 100000 0
  createdb -T old -S file_copy edited
  # On both sides: another amount, so that it is neither as users found it nor as they left it.
  sql edited -c "UPDATE t SET name = 'edited on old', amount = amount + 1 WHERE id IN (SELECT 2*(1+i*($ROWS/100000)) FROM generate_series(0, 999) i)" \
    -c 'VACUUM ANALYZE t'
  compare a edited upsert
  dropdb --force live; dropdb edited
fi
if [[ $ONLY == *b* ]]; then
  changes b 700000 200000 100000
  compare b old merge
fi
