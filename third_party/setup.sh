#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From a fresh Debian 12 machine to the main job or the tests, in one command; a second run is quick.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. third_party/apt.sh

usage() {
    cat <<'TEXT'
usage: bash third_party/setup.sh run | selftest | test | full | deps

  run    packages, build, default model; then generates on the Vulkan device and on the CPU, injects
         a few faults on both and shows that they agree bit for bit; ends with a small campaign over
         questions of this project: which faults cost an answer
  selftest   packages and build, then `vkfi selftest --bundle selftest.zip`: does this machine's GPU
         compute the right bits, and how fast; the findings in an archive
  test   what `run` sets up and the drivers that tests compare; builds, runs the quick tests
  full   as `test`, with all models and all tests (hours), and those of the program under the address
         and undefined-behaviour sanitizers
  deps   packages, drivers and the default model only

Packages come from apt (as root, or by sudo) and from pip. Everything else lies under
${XDG_CACHE_HOME:-$HOME/.cache}/vkfi. The last line of `test` and `full` is "N passed, N failed".
Exit status: 0 done, 1 a test failed, 2 the machine could not be set up; `run`, `selftest`: that of vkfi.
TEXT
}

BUILD_PACKAGES=(gcc libc6-dev make cmake ninja-build pkg-config glslc spirv-tools spirv-headers
    libvulkan-dev libvulkan-volk-dev libcjson-dev libsqlite3-dev libpcre2-dev libmd-dev
    libcmocka-dev libzip-dev zlib1g-dev libbz2-dev libmuparser-dev libmecab-dev libmicrohttpd-dev bubblewrap gnuplot-nox mesa-vulkan-drivers python3 python3-pip ca-certificates)
TEST_PACKAGES=(python3-venv mecab-ipadic-utf8 clang-format clang-tidy binutils vulkan-validationlayers)
# chromium opens reports, TeX sets their tables, the last two run shards, curl asks the server.
FULL_PACKAGES=(clang libomp-dev curl chromium texlive-latex-base texlive-latex-recommended slurm-wlm munge)
# PyPI packages to compare results with: dequantisation, statistics, JSON Schema, chat templates,
# scores of translations.
REFERENCES=(gguf==0.19.0 numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 pandas==3.1.1
    jsonschema==4.26.0 jinja2==3.1.6 sacrebleu==2.6.0 mecab-python3==1.0.12)

# Clients that speak to the server in the long suite. The last three have no wheel.
CLIENTS=(openai==3.57.0 'lm-eval[api]==0.4.13')
CLIENTS_SOURCES=rouge-score,word2number,sqlitedict

export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/vkfi
PYTHON=/usr/bin/python3

say() {
    echo "setup: $*" >&2
}

die() {
    say "$*"
    exit 2
}

# A Python with reference implementations, for tests only. Only wheels: no build step is run, and
# their installation sees no index.
setup_python() {
    local stamp wheels=$CACHE/wheels pip
    stamp=$CACHE/python/$(cksum <<<"${REFERENCES[*]}" | cut -d' ' -f1).stamp
    if [ -e "$stamp" ]; then
        return
    fi
    say "fetching ${REFERENCES[*]} for the tests"
    pip=("$CACHE/python/bin/python3" -m pip --disable-pip-version-check)
    if "$PYTHON" -m venv --clear "$CACHE/python" &&
        "${pip[@]}" download --quiet --only-binary=:all: --dest "$wheels" "${REFERENCES[@]}" \
            </dev/null >&2 &&
        "${pip[@]}" install --quiet --no-index --find-links "$wheels" "${REFERENCES[@]}" \
            </dev/null >&2; then
        rm -rf "$wheels"
        touch "$stamp"
    else
        say "they could not be fetched: the tests that compare with them will be skipped"
    fi
}

# A Python of its own for the clients, whose packages are large.
setup_clients() {
    local stamp pip
    stamp=$CACHE/clients/$(cksum <<<"${CLIENTS[*]}" | cut -d' ' -f1).stamp
    if [ -e "$stamp" ]; then
        return
    fi
    say "fetching ${CLIENTS[*]} for the tests of the server (0.8 GB)"
    pip=("$CACHE/clients/bin/python3" -m pip --disable-pip-version-check)
    if "$PYTHON" -m venv --clear "$CACHE/clients" &&
        "${pip[@]}" install --quiet --only-binary=:all: --no-binary="$CLIENTS_SOURCES" \
            "${CLIENTS[@]}" </dev/null >&2; then
        touch "$stamp"
    else
        say "they could not be fetched: the tests that need them will be skipped"
    fi
}

# env.sh: how test programs find drivers, models and Python.
write_environment() {
    {
        echo "# Written by third_party/setup.sh; sourced before the tests."
        bash third_party/drivers.sh "$CACHE/drivers"
        printf 'export VKFI_MODELS=%q\n' "$CACHE/models"
        if [ -n "$(compgen -G "$CACHE/python/*.stamp")" ]; then
            printf 'export VKFI_PYTHON=%q\n' "$CACHE/python/bin/python3"
        fi
        if [ -n "$(compgen -G "$CACHE/clients/*.stamp")" ]; then
            printf 'export SERVE_PYTHON=%q\n' "$CACHE/clients/bin/python3"
        fi
    } >"$CACHE/env.sh.part"
    mv "$CACHE/env.sh.part" "$CACHE/env.sh"
}

fetch_models() {
    local model
    for model in "$@"; do
        "$PYTHON" third_party/fetch_model.py "$model" >/dev/null ||
            die "model $model could not be fetched"
    done
}

# Lines of ninja as "setup: build: 120 of 640 steps, 45 s", at most one every five seconds; compiler
# messages pass unchanged.
progress() {
    local began=$SECONDS last=$SECONDS line
    while IFS= read -r line; do
        if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
            if ((SECONDS >= last + 5)); then
                last=$SECONDS
                say "build: ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} steps, $((SECONDS - began)) s"
            fi
        else
            echo "$line" >&2
        fi
    done
}

# build PRESET [--target NAME]: `release` in build/, `sanitize` in build-sanitize/.
build() {
    say "building ($1) on $(nproc) cores: a few minutes on two cores from nothing, else seconds"
    cmake --preset "$1" >"$CACHE/configure.log" 2>&1 || {
        cat "$CACHE/configure.log" >&2
        die "cmake could not configure the build"
    }
    # Ninja's own form of progress, whatever the environment says.
    NINJA_STATUS='[%f/%t] ' cmake --build --preset "$1" -j "$(nproc)" "${@:2}" 2>&1 | progress ||
        die "the build failed"
}

PASSED=0 FAILED=0 SKIPPED=0

# run_tests FOLDER [ctest options]: the tests of a build, added to the three sums.
run_tests() {
    local junit=$1/ctest.xml suite tests failures skipped disabled
    rm -f "$junit"
    # The file has the results; the exit status follows from it below.
    ctest --test-dir "$1" --output-on-failure --no-tests=error -j "$(nproc)" \
        --output-junit "$PWD/$junit" "${@:2}" </dev/null || true
    [ -s "$junit" ] || die "ctest wrote no $junit"
    suite=$(tr '\n\t' '  ' <"$junit" | grep -o '<testsuite [^>]*>')
    count() {
        sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$suite"
    }
    tests=$(count tests) failures=$(count failures)
    skipped=$(count skipped) disabled=$(count disabled)
    SKIPPED=$((SKIPPED + skipped + disabled))
    FAILED=$((FAILED + failures))
    PASSED=$((PASSED + tests - failures - skipped - disabled))
}

report() {
    if [ "$SKIPPED" -gt 0 ]; then
        echo "$SKIPPED skipped: what they need is not on this machine"
    fi
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" = 0 ]
}

main() {
    local mode=${1:-}
    case $mode in
    run | selftest | test | full | deps) ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    [ $# = 1 ] || die "found words after '$mode', expected none"
    mkdir -p "$CACHE"
    if [ "$mode" = run ]; then
        apt_install "$CACHE/apt.log" "${BUILD_PACKAGES[@]}"
    else
        [ "$mode" != full ] || TEST_PACKAGES+=("${FULL_PACKAGES[@]}")
        apt_install "$CACHE/apt.log" "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
        setup_python
        [ "$mode" != full ] || setup_clients
        write_environment
    fi
    [ "$mode" = selftest ] || fetch_models smollm2-135m
    case $mode in
    selftest)
        build release --target vkfi
        say "testing the device: a minute, or several where its driver compiles slowly"
        exec build/vkfi selftest --bundle selftest.zip
        ;;
    run)
        build release --target vkfi
        say "running the model on both devices, with faults and without: less than half a minute"
        build/vkfi selfcheck -m smollm2-135m
        say "240 faults over 72 questions (inject/plans/first_answers.json): half a minute on two cores"
        rm -f build/first_answers.db{,-wal,-shm}
        echo
        exec build/vkfi campaign run inject/plans/first_answers.json -o build/first_answers.db
        ;;
    test | full)
        if [ "$mode" = full ]; then
            fetch_models gemma3-270m qwen2.5-coder-0.5b
        fi
        build release
        # shellcheck source=/dev/null
        . "$CACHE/env.sh"
        if [ "$mode" = full ]; then
            build sanitize
            run_tests build-sanitize -LE full --timeout 7200
            export VKFI_EVERY_DRIVER=1
            run_tests build
        else
            run_tests build -LE full
        fi
        report || exit 1
        ;;
    deps)
        say "done; test programs find what they need by: . $CACHE/env.sh"
        ;;
    esac
}

main "$@"
