#!/usr/bin/env bash
# What comparing two PostgreSQL databases costs, beside the limits of the servers and beside rivals, in one run:
#
#   limit   one block pass of the binary row hash on both sides at once; streams of key and hash; blocks of text hashes
#   ours    `backout compare`, every difference listed to a file
#   rivals  reladiff (RELADIFF=path of its program) and pg_comparator (with its extension), where they are installed
#
# over tables without differences, with 100 and with ROWS/100 scattered ones; then how time, memory and wire grow with rows
# and with differences. One line of tab-separated values a measurement goes to standard output and to OUTPUT; the
# pictures of docs/compare.md are made from it by `cargo xtask chart`.
#
#   benches/compare.sh [ROWS] [RUNS]        needs PostgreSQL's programs, GNU time and 12 GB for 5,000,000 rows
#   ONLY=limit|ours|rivals|slopes (a regular expression on the labels); RIVAL_RUNS: how often rivals run, for they are slow
set -euo pipefail
cd "$(dirname "$0")/.."
ROWS=${1:-5000000}
RUNS=${2:-3}
RIVAL_RUNS=${RIVAL_RUNS:-$RUNS}
ONLY=${ONLY:-.}
BIN=${BACKOUT_PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
WORK=$(mktemp -d "${BENCH_FOLDER:-$PWD/target}/compare.XXXXXX")
OUTPUT=${OUTPUT:-$PWD/target/compare.tsv}
export PATH=$BIN:$PATH PGHOST=127.0.0.1 PGPORT=${PGPORT:-15441} PGUSER=postgres PGPASSWORD=unused LC_ALL=C.UTF-8
BACKOUT=${BACKOUT:-$PWD/target/release/backout}
[ -x "$BACKOUT" ] || cargo build --release --quiet --bin backout
as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
trap 'as_postgres pg_ctl -D "$WORK/pg" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$WORK"' EXIT
mkdir "$WORK/pg"; chmod 755 "$WORK"; chmod 700 "$WORK/pg"; [ "$(id -u)" = 0 ] && chown postgres "$WORK/pg"
as_postgres initdb -D "$WORK/pg" -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
cat >>"$WORK/pg/postgresql.conf" <<CONF
listen_addresses='127.0.0.1'
port=$PGPORT
unix_socket_directories=''
shared_buffers=4GB
work_mem=64MB
maintenance_work_mem=512MB
max_wal_size=8GB
checkpoint_timeout=30min
fsync=off
CONF
as_postgres pg_ctl -D "$WORK/pg" -l "$WORK/pg/log" -w -t 60 start >/dev/null
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

make_table() { # make_table DATABASE NAME ROWS
  sql "$1" <<SQL
CREATE TABLE $2 (id bigint PRIMARY KEY, tenant int NOT NULL, name text, email text, amount numeric(12,2), attrs jsonb,
  created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
INSERT INTO $2 SELECT g*2, (g*7919)%1000, 'customer '||md5(g::text), 'user'||g||'@example.com', ((g*104729)%10000000)/100.0,
  jsonb_build_object('tier',(array['free','pro','team'])[1+g%3],'score',g%1000,'tags',jsonb_build_array('a'||g%7,'b'||g%11),'ok',g%2=0),
  timestamptz '2024-01-01'+g*interval '1 s', timestamptz '2025-06-01'+(g%86400)*interval '1 s'
  FROM generate_series(1::bigint,$3) g;
SQL
}
# change NAME ROWS COUNT: so many scattered differences, 6 of 10 updates, 2 deletes, 2 inserts.
change() {
  sql tgt <<SQL
CREATE TEMPORARY TABLE k AS SELECT 2*(1+i*($2/$3))::bigint AS id, i FROM generate_series(0,$3-1) i;
UPDATE $1 SET amount = amount+1, updated_at = '2026-01-01' FROM k WHERE k.id = $1.id AND i%10 < 6;
DELETE FROM $1 USING k WHERE k.id = $1.id AND i%10 IN (6,7);
INSERT INTO $1 SELECT t.id-1, tenant, name, email, amount, attrs, created_at, '2026-01-01' FROM $1 t JOIN k USING (id) WHERE i%10 IN (8,9);
VACUUM (ANALYZE) $1;
SQL
}
copy_table() { psql -Xqc "COPY $1 TO STDOUT (FORMAT binary)" src | psql -Xqc "COPY $2 FROM STDIN (FORMAT binary)" tgt; }
createdb src; createdb tgt
make_table src t "$ROWS"
MANY=$((ROWS / 100))
for variant in 0 100 "$MANY"; do
  sql tgt -c "CREATE TABLE t_$variant (id bigint PRIMARY KEY, tenant int NOT NULL, name text, email text, amount numeric(12,2), attrs jsonb,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL)"
  copy_table t "t_$variant"
  if [ "$variant" = 0 ]; then sql tgt -c "VACUUM (ANALYZE) t_0"; else change "t_$variant" "$ROWS" "$variant"; fi
done
sql src -c 'VACUUM (ANALYZE) t' -c CHECKPOINT

lo_bytes() { awk '/lo:/{print $2}' /proc/net/dev; }
# Processor seconds of everything the server has reaped: backends that have ended.
server_cpu() { awk '{print ($16+$17)/100}' "/proc/$(head -1 "$WORK/pg/postmaster.pid")/stat"; }
median() { sort -n | awk '{a[NR]=$1} END {print a[int((NR+1)/2)]}'; }
echo -e "label\trows\tdifferences\tseconds\tclient_cpu\tserver_cpu\tclient_mib\twire_mb\tfound" | tee "$OUTPUT"
measure() { # measure LABEL ROWS DIFFERENCES COMMAND: medians of some runs; the command prints how many it found
  local label=$1 rows=$2 differences=$3 run bytes cpu; shift 3
  [[ $label =~ $ONLY ]] || return 0
  local runs=$RUNS
  [[ $label == rivals* ]] && runs=$RIVAL_RUNS
  rm -f "$WORK"/m.*
  for ((run = 0; run < runs; run++)); do
    bytes=$(lo_bytes); sleep 0.2; cpu=$(server_cpu)
    /usr/bin/time -o "$WORK/time" -f '%e %U %S %M' bash -c "$*" >"$WORK/m.found" 2>"$WORK/m.error" || true
    sleep 0.2
    tail -1 "$WORK/time" | awk '{print $1}' >>"$WORK/m.s"; tail -1 "$WORK/time" | awk '{print $2+$3}' >>"$WORK/m.c"
    tail -1 "$WORK/time" | awk '{print $4/1024}' >>"$WORK/m.m"
    echo "$(server_cpu) $cpu" | awk '{print $1-$2}' >>"$WORK/m.v"; echo "$(lo_bytes) $bytes" | awk '{print ($1-$2)/1e6}' >>"$WORK/m.w"
  done
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$label" "$rows" "$differences" "$(median <"$WORK/m.s")" "$(median <"$WORK/m.c")" \
    "$(median <"$WORK/m.v")" "$(median <"$WORK/m.m")" "$(median <"$WORK/m.w")" "$(tail -1 "$WORK/m.found" | tr -d '\t')" | tee -a "$OUTPUT"
}
S="postgresql://postgres:unused@127.0.0.1:$PGPORT/src"; T="postgresql://postgres:unused@127.0.0.1:$PGPORT/tgt"
NP="SET max_parallel_workers_per_gather=0; SET jit=off; SET enable_sort=off; SET work_mem=262144;"
both() { echo "psql -XqAtc \"$NP $(printf "$1" t)\" src >/dev/null & psql -XqAtc \"$NP $(printf "$1" "$2")\" tgt >/dev/null; wait"; }
ours() { # ours LEFT RIGHT OPTIONS: lists every difference to a file and prints their number
  echo "rm -f $WORK/rows.jsonl; $BACKOUT compare '$S?sslmode=disable' '$T?sslmode=disable' --table $1=$2 --no-schema --output $WORK/rows.jsonl ${3:-} >/dev/null; grep -c '\"difference\"' $WORK/rows.jsonl"
}
for table in "src t" "tgt t_0" "tgt t_100" "tgt t_$MANY"; do set -- $table; sql "$1" -c "SELECT sum(hashtext(t::text)) FROM $2 t" >/dev/null; done

measure 'limit: block pass, binary row hash' "$ROWS" 0 "$(both 'SELECT id>>10, count(*), sum(hash_record_extended(x,0)) FROM %s x GROUP BY 1' t_0)"
measure 'limit: block pass, text hash' "$ROWS" 0 "$(both 'SELECT id>>10, count(*), sum(hashtextextended(x::text,0)) FROM %s x GROUP BY 1' t_0)"
measure 'limit: streams of key and hash' "$ROWS" 0 "$(both 'COPY (SELECT id, hash_record_extended(x,0) FROM %s x) TO STDOUT (FORMAT binary)' t_0)"
for variant in 0 100 "$MANY"; do
  measure 'ours' "$ROWS" "$variant" "$(ours t "t_$variant")"
done
measure 'ours: text of every value' "$ROWS" 0 "$(ours t t_0 --text)"
measure 'ours: rows hashed by us' "$ROWS" 0 "$(ours t t_0 --portable)"
RELADIFF=${RELADIFF:-$(command -v reladiff || true)}
for variant in 0 100 "$MANY"; do
  [ -n "$RELADIFF" ] && measure 'rivals: reladiff -j2' "$ROWS" "$variant" "$RELADIFF '$S' t '$T' t_$variant -k id -c % -j 2 --json | grep -c '^\[\|^{'"
  if command -v pg_comparator >/dev/null && sql src -c 'CREATE EXTENSION IF NOT EXISTS pgcmp' 2>/dev/null; then
    sql tgt -c 'CREATE EXTENSION IF NOT EXISTS pgcmp'
    columns='tenant,name,email,amount,attrs,created_at,updated_at'
    measure 'rivals: pg_comparator' "$ROWS" "$variant" "pg_comparator --use-key --max-ratio=2 --pg-text-cast 'pgsql://postgres:unused@127.0.0.1:$PGPORT/src/t?id:$columns' 'pgsql://postgres:unused@127.0.0.1:$PGPORT/tgt/t_$variant?id:$columns' | grep -cE '^(UPDATE|INSERT|DELETE)'"
  fi
done
# How it grows: with rows that are all alike, and with differences among all rows.
if [[ 'slopes: rows' =~ $ONLY || 'slopes: differences' =~ $ONLY ]]; then
  for part in 8 4 2; do
    rows=$((ROWS / part))
    sql src -c "CREATE TABLE s_$part AS TABLE t WITH NO DATA" -c "INSERT INTO s_$part SELECT * FROM t WHERE id <= $rows*2" -c "ALTER TABLE s_$part ADD PRIMARY KEY (id)" -c "VACUUM (ANALYZE) s_$part"
    sql tgt -c "CREATE TABLE s_$part (LIKE t_0 INCLUDING ALL)"; copy_table "s_$part" "s_$part"; sql tgt -c "VACUUM (ANALYZE) s_$part"
    measure 'slopes: rows' "$rows" 0 "$(ours "s_$part" "s_$part")"
    sql src -c "DROP TABLE s_$part"; sql tgt -c "DROP TABLE s_$part"
  done
  for differences in 1000 10000 "$MANY" $((ROWS / 10)); do
    if [ "$differences" != "$MANY" ]; then
      sql tgt -c "CREATE TABLE t_$differences (LIKE t_0 INCLUDING ALL)"; copy_table t "t_$differences"; change "t_$differences" "$ROWS" "$differences"
    fi
    measure 'slopes: differences' "$ROWS" "$differences" "$(ours t "t_$differences")"
    [ "$differences" = "$MANY" ] || sql tgt -c "DROP TABLE t_$differences"
  done
fi
