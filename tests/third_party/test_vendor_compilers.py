#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vendor_compilers.sh: it refuses what it does not know, and leaves alone what is there.

Nothing is fetched: the drivers that are there are made by the test.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "third_party" / "vendor_compilers.sh"
VERSIONS = {"intel22": "22.3.6", "turnip25": "25.0.7", "panvk25": "25.0.7", "v3dv25": "25.0.7",
            "intel25": "25.0.7"}


def call(cache, *names):
    env = {"PATH": os.environ["PATH"], "HOME": cache, "XDG_CACHE_HOME": cache}
    done = subprocess.run(["bash", SCRIPT, *names], env=env, check=False, capture_output=True,
                          text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def expect(found, status, word):
    assert found[0] == status and word in found[1] + found[2], (found, status, word)


def main():
    with tempfile.TemporaryDirectory(prefix="vkfi-vendors-") as cache:
        expect(call(cache, "--help"), 0, "usage: ")
        expect(call(cache, "intel21"), 2, "found driver 'intel21', expected one of intel22 ")
        expect(call(cache, "intel22", "nvidia"), 2, "found driver 'nvidia'")
        folder = Path(cache, "vkfi", "drivers", "vendors")
        assert not folder.exists()
        for name, version in VERSIONS.items():
            Path(folder, name).mkdir(parents=True)
            Path(folder, name, "version").write_text(version + "\n", encoding="utf-8")
        tree = folder / "mesa-25.0.7"
        tree.mkdir()
        expect(call(cache, "turnip25"), 0, "turnip25: Mesa 25.0.7 is there")
        assert not tree.exists(), "the tree of drivers that are all there was kept"
        Path(folder, "intel22", "version").unlink()
        Path(folder, "mesa-22.3.6").mkdir()
        expect(call(cache, "intel25", "v3dv25"), 0, "v3dv25: Mesa 25.0.7 is there")
        assert (folder / "mesa-22.3.6").exists(), "a tree was removed before its driver was there"
    print("vendor_compilers.sh: 5 calls as expected")
    return 0


if __name__ == "__main__":
    sys.exit(main())
