# SPDX-License-Identifier: MIT
# vkfi compare: records that agree or differ, pairs, releases, and the sentence at the end.
"$FIXTURE" a.db && "$FIXTURE" same.db && "$FIXTURE" other.db other_device &&
    "$FIXTURE" differs.db other_device disagree=50 && "$FIXTURE" part.db missing=0.5 &&
    "$FIXTURE" new.db seed=8 scale=2 || fail "the fixtures"
good compare a.db same.db
grep -q '^conformance  0 of 1113 shared records differ; at most 0.269 % (one-sided at 95 %: exact, n = 1113)' out || fail "$(cat out)"
! grep -q reliability out || fail "reliability of one device"
[ "$(tail -n 1 out)" = "Same logical faults; says nothing about how often silicon upsets." ] ||
    fail "no word on silicon"
good compare a.db part.db --json
json 'd["comparisons"][0]["conformance"]["shared"] == 562 and d["comparisons"][0]["conformance"]["only_first"] == 551'
"$VKFI" compare a.db same.db other.db differs.db --margin 0.02 --json >out 2>err
[ $? = 1 ] || fail "records differ, but not the exit code: $(cat err)"
json 'len(d["comparisons"]) == 3 and "silicon" in d["note"]'
json '[c["conformance"]["differ"] for c in d["comparisons"]][:2] == [0, 0] and d["comparisons"][2]["conformance"]["differ"] > 10'
json '"reliability" not in d["comparisons"][0] and d["comparisons"][1]["reliability"]["items_apart"] == 1'
json 'd["comparisons"][2]["conformance"]["examples"][0]["field"] == "outcome" and d["comparisons"][2]["conformance"]["fields"]["outcome"] > 10'
json 'd["comparisons"][1]["reliability"]["classes"]["sdc"]["difference"] == 0 and d["comparisons"][1]["reliability"]["classes"]["sdc"]["mcnemar"] == 1'
json 'd["comparisons"][2]["reliability"]["classes"]["sdc"]["difference"] < 0'
json 'all(c["underflow_first"] == c["underflow_second"] == 0 for c in d["comparisons"])'
! grep -q underflow <("$VKFI" compare a.db same.db) || fail "a word on underflow where there is none"

# Items whose golden run flushed a value are counted, and so are their records that differ.
"$FIXTURE" flushed.db other_device disagree=50 underflow=3 || fail "the fixture"
"$VKFI" compare a.db flushed.db --json >out 2>err
[ $? = 1 ] || fail "records differ, but not the exit code: $(cat err)"
json 'd["comparisons"][0]["underflow_first"] == 0 and d["comparisons"][0]["underflow_second"] == 3'
json '0 < d["comparisons"][0]["conformance"]["differ_underflow"] < d["comparisons"][0]["conformance"]["differ"]'
"$VKFI" compare a.db flushed.db >out 2>err
grep -q '^underflow    golden flushed values in 0 of 10 items of the first, 3 of 10 of the second' out ||
    fail "$(cat out)"
good compare a.db a.db --reliability --margin 0.05
grep -q '^  sdc .* equivalent$' out || fail "$(cat out)"
good compare a.db same.db --baseline --margin 0.05
grep -q '^verdict *passed: the second has at most [0-9.]* points more SDC than the first (one-sided at 95 %: .*); the margin is 5$' out || fail "$(cat out)"
"$VKFI" compare a.db differs.db --baseline --margin 0.001 >out 2>err
[ $? = 1 ] || fail "a worse release passed"
grep -q '^verdict *failed: the second has at least [0-9.]* points more SDC than the first (one-sided' out ||
    fail "$(cat out)"
refused 2 compare a.db
refused 2 compare a.db nothing.db
refused 2 compare a.db same.db --baseline
refused 2 compare a.db new.db
grep -q 'found another plan' err || fail "$(cat err)"
refused 2 compare a.db same.db new.db --json
