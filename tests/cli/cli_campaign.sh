# SPDX-License-Identifier: MIT
# Campaigns as users run them: run, resume, shards, signals, status, replay, and refusals.
need_tiny
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 8, "stop": "none"}, "prompts": [{"texts": ["ab c", "hello"]}],
 "population": "ops", "sampling": {"trials": 80}, "seed": 3}
TEXT

rows() {
    "$VKFI" export "$1" --format csv -o "$1.csv" || fail "export of $1"
    python3 "$HERE/trial_rows.py" <"$1.csv"
}

same() {
    rows "$1" >found.rows
    cmp -s found.rows whole.rows || fail "$1: $(diff found.rows whole.rows | head -n 3)"
}

# Bad input is refused before anything runs, and nothing is written.
refused 2 campaign
refused 2 campaign rum plan.json -o a.db
refused 2 campaign run plan.json
refused 2 campaign run -o a.db
refused 2 campaign run none.json -o a.db
refused 2 campaign run plan.json -o a.db --shard 3/3
refused 2 campaign run plan.json -o a.db -d cpu:none
refused 2 campaign status a.db
refused 2 campaign status plan.json
refused 2 campaign status a.db --naive
refused 2 replay a.db
refused 2 replay plan.json 3
SLURM_PROCID=2 SLURM_NTASKS=2 refused 2 campaign run plan.json -o a.db
[ ! -e a.db ] || fail "a refused command wrote a database"

good campaign run plan.json -o whole.db
grep -q '^whole.db: 8[0-9] of 8[0-9] trials' out || fail "found: $(cat out)"
rows whole.db >whole.rows
good campaign status whole.db --json
json 'd["done"] == d["planned"] and d["suspect"] == 0'

# The campaign runs in pieces and writes events, an object a line.
good campaign run plan.json -o pieces.db --limit 30 --json
python3 - out <<'PYTHON' || fail "events: $(head -n 3 out)"
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    events = [json.loads(line) for line in file]
kinds = [event["event"] for event in events]
assert kinds[-1] == "end" and "begin" in kinds and kinds.count("golden") == 2, kinds
assert kinds.count("progress") <= events[-1]["seconds"] + 2, (kinds, events[-1])
assert events[-1]["done"] == 30 and events[-1]["devices"][0]["name"] == "cpu", events[-1]
PYTHON
# The manual page has every event and member.
"$VKFI" campaign --help >help
python3 - out help <<'PYTHON' || fail "a member is missing in the manual page"
import json
import re
import sys

words = set(re.findall(r"[a-z_]+", open(sys.argv[2], encoding="utf-8").read()))


def names(value):
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from names(member)
    for member in value if isinstance(value, list) else []:
        yield from names(member)


for line in open(sys.argv[1], encoding="utf-8"):
    event = json.loads(line)
    missing = ({event["event"]} | set(names(event))) - words
    assert not missing, (missing, event)
PYTHON
good campaign run plan.json -o pieces.db --limit 30 -d cpu -d cpu:scalar
good campaign run plan.json -o pieces.db --naive
same pieces.db

# All tasks of a launcher have the same command; one part is then run by hand.
SLURM_PROCID=0 SLURM_NTASKS=2 good campaign run plan.json -o part.db
PMI_RANK=1 PMI_SIZE=2 good campaign run plan.json -o part.db
good merge part.0.db part.1.db -o merged.db
same merged.db
good campaign run plan.json -o hand.db --shard 1/2
rows hand.db >hand.rows
rows part.1.db | cmp -s - hand.rows || fail "--shard 1/2 gave other rows than PMI_RANK=1"

# Seven parts of several hundred trials, each with its own database, equal the single run.
sed 's/"trials": 80/"trials": 400/' plan.json >many.json
good campaign run many.json -o many.db
for part in 0 1 2 3 4 5 6; do
    good campaign run many.json -o many.$part.db --shard $part/7 -d "$([ $part = 3 ] && echo cpu:scalar || echo cpu)"
done
good merge many.[0-6].db -o joined.db
rows many.db >many.rows
rows joined.db | cmp -s - many.rows || fail "seven parts joined gave other rows than one run"
[ "$(wc -l <many.rows)" -gt 400 ] || fail "found $(wc -l <many.rows) rows"

# Another plan, or another part, does not go into an existing database.
sed 's/"seed": 3/"seed": 4/' plan.json >other.json
refused 2 campaign run other.json -o whole.db
refused 2 campaign run plan.json -o whole.db --shard 0/2
same whole.db

# An interrupted campaign ends by the signal, and the same command goes on.
sed 's/"trials": 80/"trials": 3000/' plan.json >long.json
for signal in INT TERM; do
    setsid "$VKFI" campaign run long.json -o "$signal.db" >out 2>err &
    pid=$!
    for _ in $(seq 300); do
        "$VKFI" campaign status "$signal.db" --json 2>/dev/null | grep -q '"done": [1-9]' && break
        sleep 0.1
    done
    kill -s "$signal" "$pid"
    wait "$pid"
    code=$?
    [ $code = $((128 + $(kill -l "$signal"))) ] || fail "exit code $code after SIG$signal: $(cat err)"
    good campaign status "$signal.db" --json
    json '0 < d["done"] < d["planned"]'
done

# A sentinel that picks another token with the same text (bytes that are no UTF-8) has done its work.
cat >sentinel.json <<TEXT
{"model": "$TINY/tiny-qwen2.gguf", "act": "bf16", "decoding": {"n": 5}, "population": "ops", "seed": 716238,
 "prompts": {"texts": ["abcdefgh ijklmnop qrstuvwx yz 0123456789 more than thirty-two"]},
 "sampling": {"trials": 20}, "controls": {"sentinel": 0.2}}
TEXT
good campaign run sentinel.json -o sentinel.db -d cpu
good export sentinel.db --format jsonl -o sentinel.jsonl
python3 - <<'PYTHON' || fail "sentinels"
import json
rows = [r for r in map(json.loads, open("sentinel.jsonl")) if r["control"] == "sentinel"]
assert len(rows) == 4 and all(r["first_diff"] == 0 for r in rows), rows
PYTHON

# A killed campaign whose log is damaged says how much is lost after the damage, and runs that again.
"$VKFI" campaign run long.json -o killed.db >out 2>err &
pid=$!
for _ in $(seq 300); do
    [ "$(stat -c %s killed.db-wal 2>/dev/null || echo 0)" -gt 200000 ] && break
    sleep 0.1
done
kill -KILL $pid
wait $pid
python3 -c '
with open("killed.db-wal", "r+b") as log:
    size = log.seek(0, 2)
    log.seek(size // 2)
    byte = log.read(1)[0]
    log.seek(size // 2)
    log.write(bytes([byte ^ 0x10]))
'
"$VKFI" campaign run long.json -o killed.db --limit 10 >out 2>err || fail "$(cat err)"
grep -q '^vkfi: warning: .*killed.db-wal: damaged: [1-9][0-9]* transactions are whole, [1-9][0-9]* after' err ||
    fail "found: $(cat err)"
good campaign run long.json -o killed.db --limit 10

# One trial runs again: the same way, as a whole inference, and on another form of the device.
good replay whole.db 7
grep -q '^cpu: identical$' out || fail "found: $(cat out)"
good replay whole.db 7 --naive -d cpu:scalar --json
json 'd["identical"] and d["trial"] == 7 and d["field"] is None'
refused 2 replay whole.db 100000
refused 2 replay whole.db 7 -m "$TINY/tiny-qwen2.gguf"
# The model may lie elsewhere.
cp "$LLAMA" moved.gguf
good replay whole.db 7 -m moved.gguf

# A bit error rate: the database says how many runs of each stratum have no fault, which are not drawn,
# and that faults may come twice; one fault per trial: they do not.
for faults in '{"ber": 2e-5}' 1; do
    cat >ber.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 3, "stop": "none"}, "prompts": [{"texts": ["ab c"]}],
 "population": "bits", "where": {"sites": "blk.*.attn_*.weight"}, "strata": ["layer", "site"],
 "faults_per_trial": $faults, "sampling": {"trials": 24}}
TEXT
    rm -f ber.db
    good campaign run ber.json -o ber.db
    good plan show ber.json --json
    python3 - <<'PYTHON' || fail "table stratum is not what the plan comes to: $faults"
import json
import sqlite3
with open("out", encoding="utf-8") as file:
    strata = json.load(file)["strata"]
with sqlite3.connect("ber.db") as db:
    rows = db.execute("select label, no_fault, distinct_faults from stratum order by id").fetchall()
assert rows == [(s["label"], s["no_fault"], s["distinct"]) for s in strata], rows
ber = "ber" in open("ber.json", encoding="utf-8").read()
assert all(0 < none < 1 and not distinct if ber else none == 0 for _, none, distinct in rows), rows
assert ber or any(distinct for _, _, distinct in rows), rows
PYTHON
done
