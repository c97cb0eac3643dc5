# SPDX-License-Identifier: MIT
# Every number of report, gate and compare against numpy, scipy and statsmodels.
[ -n "${VKFI_PYTHON:-}" ] || skip "VKFI_PYTHON names no interpreter with scipy and statsmodels"
command -v gnuplot >/dev/null || skip "no gnuplot"
for design in nested crossed; do
    shape="per_stratum=80"
    [ $design = nested ] || shape="crossed per_stratum=12"
    # shellcheck disable=SC2086
    "$FIXTURE" $design.db $shape || fail "the fixture $design"
    # shellcheck disable=SC2086
    "$FIXTURE" other.$design.db $shape disagree=50 other_device || fail "the other fixture $design"
    good report $design.db -o $design.html --data $design
    "$VKFI_PYTHON" "$VKFI_SOURCE/tests/inject/report_reference.py" "$VKFI" $design.db \
        other.$design.db $design $design || fail "numbers of $design"
done
