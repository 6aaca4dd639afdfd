#!/usr/bin/env bash
# What a durable step costs: a chain of N no-op `command` steps and N independent ones, against the limit of the
# same run (the programs that a step runs, looks included, plus two durable writes) and beside make, GNU parallel
# with its log, and ansible where they are installed.
#
#   benches/steps.sh [N] [RUNS]        needs a release build; writes under a temporary folder on this disk
set -euo pipefail
cd "$(dirname "$0")/.."
N=${1:-200}
RUNS=${2:-5}
cargo build --release --quiet -p backout
cargo build --release --quiet -p backout-kit --example limit
BACKOUT=$PWD/target/release/backout
LIMIT=$PWD/target/release/examples/limit
WORK=$(mktemp -d "${BENCH_FOLDER:-$PWD/target}/steps.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

now() { date +%s.%N; }
median() { sort -n | awk '{a[NR]=$1} END {print a[int((NR+1)/2)]}'; }

# estate FOLDER chain|independent: N files, each a component put back by `cp`.
estate() {
  local folder=$1 shape=$2 i
  mkdir -p "$folder/live" "$folder/old"
  {
    echo "migration: steps"
    echo "components:"
    for ((i = 0; i < N; i++)); do
      echo "  s$i:"
      echo "    kind: command"
      echo "    passive: true"
      echo "    capture: [cat, live/$i]"
      echo "    revert: [cp, old/$i, live/$i]"
      [ "$shape" = chain ] && ((i > 0)) && echo "    needs: [s$((i - 1))]"
    done
  } >"$folder/backout.yaml"
  for ((i = 0; i < N; i++)); do echo old >"$folder/old/$i"; echo old >"$folder/live/$i"; done
}

# Programs of one step, counted with `strace -f -e trace=execve`: looks for the plan, for the state before the run,
# before the step, by the driver itself before it acts, after it, and to verify; and the revert.
PROGRAMS=("cat live/{}" "cat live/{}" "cat live/{}" "cat live/{}" "cp old/{} live/{}" "cat live/{}" "cat live/{}")

for shape in chain independent; do
  beside=1
  [ "$shape" = independent ] && beside=8
  : >"$WORK/ours"; : >"$WORK/limit"
  for ((run = 0; run < RUNS; run++)); do
    folder=$WORK/$shape-$run
    estate "$folder" "$shape"
    (cd "$folder" && "$BACKOUT" capture >/dev/null)
    for ((i = 0; i < N; i++)); do echo new >"$folder/live/$i"; done
    (cd "$folder" && "$BACKOUT" cutover >/dev/null)
    begin=$(now)
    (cd "$folder" && "$BACKOUT" rollback --yes >/dev/null)
    echo "$(now) $begin" | awk '{print $1 - $2}' >>"$WORK/ours"
    "$LIMIT" "$N" "$beside" "$folder" 2 "${PROGRAMS[@]}" >>"$WORK/limit"
    rm -rf "$folder"
  done
  ours=$(median <"$WORK/ours"); limit=$(median <"$WORK/limit")
  awk -v shape="$shape" -v n="$N" -v ours="$ours" -v limit="$limit" \
    'BEGIN {printf "%-12s N=%d  backout %.3f s  limit %.3f s  ratio %.2f\n", shape, n, ours, limit, ours / limit}'
done

# Rivals do one program a step and look at nothing; they stand here for scale.
rival() {
  local label=$1; shift
  : >"$WORK/rival"
  for ((run = 0; run < RUNS; run++)); do
    begin=$(now); "$@" >/dev/null 2>&1 || true
    echo "$(now) $begin" | awk '{print $1 - $2}' >>"$WORK/rival"
  done
  printf '%-44s %.3f s\n' "$label" "$(median <"$WORK/rival")"
}
cd "$WORK"
{ echo "all: s$N"; echo 's0:'; for ((i = 1; i <= N; i++)); do printf 's%d: s%d\n\t@/bin/true\n' "$i" $((i - 1)); done; } >chain.mk
{ printf 'all:'; for ((i = 1; i <= N; i++)); do printf ' s%d' "$i"; done; echo
  for ((i = 1; i <= N; i++)); do printf 's%d:\n\t@/bin/true\n' "$i"; done; } >independent.mk
if command -v make >/dev/null; then
  rival "make, chain (one program a step)" make -s -f chain.mk
  rival "make -j8, independent" make -s -j8 -f independent.mk
fi
if command -v parallel >/dev/null; then
  rival "GNU parallel -j8 --joblog, independent" sh -c "rm -f log; seq $N | parallel -j8 -N0 --joblog log /bin/true"
fi
if command -v ansible-playbook >/dev/null; then
  { echo '- hosts: localhost'; echo '  connection: local'; echo '  gather_facts: false'; echo '  tasks:'
    for ((i = 1; i <= N; i++)); do echo "  - {name: s$i, command: /bin/true}"; done; } >chain.yml
  rival "ansible-playbook, chain, pipelining" env ANSIBLE_PIPELINING=1 ansible-playbook -i localhost, chain.yml
fi
