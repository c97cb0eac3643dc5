#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the vendors' Vulkan drivers compile without their hardware: Debian's packages and sources of Mesa.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bash third_party/vendor_compilers.sh [DRIVER...]

  intel22   Intel, Mesa 22.3.6 (Debian 12)        intel25   Intel, Mesa 25.0.7 (bookworm-backports)
  turnip25  Adreno, Mesa 25.0.7                   panvk25   Mali, Mesa 25.0.7
  v3dv25    Broadcom, Mesa 25.0.7

Makes those named, else all, in this order: a driver with Mesa's noop DRM shim of the same version,
which stands for the kernel driver of the GPU, so that the driver opens and compiles and runs
nothing. Intel's drivers are Debian's own packages, and only their shims are built; the others are
built. tests/isa uses them; nothing else does, and nothing of the system is replaced.

Processor time: 4 minutes for the first of the three that are built, which share half of their
steps, 2 or less for the others, under one for each of Intel's. The sources are 75 MB, a driver
10 MB, the trees half a gigabyte until all their drivers are done. A build that was interrupted goes
on where it was, and a driver that is there is left alone. All lies under
${XDG_CACHE_HOME:-$HOME/.cache}/vkfi/drivers/vendors; packages come from apt (as root, or by sudo)
and meson from pip. Exit status: 0 done, 2 a driver could not be made.
TEXT
}

# name | version of Mesa | driver | shim: files of the tree's build folder, or what tells of Debian's driver
DRIVERS='intel22 22.3.6 debian src/intel/tools/libintel_noop_drm_shim.so
intel25 25.0.7 backports src/intel/tools/libintel_noop_drm_shim.so
turnip25 25.0.7 src/freedreno/vulkan/libvulkan_freedreno.so src/freedreno/drm-shim/libfreedreno_noop_drm_shim.so
panvk25 25.0.7 src/panfrost/vulkan/libvulkan_panfrost.so src/panfrost/drm-shim/libpanfrost_noop_drm_shim.so
v3dv25 25.0.7 src/broadcom/vulkan/libvulkan_broadcom.so src/broadcom/drm-shim/libv3d_noop_drm_shim.so'

# By version: Debian's suite, and the drivers that the tree can build. Neither builds for a window
# system, OpenGL or OpenCL.
declare -A SUITE=([22.3.6]=bookworm [25.0.7]=bookworm-backports)
declare -A OPTIONS=(
    [22.3.6]='-Dvulkan-drivers=intel'
    [25.0.7]='-Dvulkan-drivers=freedreno,panfrost,broadcom -Dfreedreno-kmds=msm -Dvideo-codecs='
)
# shellcheck disable=SC2054 # the comma is meson's
COMMON=(--wrap-mode=nodownload --buildtype=release --optimization=1 -Db_ndebug=true -Dgallium-drivers= -Dplatforms=
    -Dglx=disabled -Degl=disabled -Dgbm=disabled -Dopengl=false -Dgles1=disabled -Dgles2=disabled
    -Dshader-cache=disabled -Dllvm=disabled -Dtools=drm-shim,intel)
PACKAGES=(gcc g++ libc6-dev ninja-build pkg-config bison flex xz-utils binutils libdrm-dev libexpat1-dev
    zlib1g-dev libelf-dev glslang-tools python3 python3-venv)
MESON=(meson==1.7.0 mako==1.3.10 pyyaml==6.0.4 packaging==26.4 ply==3.11 setuptools==65.5.0)

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. third_party/apt.sh
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/vkfi
FOLDER=$CACHE/drivers/vendors

say() {
    echo "vendors: $*" >&2
}

die() {
    say "$*"
    exit 2
}

# field NAME N: the N-th word of a driver's line.
field() {
    awk -v name="$1" -v n="$2" '$1 == name { print $n }' <<<"$DRIVERS"
}

setup_meson() {
    local stamp
    stamp=$FOLDER/meson/$(cksum <<<"${MESON[*]}" | cut -d' ' -f1).stamp
    if [ ! -e "$stamp" ]; then
        say "fetching ${MESON[*]}"
        /usr/bin/python3 -m venv --clear "$FOLDER/meson" &&
            "$FOLDER/meson/bin/python3" -m pip --disable-pip-version-check install --quiet \
                --only-binary=:all: "${MESON[@]}" </dev/null >&2 || die "meson could not be fetched"
        touch "$stamp"
    fi
    PATH=$FOLDER/meson/bin:$PATH
}

# fetch_source VERSION: the path of Mesa's tarball of that version. Debian signs the suite's list,
# which has its sha256; the .dsc of a suite may be gone while the tarball is there.
fetch_source() {
    local version=$1 apt=$FOLDER/apt-$1 index name sum
    apt_prepare "$apt" deb-src "${SUITE[$version]}" >"$FOLDER/apt-$version.log" 2>&1 </dev/null ||
        die "the sources of ${SUITE[$version]} cannot be had (see $FOLDER/apt-$version.log)"
    index=$(apt_apart apt-cache "$apt" showsrc --only-source mesa)
    read -r sum name < <(awk '/^Checksums-Sha256:/ { on = 1; next } /^[^ ]/ { on = 0 }
        on && $3 ~ /\.orig\.tar\.[a-z0-9]+$/ { print $1, $3 }' <<<"$index" | grep -F "mesa_$version.") ||
        die "found $(grep '^Version' <<<"$index" | sort -u | tr '\n' ' ')in ${SUITE[$version]}, expected mesa $version"
    if ! sha256sum --quiet --check <<<"$sum $FOLDER/$name" >/dev/null 2>&1; then
        say "fetching $name"
        (cd "$FOLDER" && apt_apart apt-get "$apt" --download-only --only-source source mesa) \
            >>"$FOLDER/apt-$version.log" 2>&1 </dev/null || true
        sha256sum --quiet --check <<<"$sum $FOLDER/$name" >&2 ||
            die "$name cannot be had (see $FOLDER/apt-$version.log)"
    fi
    echo "$FOLDER/$name"
}

# V3DV opens no kernel driver that lacks multisync, of which the shim says nothing.
add_multisync() {
    sed -i 's/^\( *\)case DRM_V3D_PARAM_SUPPORTS_PERFMON:/\1case DRM_V3D_PARAM_SUPPORTS_MULTISYNC_EXT:\n&/' "$1"
}

# make_tree VERSION: an unpacked and configured tree.
make_tree() {
    local version=$1 tree=$FOLDER/mesa-$1 source options
    read -ra options <<<"${OPTIONS[$version]}"
    apt_install "$FOLDER/apt.log" "${PACKAGES[@]}"
    setup_meson
    if [ ! -e "$tree/VERSION" ]; then
        source=$(fetch_source "$version")
        rm -rf "$tree" "$tree.part"
        mkdir -p "$tree.part"
        tar -xf "$source" -C "$tree.part" --strip-components=1
        add_multisync "$tree.part/src/broadcom/drm-shim/v3d_noop.c"
        mv "$tree.part" "$tree"
    fi
    [ "$(cat "$tree/VERSION")" = "$version" ] ||
        die "found Mesa $(cat "$tree/VERSION") in $tree, expected $version"
    if [ ! -e "$tree/build/build.ninja" ]; then
        say "configuring Mesa $version"
        meson setup "$tree/build" "$tree" "${COMMON[@]}" "${options[@]}" \
            >"$FOLDER/mesa-$version.log" 2>&1 </dev/null || {
            rm -rf "$tree/build"
            tail -n 5 "$FOLDER/mesa-$version.log" >&2
            die "meson could not configure Mesa $version (all of its output: $FOLDER/mesa-$version.log)"
        }
    fi
}

# progress NAME: ninja's steps, one line a minute.
progress() {
    local began=$SECONDS last=$SECONDS line
    while IFS= read -r line; do
        if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] && ((SECONDS >= last + 60)); then
            last=$SECONDS
            say "$1: ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} steps, $(((SECONDS - began) / 60)) min"
        fi
    done
}

# debian_driver FROM VERSION: the path of Debian's driver of Intel, of its release or of backports.
debian_driver() {
    local manifest library
    if [ "$1" = debian ]; then
        apt_install "$FOLDER/apt.log" mesa-vulkan-drivers
        manifest=$(compgen -G '/usr/share/vulkan/icd.d/intel_icd*.json' | head -n 1)
        library=$(grep -o '"/[^"]*"' "$manifest" | tr -d '"')
    else
        eval "$(bash third_party/drivers.sh "$CACHE/drivers")" # says where backports' libraries lie
        library=${VKFI_LIB_LAVAPIPE25:-}/libvulkan_intel.so
    fi
    # the driver's own words of its version
    grep -aqs "%s $2[^0-9]" "$library" || die "found no Mesa $2 in ${library:-the packages of $1}, expected it there"
    echo "$library"
}

# build NAME: the driver, its shim and its manifest in a folder of that name, which appears whole.
build() {
    local name=$1 version driver shim tree log out temp targets
    version=$(field "$name" 2) driver=$(field "$name" 3) shim=$(field "$name" 4)
    tree=$FOLDER/mesa-$version/build log=$FOLDER/$name.log out=$FOLDER/$name temp=$FOLDER/$name.part
    if [ "$(cat "$out/version" 2>/dev/null)" = "$version" ]; then
        say "$name: Mesa $version is there"
        return
    fi
    targets=("$shim")
    case $driver in
    debian | backports) driver=$(debian_driver "$driver" "$version") ;;
    *) targets+=("$driver") ;;
    esac
    make_tree "$version"
    say "$name: building (log: $log)"
    NINJA_STATUS='[%f/%t] ' ninja -C "$tree" -j "$(nproc)" "${targets[@]}" 2>&1 </dev/null |
        tee "$log" | progress "$name" || {
        grep -m 3 -E 'FAILED|error' "$log" >&2
        die "$name: the build failed (all of its output: $log)"
    }
    rm -rf "$out" "$temp"
    mkdir -p "$temp"
    if [ ${#targets[@]} = 2 ]; then
        strip --strip-debug -o "$temp/driver.so" "$tree/$driver"
        driver=$out/driver.so
    fi
    strip --strip-debug -o "$temp/shim.so" "$tree/$shim"
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' \
        "$driver" >"$temp/icd.json"
    echo "$version" >"$temp/version"
    mv "$temp" "$out"
    say "$name: done, $((SECONDS / 60)) min since the start"
}

# Trees of which every driver is there go.
clean() {
    local version name
    for version in "${!SUITE[@]}"; do
        while read -r name; do
            [ -e "$FOLDER/$name/version" ] || continue 2
        done < <(awk -v v="$version" '$2 == v { print $1 }' <<<"$DRIVERS")
        rm -rf "$FOLDER/mesa-$version"
    done
}

main() {
    local names name
    read -rd '' -a names < <(awk '{ print $1 }' <<<"$DRIVERS") || true
    case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    esac
    for name in "$@"; do
        [ -n "$(field "$name" 1)" ] || die "found driver '$name', expected one of ${names[*]}"
    done
    [ $# = 0 ] || names=("$@")
    mkdir -p "$FOLDER"
    exec 9>"$FOLDER/lock"
    flock -n 9 || die "another call is building (lock: $FOLDER/lock)"
    for name in "${names[@]}"; do
        build "$name"
    done
    clean
    say "done: ${names[*]}; tests/isa finds them (third_party/setup.sh full, or ctest -R '^isa/')"
}

main "$@"
