#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of devices must be able to be stale, and each rule for its files is broken once."""
import copy
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests/results/devices.py"
FOLDER = "tests/results/devices"


def run(*words):
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


class Devices(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copytree(ROOT / FOLDER, self.root / FOLDER)
        shutil.copy(ROOT / "README.md", self.root)
        self.files = sorted((self.root / FOLDER).glob("*.json"))
        self.found = json.loads(self.files[0].read_text(encoding="utf-8"))

    def bundle(self, found, name="selftest.json"):
        path = self.root / "out.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, json.dumps(found, indent=2))
        return path

    def refused(self, code, text, *words):
        got, line = run(*words)
        self.assertEqual(got, code, line)
        self.assertEqual(line.count("\n"), 1, line)
        self.assertIn(text, line)

    def test_fresh(self):
        self.assertEqual(run("check", self.root), (0, ""))
        before = (self.root / "README.md").read_bytes()
        self.assertEqual(run("write", self.root), (0, ""))
        self.assertEqual((self.root / "README.md").read_bytes(), before)

    def test_stale(self):
        self.files[0].unlink()
        self.refused(1, "the table is not that of", "check", self.root)
        self.assertEqual(run("write", self.root), (0, ""))
        self.assertEqual(run("check", self.root), (0, ""))

    def test_no_place(self):
        readme = self.root / "README.md"
        readme.write_text(readme.read_text(encoding="utf-8").replace("<!-- end of the table -->", ""), encoding="utf-8")
        self.refused(1, "found no lines", "check", self.root)

    def test_add(self):
        """A bundle of another device becomes a file and a row; its bytes do not depend on the archive's."""
        self.found["device"]["name"] = "Some GPU|X (9000)"
        path = self.bundle(self.found)
        self.assertEqual(run("add", path, self.root), (0, ""))
        self.assertEqual(run("check", self.root), (0, ""))
        self.assertEqual(len(list((self.root / FOLDER).glob("some-gpu-x-9000-*.json"))), 1)
        self.assertIn("| Some GPU/X (9000) (cpu) |", (self.root / "README.md").read_text(encoding="utf-8"))

    def test_canonical(self):
        self.files[0].write_text(json.dumps(self.found), encoding="utf-8")
        self.refused(1, "as `devices.py add` writes it", "check", self.root)

    def test_other_bits(self):
        """The CPU's bits are the same on all machines."""
        self.found["device"]["name"] = "Other"
        self.found["exactness"][0]["hash"] = self.found["exactness"][0]["device_hash"] = "0123456789abcdef"
        self.refused(2, "differ from those of another file", "add", self.bundle(self.found), self.root)

    def test_bundles(self):
        def broken(change):
            found = copy.deepcopy(self.found)
            change(found)
            return self.bundle(found)

        cases = [
            ("/line: found a path", lambda f: f.update(line="failed: /home/me/driver.so")),
            ("/line: found a path", lambda f: f.update(line="'~/x'")),
            ("/line: found a path", lambda f: f.update(line="in C:\\me")),
            ("found an address", lambda f: f["device"].update(name="me@host.org")),
            ("found a UUID", lambda f: f["device"].update(driver="a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5")),
            ("found a PCI address", lambda f: f["device"].update(driver="at 0000:03:00.0")),
            ("found a hardware address", lambda f: f["device"].update(driver="00:11:22:33:44:55")),
            ("/device: found uuid", lambda f: f["device"].update(uuid="1")),
            ("/device: found none", lambda f: f.update(device=None)),
            ("found other members", lambda f: f.update(host="x")),
            ("found format 2", lambda f: f.update(format=2)),
            ("found verdict 'good'", lambda f: f.update(verdict="good")),
            ("but a run that differs", lambda f: f["exactness"][1].update(faults_differ=1)),
        ]
        before = sorted(p.name for p in (self.root / FOLDER).iterdir())
        for text, change in cases:
            with self.subTest(text):
                self.refused(2, text, "add", broken(change), self.root)
        self.refused(2, "found no bundle", "add", self.bundle(self.found, "other.json"), self.root)
        self.refused(2, "found no bundle", "add", self.root / "README.md", self.root)
        self.refused(2, "found no bundle", "add", self.root / "none.zip", self.root)
        self.assertEqual(sorted(p.name for p in (self.root / FOLDER).iterdir()), before)

    def test_usage(self):
        for words in ((), ("add",), ("look",), ("check", "a", "b")):
            code, text = run(*words)
            self.assertEqual(code, 2)
            self.assertIn("usage: devices.py", text)


if __name__ == "__main__":
    unittest.main()
