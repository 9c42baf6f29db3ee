"""The unit tests of the page's modules, run by node."""

import subprocess
import sys

import pytest

from tests.node import ROOT, folder


def test_the_pages_modules_do_what_their_unit_tests_say():
    if folder() is None:
        pytest.skip("no node on this machine")
    ran = subprocess.run([sys.executable, "-m", "tests.node", "test"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
