"""The commands of the Makefile, as they meet a newcomer's machine."""

import os
import subprocess

from tests.node import ROOT


def test_commands_keep_what_they_compile_even_where_a_machine_forbids_it():
    told = subprocess.run(
        ["make", "--eval", "told: ; @echo [$$PYTHONDONTWRITEBYTECODE]", "told"],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told == "[]\n"
