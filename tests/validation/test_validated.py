#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The wrapper's verdicts, with a command that writes to the layer's log itself."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

WRAPPER = Path(__file__).resolve().parent / "validated.py"
SPEAK = r"""
log=$(sed -n 's/.*log_filename = //p' "$VK_LAYER_SETTINGS_PATH")
[ "$VK_INSTANCE_LAYERS" = VK_LAYER_KHRONOS_validation ] || exit 9
for i in $(seq "$1"); do echo "VUID-$i" >"$log"; done
exit "$2"
"""


class ValidatedTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        Path(self.folder.name, "VkLayer_khronos_validation.json").touch()

    def tearDown(self):
        self.folder.cleanup()

    def verdict(self, messages, status, *options):
        done = subprocess.run(
            [sys.executable, WRAPPER, *options, "sh", "-c", SPEAK, "sh", str(messages), str(status)],
            env={**os.environ, "VK_LAYER_PATH": self.folder.name}, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def test_a_silent_layer_leaves_the_status(self):
        for status in (0, 1, 3, 77):
            self.assertEqual(self.verdict(0, status), (status, ""))

    def test_a_message_is_a_failure(self):
        for status, expected in ((0, 1), (77, 1), (3, 3)):
            code, text = self.verdict(2, status)
            self.assertEqual(code, expected)
            self.assertIn("VUID-2\nvalidation: found 2 lines", text)

    def test_messages_can_be_asked_for(self):
        self.assertEqual(self.verdict(1, 0, "--must-report")[0], 0)
        self.assertEqual(self.verdict(0, 0, "--must-report")[0], 1)
        self.assertEqual(self.verdict(1, 5, "--must-report")[0], 5)

    def test_wrong_usage_is_refused(self):
        done = subprocess.run([sys.executable, WRAPPER], check=False, capture_output=True)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
