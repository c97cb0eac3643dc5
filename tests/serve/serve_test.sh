# SPDX-License-Identifier: MIT
# Runs the Python test that SERVE_TEST names, in a folder of its own, with what lib.sh knows of drivers.
need_tiny
case $SERVE_TEST in *_driver.py) need_broken_driver ;; esac
exec "${SERVE_PYTHON:-python3}" -B "$SERVE_TEST"
