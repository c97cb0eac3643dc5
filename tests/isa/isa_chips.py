#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The chips whose compilers are asked, how each is reached without the chip, and what is stated of it.

usage: isa_chips.py          prints the names
"""

import collections
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from isa_vendors import Adreno, Amd, Intel, Mali, V3d  # noqa: E402

# `few`: registers are few (`has_few_registers` of host/vk/vk_kernels.c).
# `limits`: {statistic: (least, most)} for every kernel without an active hook.
# `spills`: kernels (pattern; "NAME patch" with an active hook, of LINEAR) that may keep registers in
# memory, and why it is so.
# `schedules`: names of statistics and opcodes (pattern) that may differ with an idle hook, the most
# by which, in kernels (pattern), and why.
Chip = collections.namedtuple("Chip", "name title driver environments code few limits spills schedules",
                              defaults=(False, {}, [], []))
Driver = collections.namedtuple("Driver", "manifest shim")


def amd(name, title, driver, *families, **more):
    """Families: names RADV_FORCE_FAMILY knows it by, in Mesa 22 and 25."""
    return Chip(name, title, driver, [{"RADV_FORCE_FAMILY": f} for f in families], Amd, **more)


def intel(name, title, driver, **more):
    """The platform is the name up to a "-"."""
    return Chip(name, title, driver, [{"INTEL_STUB_GPU_PLATFORM": name.split("-")[0]}], Intel, **more)


def adreno(number, title, **more):
    return Chip(f"a{number}", title, "turnip25", [{"FD_GPU_ID": str(number)}], Adreno, **more)


def mali(name, title, product, **more):
    """PanVK wants to be asked for what is not conformant."""
    return Chip(name, title, "panvk25", [{"PAN_GPU_ID": product,
                                         "PAN_I_WANT_A_BROKEN_VULKAN_DRIVER": "1"}],
                Mali, few=True, **more)


def v3d(name, title, **more):
    return Chip(name, title, "v3dv25", [{}], V3d, **more)


CHIPS = [
    amd("gfx9", "AMD Vega 10", "radv", "vega10",
        limits={"VGPRs": (1, 128), "Subgroups per SIMD": (2, 10)}),
    amd("gfx10.3", "AMD Navi 21", "radv", "navi21",
        limits={"VGPRs": (1, 128), "Subgroups per SIMD": (8, 32)}),
    amd("gfx11", "AMD Navi 31", "radv", "gfx1100", "navi31",
        limits={"VGPRs": (1, 132), "Subgroups per SIMD": (10, 32)}),
    amd("gfx11-mesa25", "AMD Navi 31 (second Mesa)", "radv25", "navi31",
        limits={"VGPRs": (1, 120), "Subgroups per SIMD": (12, 32)}),
    intel("skl", "Intel Skylake GT2", "intel22", limits={"SIMD width": (8, 32)}),
    intel("tgl", "Intel Tiger Lake GT2", "intel22", limits={"SIMD width": (8, 32)}),
    intel("dg2", "Intel Arc A", "intel22", limits={"SIMD width": (8, 32)}),
    intel("dg2-mesa25", "Intel Arc A (second Mesa)", "intel25", limits={"SIMD width": (8, 32)}),
    intel("bmg", "Intel Arc B", "intel25", limits={"SIMD width": (16, 32)}),
    # HEADS and attention of f16 take 32 registers, which leaves two waves
    adreno(660, "Qualcomm Adreno 660", limits={"Registers used": (1, 48), "Max Waves Per Core": (2, 32)}),
    adreno(740, "Qualcomm Adreno 740", limits={"Registers used": (1, 48), "Max Waves Per Core": (4, 32)}),
    mali("g610", "ARM Mali-G610", "a867", limits={"Registers": (1, 64)}, spills=[
        ("linear_.* patch", "Patches of LINEAR, a column of few outputs, need more than 64 registers "
                            "for the hooks."),
        ("scores|heads|guard_abft|fused_attention", "SCORES, HEADS, attention and GUARD_ABFT have more sums and page "
         "entries than 64 registers take."),
    ]),
    v3d("v3d42", "Broadcom VideoCore VI", limits={"Thread Count": (2, 4)}, spills=[
        ("(linear_.*|scores|heads|fused_attention|guard_abft)( patch)?",
         "Facts of the compiler alone: the device keeps denormals, so the probe refuses it, and no "
         "kernel is shaped for its 32 registers an invocation, with two threads in turn."),
    ]),
]


def find_driver(name):
    """The Driver of that name, or a line that says what is not there."""
    if name == "radv25":
        manifest = os.environ.get("VKFI_ICD_RADEON25")
        return Driver(manifest, None) if manifest else (
            "no second Mesa on this machine (third_party/drivers.sh; VKFI_ICD_RADEON25)")
    if name == "radv":
        given = os.environ.get("VKFI_ICD_RADEON")
        found = [Path(given)] if given else sorted(
            Path("/usr/share/vulkan/icd.d").glob("radeon_icd*.json"))
        manifest = next((str(path) for path in found if path.is_file()), None)
        return Driver(manifest, None) if manifest else (
            "no RADV on this machine (mesa-vulkan-drivers has it; VKFI_ICD_RADEON names its "
            "radeon_icd file)")
    folder = Path(os.environ.get("VKFI_VENDORS", "vendors")) / name
    if not (folder / "version").is_file():
        return (f"no {name} on this machine (third_party/vendor_compilers.sh {name} builds it; "
                "VKFI_VENDORS names the folder)")
    return Driver(str(folder / "icd.json"), str(folder / "shim.so"))


if __name__ == "__main__":
    print("\n".join(chip.name for chip in CHIPS))
