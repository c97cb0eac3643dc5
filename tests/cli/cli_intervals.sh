# SPDX-License-Identifier: MIT
# Every interval that is printed follows from the numbers printed with it, and from them alone.
command -v gnuplot >/dev/null || skip "no gnuplot"
mkdir -p all
keep() { # NAME ARGS: what a command prints, whatever its exit code, as all/NAME
    local name=$1
    shift
    "$VKFI" "$@" >"all/$name" 2>err || [ $? = 1 ] || fail "vkfi $*: $(cat err)"
}

# Campaigns that have all kinds of intervals: few and many events, none, weights, shares of runs.
"$FIXTURE" many.db per_stratum=200 && "$FIXTURE" crossed.db crossed per_stratum=12 &&
    "$FIXTURE" other.db crossed per_stratum=12 disagree=9 other_device &&
    "$FIXTURE" few.db per_stratum=9 && "$FIXTURE" none.db per_stratum=20 scale=0 &&
    "$FIXTURE" ber.db ber=1e-9 per_stratum=40 && "$FIXTURE" equal.db equal &&
    "$FIXTURE" scored.db scored per_stratum=40 items=120 && "$FIXTURE" one.db layers=1 keep=1 items=1 && "$FIXTURE" wave.db per_stratum=30 wave=200 &&
    "$FIXTURE" two.db items=2 per_stratum=24 scale=0.3 &&
    "$FIXTURE" spent.db missing=0.3 'stop={"rule":"spending","looks":[0.5,1],"gate":{"max":0.4}}' &&
    "$FIXTURE" bets.db 'stop={"rule":"time_uniform","gate":{"max":0.4}}' || fail "the fixtures"
for db in many crossed few none ber equal scored one wave two; do
    keep $db.json report $db.db -o all/$db.html --data $db --json
    for file in $db/*.csv $db/*.tex $db/*.gp; do
        cp "$file" "all/$db.$(basename "$file")"
    done
done
for db in many few none ber scored one wave two spent bets; do
    keep gate.$db.txt gate $db.db --max 0.08
    keep gate.$db.json gate $db.db --max 0.08 --json
done
keep gate.runs.txt gate ber.db --max 0.05 --given runs
keep gate.runs.json gate ber.db --max 0.05 --given runs --json
keep gate.baseline.txt gate other.db --baseline crossed.db --margin 0.02
keep gate.better.txt gate crossed.db --baseline other.db --margin 0.02
keep compare.txt compare crossed.db other.db --margin 0.02 --confidence 0.9
keep compare.json compare crossed.db other.db --margin 0.02 --json
keep compare.baseline.txt compare crossed.db other.db --baseline --margin 0.02
keep compare.same.txt compare crossed.db crossed.db --baseline --margin 0.02

# A running campaign: its events, its summary, its question.
echo "{\"model\": \"$LLAMA\", \"decoding\": {\"n\": 4, \"stop\": \"none\"}, \"population\": \"ops\", \"strata\": [\"bit_field\"],
    \"prompts\": [{\"texts\": [\"ab c\", \"hello\", \"the\", \"of a\"]}], \"sampling\": {\"trials\": 200}}" >plan.json
if [ -r "$LLAMA" ]; then
    keep run.json campaign run plan.json -o run.db --json
    keep again.txt campaign run plan.json -o again.db
    grep -q 'weighted over strata' all/again.txt || fail "the summary says no weights: $(cat all/again.txt)"
    keep sweep.txt sweep -m "$LLAMA" --sites blk.0.ffn_up --bits 30-31 --trials 90 -n 2
    keep sweep.json sweep -m "$LLAMA" --trials 1500 -n 3 --json
    # too few prompts for an interval: the share as drawn alone
    keep part.txt campaign run plan.json -o part.db --limit 20
    grep -q '^SDC [0-9]* of [0-9]* ([0-9.]* %); ' all/part.txt || fail "an interval too early: $(cat all/part.txt)"
fi
python3 "$VKFI_SOURCE/tests/inject/report_intervals.py" all/* || fail "intervals"

# Digits follow the interval, and people read no share or p-value with an exponent.
! grep -nE '[0-9]e-[0-9]|nan' all/*.txt || fail "digits that nobody reads"

# The check can fail: it finds a changed end, the n of another interval, and an interval without its numbers.
sed 's/\(Wilson, n = \)/\19/' all/gate.many.txt >wrong.txt
! python3 "$VKFI_SOURCE/tests/inject/report_intervals.py" wrong.txt >out || fail "a wrong n passed"
echo 'of 1800 3.1e-174' >wrong.txt
! python3 "$VKFI_SOURCE/tests/inject/report_intervals.py" wrong.txt >out || fail "digits of nothing passed"
echo 'SDC 5.4 % [4.1, 7.0] of 1800' >wrong.txt
! python3 "$VKFI_SOURCE/tests/inject/report_intervals.py" wrong.txt >out || fail "an interval alone passed"
