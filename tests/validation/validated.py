#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a test with the Khronos validation layer in every Vulkan instance of every process it starts.

usage: validated.py [--must-report] COMMAND [ARGUMENT...]

The loader puts the layer into each instance (VK_INSTANCE_LAYERS), so no test has to request it and none
can forget it. The layer writes to a pipe of this process, whatever a test does with its output. Exit
status: that of the command; 1 if it is 0 or 77 and the layer wrote something. --must-report inverts the
check: 1 unless the layer wrote something, 77 if the layer is missing.
"""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LAYER = "VK_LAYER_KHRONOS_validation"
MANIFEST = "VkLayer_khronos_validation.json"
FOLDERS = ("/usr/share/vulkan/explicit_layer.d", "/usr/local/share/vulkan/explicit_layer.d",
           "/etc/vulkan/explicit_layer.d")
SKIPPED = 77
SHOWN = 40  # lines of messages
SETTINGS = """\
khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.report_flags = error,warn
khronos_validation.log_filename = {}
"""


def layer_is_here():
    places = [*os.environ.get("VK_LAYER_PATH", "").split(":"), *FOLDERS]
    return any(Path(place, MANIFEST).is_file() for place in places if place)


def run(command, folder):
    """(exit status, lines of the layer)."""
    reading, writing = os.pipe()
    settings = Path(folder, "vk_layer_settings.txt")
    settings.write_text(SETTINGS.format(f"/proc/{os.getpid()}/fd/{writing}"), encoding="utf-8")
    environment = {**os.environ, "VK_INSTANCE_LAYERS": LAYER, "VK_LAYER_SETTINGS_PATH": str(settings)}
    lines = []

    def collect():
        with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
            lines.extend(pipe)

    collector = threading.Thread(target=collect, daemon=True)
    collector.start()
    status = subprocess.run(command, env=environment, check=False).returncode
    os.close(writing)
    # A process left over from the test may hold the pipe open; it is not waited for.
    collector.join(5)
    return status, lines


def main():
    words = sys.argv[1:]
    must_report = words[:1] == ["--must-report"]
    command = words[1:] if must_report else words
    if not command:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if not layer_is_here():
        if must_report:
            print("skipped: the validation layer is not on this machine")
            return SKIPPED
        print("the validation layer is not on this machine: not looked at", flush=True)
        os.execvp(command[0], command)
    with tempfile.TemporaryDirectory() as folder:
        status, lines = run(command, folder)
    status = status if status >= 0 else 128 - status
    sys.stdout.writelines(lines[:SHOWN])
    if must_report:
        print(f"validation: {len(lines)} lines, expected some")
        return status if status else 0 if lines else 1
    if lines:
        print(f"validation: found {len(lines)} lines of the layer, expected none")
        return status if status not in (0, SKIPPED) else 1
    return status


if __name__ == "__main__":
    sys.exit(main())
