#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Same bits everywhere: one run of `vkfi run --json` per device, driver, split and storage type.

usage: same_bits.py VKFI TINY tiny|smollm2|full

TINY is the folder of the tiny models.

Every run of a case must print the same hash for every step. A missing driver is skipped and named. Exit
status: 0 all agree, 1 some differ, 77 no model or no Vulkan driver.
"""
import json
import os
import subprocess
import sys

TYPES = ("f32", "f16", "bf16")
PROMPT = "Question: Lena has 7 boxes with 12 pens each and gives 9 pens away. How many are left?\nAnswer:"


class Place:
    """A way to run: arguments, and environment of the process."""

    def __init__(self, name, arguments, environment=None, slow=False):
        self.name, self.arguments, self.environment = name, arguments, environment or {}
        self.slow = slow


def processor_places():
    yield Place("cpu:scalar", ["-d", "cpu:scalar"])
    yield Place("cpu, 1 thread", ["-d", "cpu", "--threads", "1"])
    yield Place("cpu, 2 threads", ["-d", "cpu", "--threads", "2"])
    yield Place("cpu, 5 columns a pass", ["-d", "cpu", "--columns", "5"])
    for form in ("avx2", "avx512"):
        yield Place("cpu:" + form, ["-d", "cpu:" + form])


def driver_places():
    """Vulkan drivers that setup.sh found, and the machine's default."""
    lavapipe = os.environ.get("VKFI_ICD_LAVAPIPE")
    newer = os.environ.get("VKFI_ICD_LAVAPIPE25")
    swiftshader = os.environ.get("VKFI_ICD_SWIFTSHADER")
    vulkan = ["-d", "0"]
    if lavapipe:
        base = {"VK_DRIVER_FILES": lavapipe}
        yield Place("lavapipe, 3 columns a pass", vulkan + ["--columns", "3"], base)
        for width in ("128", "256", "512"):  # one of them is what it takes by itself
            yield Place("lavapipe, vectors of %s bits" % width, vulkan,
                        {**base, "LP_NATIVE_VECTOR_WIDTH": width})
    if newer:
        yield Place("lavapipe of Mesa 25", vulkan,
                    {"VK_DRIVER_FILES": newer,
                     "LD_LIBRARY_PATH": os.environ.get("VKFI_LIB_LAVAPIPE25", "")})
    if swiftshader:
        yield Place("SwiftShader", vulkan, {"VK_DRIVER_FILES": swiftshader}, slow=True)


def run(vkfi, case, place):
    """Hashes of the steps, or None if the place does not exist here."""
    command = [vkfi, "run", "--json", "--ignore-eos", *case, *place.arguments]
    done = subprocess.run(command, env={**os.environ, **place.environment}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode == 3 and "avx" in place.name:
        return None  # the processor lacks the instructions
    if done.returncode != 0:
        raise SystemExit("%s\n  on %s: exit %d: %s" % (" ".join(command), place.name,
                                                       done.returncode, done.stderr.strip()))
    result = json.loads(done.stdout)
    return [step["hash"] for step in result["steps"]]


def check(vkfi, title, case, places):
    """Returns whether all places give the hashes of the first."""
    expected, same, missing = None, [], []
    for place in places:
        hashes = run(vkfi, case, place)
        if hashes is None:
            missing.append(place.name)
        elif expected is None:
            expected = hashes
            same.append(place.name)
        elif hashes == expected:
            same.append(place.name)
        else:
            step = next((i for i, (a, b) in enumerate(zip(expected, hashes)) if a != b),
                        min(len(expected), len(hashes)))
            print("%s: %s differs from %s at step %d" % (title, place.name, same[0], step))
            return False
    print("%s: %d steps, the same on %d places%s" % (
        title, len(expected), len(same), "; not here: " + ", ".join(missing) if missing else ""))
    return True


# What the quick suite runs on slow places: a file of each architecture, each type, one of blocks.
# Architectures whose graphs have the kernels of others.
SAME_KERNELS = ("qwen3.", "mistral", "phi3", "olmo2", "falcon-mqa", "mixtral")
SLOW = ("gemma3.gguf act=f32", "falcon-gqa.gguf act=bf16", "llama3-rope.gguf act=f16", "qwen2.gguf act=bf16",
        "gemma2.gguf act=f16", "qwen2moe.gguf act=f16", "q6_k.gguf")


def tiny_cases(folder, every):
    """Activations and KV of the same type, and a few of the files that differ in blocks; `every`: all of both."""
    ids = ",".join(str(i * 37 % 256) for i in range(1, 41))
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".gguf"):
            continue
        combinations = [(a, k) for a in TYPES for k in TYPES if every or a == k]
        if "llama-" in name:  # files that differ only in their blocks
            combinations = [("f32", "f32")] if every or "_k" in name else []
        if not every and any(part in name for part in SAME_KERNELS):
            combinations = [("f16", "f16")]
        for act, kv in combinations:
            yield ("%s act=%s kv=%s" % (name, act, kv),
                   ["-m", os.path.join(folder, name), "--ids", ids, "-n", "4", "--act", act,
                    "--kv", kv])


def real_cases(name, steps, types):
    path = os.path.join(os.environ.get("VKFI_MODELS", ""), name)
    if not os.path.isfile(path):
        return
    for act, kv in types:
        yield ("%s act=%s kv=%s" % (name, act, kv),
               ["-m", path, "-p", PROMPT, "-n", str(steps), "--act", act, "--kv", kv])


def cases_of(suite, tiny):
    if suite == "tiny":
        return list(tiny_cases(tiny, every=False))
    if suite == "smollm2":
        return list(real_cases("SmolLM2-135M-Instruct.Q4_1.gguf", 4, [("f32", "f32")]))
    types = [("f32", "f32"), ("f16", "f16"), ("bf16", "bf16"), ("f32", "f16")]
    return [*tiny_cases(tiny, every=True), *(
        case for name in ("SmolLM2-135M-Instruct.Q4_1.gguf", "gemma3-270m.gguf",
                              "qwen2.5-coder-0.5b.gguf") for case in real_cases(name, 4, types))]


def main():
    vkfi, tiny, suite = sys.argv[1:4]
    drivers = list(driver_places())
    cases = cases_of(suite, tiny)
    if not cases or not drivers:
        print("skipped: %s" % ("no model for suite " + suite if drivers else
                               "no Vulkan driver named by VKFI_ICD_*"))
        return 77
    places = [*processor_places(), *drivers]
    agree = [check(vkfi, title, case,
                   [p for p in places if not p.slow or suite != "tiny" or any(
                       part in title for part in SLOW)]) for title, case in cases]
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())
