#!/usr/bin/env bash
# Ten thousand components on disk: lint, capture, plan, and a second plan after a tenth of them changed. Also the cold
# start of the binary.
#
#   benches/components.sh [N] [RUNS]      needs a release build
set -euo pipefail
cd "$(dirname "$0")/.."
N=${1:-10000}
RUNS=${2:-5}
cargo build --release --quiet -p backout
BACKOUT=$PWD/target/release/backout
WORK=$(mktemp -d "${BENCH_FOLDER:-$PWD/target}/components.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
mkdir links
{
  echo "migration: large"
  echo "components:"
  for ((i = 0; i < N; i++)); do
    printf '  c%d:\n    kind: file.link\n    path: links/l%d\n' "$i" "$i"
    ((i % 10 > 0)) && printf '    needs: [c%d]\n' $((i - 1))
  done
} >backout.yaml
for ((i = 0; i < N; i++)); do ln -s old "links/l$i"; done

# measure LABEL COMMAND...: median wall seconds and largest resident size in MiB of RUNS runs
measure() {
  local label=$1 run; shift
  : >times
  for ((run = 0; run < RUNS; run++)); do
    /usr/bin/time -a -o times -f '%e %M' "$@" >/dev/null 2>&1 || true
  done
  sort -n times | awk -v label="$label" '{t[NR]=$1; m=($2>m)?$2:m} END {printf "%-44s %.3f s  %d MiB\n", label, t[int((NR+1)/2)], m/1024}'
}
# cold LABEL COMMAND...: mean wall milliseconds over fifty starts
cold() {
  local label=$1 begin; shift
  begin=$(date +%s%N)
  for ((start = 0; start < 50; start++)); do "$@" >/dev/null; done
  awk -v label="$label" -v ns="$(($(date +%s%N) - begin))" 'BEGIN {printf "%-44s %.1f ms\n", label, ns / 50 / 1e6}'
}
cold "cold start, --help" "$BACKOUT" --help
measure "check --offline, $N components" "$BACKOUT" check --offline
RUNS=1 measure "capture, $N components" "$BACKOUT" capture
"$BACKOUT" cutover >/dev/null
measure "plan, $N components, none differs" "$BACKOUT" plan
for ((i = 0; i < N; i += 10)); do ln -sfn new "links/l$i"; done
measure "plan, $N components, one in ten differs" "$BACKOUT" plan
measure "status, $N components" "$BACKOUT" status
mkdir small
cd small
printf 'migration: small\ncomponents:\n  link:\n    kind: file.link\n    path: current\n' >backout.yaml
ln -s old current
"$BACKOUT" capture >/dev/null
cd ..
cold "cold start, status of a small migration" "$BACKOUT" -C small status
