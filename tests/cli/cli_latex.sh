# SPDX-License-Identifier: MIT
# Tables and pictures of a report in articles of one and of two columns: nothing wider than the text,
# nothing TeX warns of.
command -v gnuplot >/dev/null || skip "no gnuplot"
command -v pdflatex >/dev/null || skip "no pdflatex"
check() { # NAME FIELDS: a campaign of the fixture
    local name=$1
    shift
    "$FIXTURE" "$name.db" "$@" && good report "$name.db" --data "$name"
}
check plain && check deep layers=60 per_stratum=4 && check named named layers=18 && check sweep sweep &&
    check scored scored && check ber ber=1e-9 && check one layers=1 items=1 && check none scale=0 || fail "the fixtures"
python3 "$VKFI_SOURCE/tests/inject/latex_check.py" plain deep named sweep scored ber one none >out || fail "$(cat out)"
# The check can fail.
mkdir wide
printf '\\begin{tabular}{l}%s\\end{tabular}\n' "$(printf 'word%.0s' {1..200})" >wide/wide.tex
! python3 "$VKFI_SOURCE/tests/inject/latex_check.py" wide >out || fail "a table beyond the text passed"
# A table that fits one column alone is set in two.
mkdir half
printf '\\begin{table}\\begin{tabular}{l}%s\\end{tabular}\\end{table}\n' "$(printf 'word%.0s' {1..14})" >half/half.tex
python3 "$VKFI_SOURCE/tests/inject/latex_check.py" half >out
grep -q '^half/half.tex in 2: Overfull' out && ! grep -q 'in 1:' out || fail "a table beyond its column passed: $(cat out)"
# Each picture that fits a page comes with what an article includes, each with a PDF of its script.
for script in plain/*.gp; do
    [ -e "${script%.gp}.figure.tex" ] || fail "no article text of $script"
done
[ ! -e named/strata.figure.tex ] || fail "a picture of several pages"
