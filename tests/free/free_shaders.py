# SPDX-License-Identifier: MIT
"""The shaders of a build as the tests of "free when off" see them: pairs of files and settings."""

import concurrent.futures
import os
import re
import subprocess
from pathlib import Path

HOOK_ID = 100  # HOOK_SPEC_ID of shaders/shared/hook.h
ACT_ID, KV_ID, LANES_X_ID, LANES_Y_ID = 1, 2, 3, 4  # SPEC_* of shaders/shared/push.h
F32, F16, BF16 = 0, 1, 2  # NM_* of shaders/shared/numerics.h

# Ops that compute a site of faults: the shader <op>, or all its variants <op>_<variant>.
OPS = ["embed", "norm", "linear", "rope", "scores", "softmax", "heads", "gate", "add"]

SPEC_ID = re.compile(r"OpDecorate (%\d+) SpecId (\d+)")
NO_CONTRACTION = re.compile(r" NoContraction$", re.M)
ARITHMETIC = re.compile(r" = OpF(?:Add|Sub|Mul|Div|Rem|Mod|Negate) |Op(?:Dot|Vector\w*Times\w*) ")


def run(command):
    """Standard output of a command; its standard error as the exception's text if it fails."""
    done = subprocess.run([str(word) for word in command], check=False, text=True,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} {command[-1]}: {done.stderr.strip()}")
    return done.stdout


def disassemble(path):
    return run(["spirv-dis", "--raw-id", "--no-color", "--no-indent", "--no-header", path])


class Shader:
    """One shader in both builds: with hooks and without."""

    def __init__(self, name, path, free_path):
        self.name = name
        self.path = Path(path)
        self.free_path = Path(free_path)
        text = disassemble(self.path)
        self.spec_ids = {int(n) for _, n in SPEC_ID.findall(text)}
        # what the build calls exact: no float arithmetic without this decoration
        self.exact = len(NO_CONTRACTION.findall(text)) == len(ARITHMETIC.findall(text))
        self.free_spec_ids = {int(n) for _, n in SPEC_ID.findall(disassemble(self.free_path))}

    @property
    def has_hook(self):
        return HOOK_ID in self.spec_ids

    @property
    def same_file(self):
        return self.path.read_bytes() == self.free_path.read_bytes()

    @property
    def op(self):
        return self.name.split("_")[0]

    def settings(self, wanted):
        """`wanted` ({id: value}) reduced to this shader's ids in either build."""
        ids = (self.spec_ids | self.free_spec_ids) - {HOOK_ID}
        return {i: v for i, v in wanted.items() if i in ids}


def load(names_file, folder):
    """The shaders named in a file, one per line, as built in `folder`."""
    names = Path(names_file).read_text(encoding="utf-8").split()
    return each(lambda n: Shader(n, Path(folder, n + ".spv"),
                                 Path(folder, "hook_free", n + ".spv")), names)


def each(function, items):
    """The results of the function for all items, computed on all processors."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


def distinct(settings):
    """The settings without repetitions, in order."""
    return [s for i, s in enumerate(settings) if s not in settings[:i]]
