# SPDX-License-Identifier: MIT
# Threads: every command that computes takes --threads and VKFI_THREADS, devices share them, and no
# result depends on them.
need_tiny
cat >plan.json <<TEXT
{"model": "$LLAMA", "decoding": {"n": 6, "stop": "none"}, "prompts": [{"texts": ["ab c", "hello"]}],
 "population": "ops", "sampling": {"trials": 60}, "seed": 3}
TEXT

# `threads DB EXPECTED`: of each device of the database, the largest first.
threads() {
    local found
    found=$(python3 - "$1" <<'PYTHON'
import sqlite3
import sys

with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True) as db:
    print(*(row[0] for row in db.execute("SELECT threads FROM device ORDER BY threads DESC")))
PYTHON
    )
    [ "$found" = "$2" ] || fail "$1: found threads '$found', expected '$2'"
}

hashes() {
    python3 -c '
import json
with open("out", encoding="utf-8") as file:
    print(json.load(file)["hash"])'
}

for n in 1 2 3 5; do
    good run -m "$LLAMA" -p 'hello ab' -n 8 --threads $n --json
    hashes >"run.$n"
    VKFI_THREADS=$n good run -m "$LLAMA" -p 'hello ab' -n 8 --json
    hashes >"env.$n"
    cmp -s run.1 "run.$n" && cmp -s run.1 "env.$n" || fail "$n threads give other bits"
done

for n in 1 2 5; do
    good campaign run plan.json -o "one.$n.db" --threads $n
    threads "one.$n.db" $n
    good export "one.$n.db" --format csv -o rows.csv
    # device and seconds differ from run to run
    cut -d, -f1-20 rows.csv >"rows.$n"
    cmp -s rows.1 "rows.$n" || fail "$n threads give other rows"
done
VKFI_THREADS=3 good campaign run plan.json -o env.db
threads env.db 3
VKFI_THREADS=3 good campaign run plan.json -o option.db --threads 4
threads option.db 4

# Two CPU devices share them, unevenly if necessary, and each has at least one.
good campaign run plan.json -o two.db -d cpu -d cpu:scalar --threads 5
threads two.db '3 2'
good campaign run plan.json -o least.db -d cpu -d cpu:scalar --threads 1
threads least.db '1 1'

good replay two.db 7 --threads 3
good sweep -m "$LLAMA" --sites output --bits 30 --trials 20 -n 2 --threads 3 -o sweep.db
threads sweep.db 3
good plan show plan.json -d cpu --pilot 20 --threads 2
good bench -m "$LLAMA" --prompt 4 -n 4 --repeat 1 --threads 3 --json
json '"3 threads" in json.dumps(d)'
VKFI_THREADS=3 good bench -m "$LLAMA" --prompt 4 -n 4 --repeat 1 --json
json '"3 threads" in json.dumps(d)'
good selfcheck -m "$LLAMA" -d cpu -d cpu:scalar -n 2 --faults 2 --threads 3
grep -q '3 threads' out || fail "selfcheck: $(cat out)"

refused 2 campaign run plan.json -o a.db --threads 2000
for bad in x -1 3x 2000 ' 1'; do
    VKFI_THREADS=$bad refused 2 run -m "$LLAMA" -p a
    grep -q 'VKFI_THREADS' err || fail "$(cat err)"
done
