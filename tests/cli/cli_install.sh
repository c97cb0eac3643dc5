# SPDX-License-Identifier: MIT
# An installed program finds its own files wherever the prefix is moved, and names no source path.
prefix=$SCRATCH/prefix moved=$SCRATCH/elsewhere
step() {
    "$@" >"$SCRATCH/log" 2>&1 || {
        cat "$SCRATCH/log"
        exit 1
    }
}
step cmake --install "$(dirname "$VKFI")" --prefix "$prefix"
mv "$prefix" "$moved"
unset VKFI_MANIFEST
program=$moved/bin/vkfi
[ "$("$program" model list | cut -d' ' -f1)" = "$("$VKFI" model list | cut -d' ' -f1)" ] ||
    echo "the installed program lists other models"
step "$program" plan check "$moved"/share/vkfi/plans/*.json
for file in models.json fetch_model.py plan.schema.json plans/prompts.txt; do
    [ -f "$moved/share/vkfi/$file" ] && [ ! -L "$moved/share/vkfi/$file" ] || echo "no file $file"
done
# A link to the program finds them too; without them the line says where it searched.
ln -s "$program" "$SCRATCH/vkfi"
step "$SCRATCH/vkfi" model list
rm "$moved/share/vkfi/models.json"
"$program" model list 2>&1 | sed "s|$moved|MOVED|"
# A test of the device needs none of its files.
rm -r "$moved/share"
step env -C / XDG_CACHE_HOME="$SCRATCH/none" "$program" selftest -d cpu:scalar --faults 5 --no-speed
grep -c -F "$VKFI_SOURCE/third_party" "$program"
grep -c -F "$VKFI_SOURCE/inject/plan.schema.json" "$program"
exit 0
