#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A campaign on a Slurm of two nodes that this script starts: tasks, a task killed and the job requeued,
# an array; each time the merged database has the rows of a single run.
#
# VKFI is the program, VKFI_TINY the folder of the tiny models. Exit status: 77 without Slurm or root.
set -uo pipefail
: "${VKFI:?the program to test}" "${VKFI_TINY:?the folder of the tiny models}"
MODEL=$VKFI_TINY/tiny-llama-q4_1.gguf
TRIALS=${TRIALS:-4000}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*"
    tail -n 5 "$WORK"/*.log 2>/dev/null
    exit 1
}

for tool in slurmctld slurmd srun sbatch munged; do
    command -v $tool >/dev/null || skip "no $tool"
done
[ "$(id -u)" = 0 ] || skip "slurmd needs root"

WORK=$(mktemp -d "${TMPDIR:-/tmp}/vkfi-slurm.XXXXXX")
daemons=()
finish() {
    for pid in "${daemons[@]}"; do
        kill "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$WORK"
}
trap finish EXIT
chmod 755 "$WORK" # munge and Slurm look at who may write there
cd "$WORK" || exit 1

# Starts a daemon in a job of this shell; its output goes to NAME.log.
daemon() {
    local name=$1
    shift
    "$@" >"$name.log" 2>&1 &
    daemons+=($!)
}

wait_for() {
    local what=$1 seconds=$2
    shift 2
    for _ in $(seq $((seconds * 5))); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.2
    done
    fail "$what did not happen within $seconds s"
}

start_slurm() {
    local host port=$((20000 + $$ % 20000))
    host=$(hostname -s)
    mkdir -p munge state spool.n1 spool.n2
    chmod 700 munge
    dd if=/dev/urandom of=munge/key bs=1024 count=1 status=none
    chmod 400 munge/key
    cat >slurm.conf <<TEXT
ClusterName=vkfi
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$WORK/munge/socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$WORK/state
SlurmdSpoolDir=$WORK/spool.%n
SlurmctldPidFile=$WORK/slurmctld.pid
SlurmdPidFile=$WORK/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
KillWait=5
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1
PartitionName=all Nodes=n1,n2 Default=YES State=UP MaxTime=INFINITE
TEXT
    export SLURM_CONF=$WORK/slurm.conf
    daemon munged munged --foreground --force --key-file="$WORK/munge/key" \
        --socket="$WORK/munge/socket" --pid-file="$WORK/munge/pid" \
        --log-file="$WORK/munge/log" --seed-file="$WORK/munge/seed"
    wait_for "munge's socket" 20 test -S munge/socket
    daemon slurmctld slurmctld -D
    daemon slurmd1 slurmd -D -N n1
    daemon slurmd2 slurmd -D -N n2
    wait_for "two idle nodes" 60 sh -c 'test "$(sinfo -h -N -t idle | wc -l)" = 2'
}

rows() {
    "$VKFI" export "$1" --format csv -o "$1.csv" || fail "export of $1"
    python3 "$HERE/../cli/trial_rows.py" <"$1.csv"
}

# The merged parts have the rows of the single run.
expect_same() {
    local name=$1
    "$VKFI" merge "$name".[0-9].db -o "$name.all.db" >"$name.merge" 2>&1 || fail "merge: $(cat "$name.merge")"
    rows "$name.all.db" >"$name.rows"
    cmp -s "$name.rows" single.rows || fail "$name: $(diff "$name.rows" single.rows | head -n 3)"
    echo "$name: $(wc -l <"$name.rows") rows, those of the single run"
}

done_trials() {
    "$VKFI" campaign status "$1" --json 2>/dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["done"])' 2>/dev/null || echo 0
}

has_begun() {
    [ "$(done_trials part.0.db)" -gt 0 ] && [ "$(done_trials part.1.db)" -gt 0 ]
}

state_of() {
    scontrol show job "$1" | sed -n 's/.*JobState=\([A-Z]*\).*/\1/p'
}

is_over() {
    case $(state_of "$1") in COMPLETED | FAILED | CANCELLED | NODE_FAIL) true ;; *) false ;; esac
}

start_slurm
cat >plan.json <<TEXT
{"model": "$MODEL", "decoding": {"n": 16, "stop": "none"},
 "prompts": [{"ids": [[72, 105, 33, 200, 7, 99, 12, 250, 44, 5], [3, 8, 140, 2, 7, 19], [9, 41, 52]]}],
 "population": "ops", "sampling": {"trials": $TRIALS}, "seed": 11}
TEXT
"$VKFI" campaign run plan.json -o single.db >single.out 2>&1 || fail "single run: $(cat single.out)"
rows single.db >single.rows

# Two tasks run on two nodes without further flags.
srun -n 2 -N 2 "$VKFI" campaign run plan.json -o out.db >srun.out 2>&1 || fail "srun: $(cat srun.out)"
expect_same out

# A task is killed in its middle and the job requeued: it goes on where it was.
cat >job.sh <<TEXT
#!/bin/bash
srun "$VKFI" campaign run plan.json -o part.db || exit 1
TEXT
job=$(sbatch --parsable --requeue -n 2 -N 2 -o job.out job.sh) || fail "sbatch"
wait_for "the first trials of both tasks" 60 has_begun
# The campaign's own process, the parent of its workers.
victim=$(pgrep -f "^$VKFI campaign run plan.json -o part.db" | head -n 1)
kill -9 "$victim" || fail "no task to kill"
scontrol requeue "$job" || fail "requeue"
before=$(($(done_trials part.0.db) + $(done_trials part.1.db)))
[ "$before" -lt "$TRIALS" ] || fail "the campaign was over before a task was killed; raise TRIALS"
wait_for "the end of the requeued job" 300 is_over "$job"
[ "$(state_of "$job")" = COMPLETED ] || fail "the job ended as $(state_of "$job"): $(cat job.out)"
[ "$(scontrol show job "$job" | grep -c 'Restarts=1')" = 1 ] || fail "the job was not requeued"
echo "killed and requeued after about $before trials"
expect_same part

# An array of two.
array=$(sbatch --parsable --array=0-1 -o array.%a.out \
    --wrap "$VKFI campaign run plan.json -o array.db") || fail "sbatch --array"
wait_for "the end of the array" 300 sh -c "! squeue -h -j $array | grep -q ."
expect_same array

# Several tasks in a batch script without srun are refused, since only one of them would run.
alone=$(sbatch --parsable -n 2 -N 2 -o alone.out --wrap "$VKFI campaign run plan.json -o alone.db") ||
    fail "sbatch"
wait_for "the end of the job without srun" 120 is_over "$alone"
grep -q 'without srun' alone.out || fail "a batch script without srun said: $(cat alone.out)"
echo "passed"
