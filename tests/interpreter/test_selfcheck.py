"""The self-check finds a wrong layout before a program could be harmed by it."""

import subprocess
import sys

from dartslurm.interpreter.layouts import SUPPORTED
from dartslurm.interpreter.selfcheck import problem


def test_this_interpreter_is_supported_and_reads_its_frames():
    assert SUPPORTED
    assert problem() is None


def test_a_wrong_layout_is_noticed():
    code = (
        "from dartslurm.interpreter import layouts, frames\n"
        "from dataclasses import replace\n"
        "frames.LAYOUT = replace(layouts.LAYOUT, localsplus=layouts.LAYOUT.localsplus + 8)\n"
        "from dartslurm.interpreter.selfcheck import problem\n"
        "print(problem())\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() != "None"
