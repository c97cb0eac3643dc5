# SPDX-License-Identifier: MIT
# libvkfi as other programs find it: installed elsewhere, by pkg-config, CMake and ctypes; its
# symbols are those of the header, which compiles alone; its bits are those of `vkfi run`.
need_tiny
SOURCE=$VKFI_SOURCE/tests/lib
PREFIX=$SCRATCH/moved
step() {
    "$@" >"$SCRATCH/log" 2>&1 || fail "$* ($(tail -n 5 "$SCRATCH/log"))"
}
DESTDIR=$SCRATCH/staged step cmake --install "$(dirname "$VKFI")" --prefix /built/for
mv "$SCRATCH/staged/built/for" "$PREFIX" # nothing may depend on where it was built for
PC=$(find "$PREFIX" -name vkfi.pc)
LIBRARY=$(dirname "$(dirname "$PC")")
[ -f "$LIBRARY/libvkfi.so.0" ] || fail "no libvkfi.so.0 in $LIBRARY"
export LD_LIBRARY_PATH=$LIBRARY PKG_CONFIG_PATH=$(dirname "$PC")

# --- the header, and what is exported ---
echo '#include <vkfi.h>' >alone.c
cp alone.c alone.cpp
WARN="-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I$PREFIX/include"
step cc -std=c11 $WARN alone.c
[ -z "$(command -v g++)" ] || step g++ -std=c++17 $WARN alone.cpp
tr '\n' ' ' <"$PREFIX/include/vkfi.h" | grep -o 'VKFI_API [a-z][^;(]*(' | grep -o 'vkfi_[a-z_]*($' |
    tr -d '(' | sort >declared
nm -D --defined-only "$LIBRARY/libvkfi.so.0" | grep ' T ' | cut -d' ' -f3 | sort >exported
[ "$(wc -l <declared)" -ge 29 ] || fail "found few declarations: $(cat declared)"
sed 's/$/@@VKFI_0.1/' declared | diff - exported || fail "exported is not what vkfi.h declares"
nm -D --defined-only "$LIBRARY/libvkfi.so.0" | grep -v ' T ' | grep -qv ' A VKFI_0.1$' &&
    fail "data is exported"

# --- the example, found in two ways ---
MODEL=$TINY/tiny-llama-q8_0.gguf
"$VKFI" run -m "$MODEL" -p hello -n 8 --json >run.json || fail "vkfi run"
expected() { # the hash of every step of the run, spaced as the example prints them
    python3 -c 'import json, sys
for step in json.load(open("run.json", encoding="utf-8"))["steps"]:
    print(step["token"], step["hash"])'
}
expected >expected
step cc -std=c11 -Wall -Wextra -Werror "$SOURCE/example.c" $(pkg-config --cflags --libs vkfi) -o by_pkg
./by_pkg "$MODEL" hello >by_pkg.out 2>err || fail "the example: $(cat err)"
[ ! -s err ] || fail "the library wrote to standard error: $(cat err)"
sed '/ended by/,$d' by_pkg.out | awk 'NF > 2 {print $1, $3}' | diff expected - || fail "other bits than vkfi run"
grep -q '"struck":\[{"site":"output_norm","activations":1,"changed":1' by_pkg.out || fail "no proof of the fault"
sed '1,/ended by/d' by_pkg.out | awk 'NF > 2 {print $1, $3}' | diff -q expected - >/dev/null &&
    fail "the fault changed nothing"
cat >CMakeLists.txt <<TEXT
cmake_minimum_required(VERSION 3.25)
project(by_cmake C)
find_package(vkfi 0.1 REQUIRED)
add_executable(by_cmake $SOURCE/example.c)
target_link_libraries(by_cmake PRIVATE vkfi::vkfi)
TEXT
step cmake -S . -B by_cmake -DCMAKE_PREFIX_PATH="$PREFIX"
step cmake --build by_cmake
by_cmake/by_cmake "$MODEL" hello | diff by_pkg.out - || fail "by CMake it gives something else"

# --- ctypes ---
python3 "$SOURCE/example.py" "$MODEL" hello >by_python.out 2>err || fail "ctypes: $(cat err)"
[ ! -s err ] || fail "the library wrote to standard error: $(cat err)"
awk 'NF == 3 {print $1, $3}' by_python.out | head -n "$(wc -l <expected)" | diff expected - ||
    fail "other bits by ctypes"
grep -q "'outcome': 'clean'" by_python.out || fail "no events of the policy: $(tail -n 1 by_python.out)"

# --- a failure is one line, of the caller ---
./by_pkg "$SCRATCH/none.gguf" hello >out 2>err && fail "a missing model was opened"
[ "$(wc -l <err)" = 1 ] && grep -q '^example: io: .*none.gguf' err || fail "found: $(cat err)"
