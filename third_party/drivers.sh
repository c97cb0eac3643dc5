#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# drivers.sh FOLDER: unpacks the Vulkan drivers that tests compare and prints how to find each.
#
# A second Mesa (lavapipe and RADV of bookworm-backports) and SwiftShader (of chromium-common) are
# taken out of their packages under FOLDER; nothing of the system is replaced. A missing package
# gives one line, and its tests skip. Shell exports go to standard output.
set -euo pipefail

# shellcheck source=third_party/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"
FOLDER=$(mkdir -p "$1" && cd "$1" && pwd)
TRIPLET=$(gcc -print-multiarch)

say() {
    echo "drivers: $*" >&2
}

# fetch_backports FOLDER: packages of the second Mesa as .deb files.
fetch_backports() {
    apt_prepare "$1/apt" deb bookworm-backports &&
        (cd "$1" && apt_apart apt-get "$1/apt" download mesa-vulkan-drivers libdrm2 libdrm-amdgpu1)
}

# write_icd FROM TO LIBRARY: a driver's manifest with the unpacked library in place of the installed one.
write_icd() {
    sed -E "s|(\"library_path\": *\")[^\"]*\"|\1$3\"|" "$1" >"$2"
}

setup_mesa25() {
    local out=$FOLDER/mesa25 temp=$FOLDER/mesa25.part lib name
    if [ -e "$out/stamp" ]; then
        return
    fi
    say "fetching the second Mesa from bookworm-backports"
    rm -rf "$out" "$temp"
    mkdir -p "$temp"
    if ! fetch_backports "$temp" >"$FOLDER/mesa25.log" 2>&1 </dev/null; then
        say "bookworm-backports cannot be had (see $FOLDER/mesa25.log): tests on Mesa 25 will be skipped"
        rm -rf "$temp"
        return
    fi
    for deb in "$temp"/*.deb; do
        dpkg -x "$deb" "$temp/root"
    done
    rm -rf "$temp/apt" "$temp"/*.deb "$temp/root/usr/share/doc"
    lib=$out/root/usr/lib/$TRIPLET
    for name in lvp radeon; do
        write_icd "$temp"/root/usr/share/vulkan/icd.d/${name}_icd*.json "$temp/${name}_icd.json" \
            "$lib/libvulkan_$name.so"
    done
    mv "$temp" "$out"
    if LD_LIBRARY_PATH=$lib ldd "$lib/libvulkan_lvp.so" | grep 'not found' >&2; then
        say "the second Mesa lacks libraries on this machine: tests on Mesa 25 will be skipped"
        return
    fi
    touch "$out/stamp"
}

# Only the driver is taken out of the package: two files of a large one.
setup_swiftshader() {
    local out=$FOLDER/swiftshader temp=$FOLDER/swiftshader.part
    if [ -e "$out/vk_swiftshader_icd.json" ] || [ -e /usr/lib/chromium/vk_swiftshader_icd.json ]; then
        return
    fi
    say "fetching SwiftShader from chromium-common"
    rm -rf "$temp"
    mkdir -p "$temp" "$out"
    # The package changes often: lists a few days old name a missing version.
    if ! (cd "$temp" && { apt-get -q download chromium-common ||
        { apt_root update && apt-get -q download chromium-common; }; }) \
        >"$FOLDER/swiftshader.log" 2>&1 </dev/null; then
        say "chromium-common cannot be had (see $FOLDER/swiftshader.log): tests on SwiftShader will be skipped"
        rm -rf "$temp" "$out"
        return
    fi
    dpkg -x "$temp"/*.deb "$temp/root"
    mv "$temp/root/usr/lib/chromium/libvk_swiftshader.so" "$out/"
    mv "$temp/root/usr/lib/chromium/vk_swiftshader_icd.json" "$out/"
    rm -rf "$temp"
}

# export_file NAME FILE...: the first that exists.
export_file() {
    local name=$1 file
    shift
    for file in "$@"; do
        if [ -e "$file" ]; then
            printf 'export %s=%q\n' "$name" "$file"
            return
        fi
    done
}

setup_mesa25
setup_swiftshader
export_file VKFI_ICD_LAVAPIPE /usr/share/vulkan/icd.d/lvp_icd*.json
export_file VKFI_ICD_RADEON /usr/share/vulkan/icd.d/radeon_icd*.json
if [ -e "$FOLDER/mesa25/stamp" ]; then
    export_file VKFI_ICD_LAVAPIPE25 "$FOLDER/mesa25/lvp_icd.json"
    export_file VKFI_ICD_RADEON25 "$FOLDER/mesa25/radeon_icd.json"
    export_file VKFI_LIB_LAVAPIPE25 "$FOLDER/mesa25/root/usr/lib/$TRIPLET"
fi
export_file VKFI_ICD_SWIFTSHADER "$FOLDER/swiftshader/vk_swiftshader_icd.json" \
    /usr/lib/chromium/vk_swiftshader_icd.json
# What vendor_compilers.sh builds, if it ever runs.
printf 'export VKFI_VENDORS=%q\n' "$FOLDER/vendors"
# RADV asks for it even where nothing is displayed.
mkdir -p "$FOLDER/runtime"
chmod 700 "$FOLDER/runtime"
printf 'export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-%q}\n' "$FOLDER/runtime"
