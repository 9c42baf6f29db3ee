"""Every command answers programs: all take `--json`, and what they say is one JSON value with the fields of docs/json.md."""

import json
import os
import pty
import re
import subprocess

import click
import pytest

from api.cli import main
from tests.api.faces import COMMAND, DAY, ENVIRONMENT, ROOT, shudi


def commands(group, path=()):
    """Walk the command line: the words of each command, and what it takes."""
    for name in group.list_commands(None):
        found = group.get_command(None, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


@pytest.mark.parametrize("name", dict(commands(main)))
def test_every_command_takes_json_and_a_base(name):
    taken = {option for it in dict(commands(main))[name].params for option in it.opts}
    assert {"--json", "--base"} <= taken


def documented():
    """Read the fields of each command in docs/json.md."""
    rows = re.findall(r"^\| (`[^|]*) \| (.*) \|$", (ROOT / "docs/json.md").read_text("utf-8"), re.MULTILINE)
    fields = {
        told: {name for part in parts.split(";") for name in re.findall(r"`(\w+)`", part.partition(":")[0])}
        for told, parts in rows
    }
    return {name: found for told, found in fields.items() for name in re.findall(r"`(\w+)`", told)}


def test_each_answer_is_json_with_the_documented_fields(tmp_path):
    base = tmp_path / "park.gpkg"
    asked = {
        "init": ("init", tmp_path / "empty.gpkg", "--crs", "EPSG:4548"),
        "demo": ("demo", base, "--plots", 4),
        "copy": ("copy", base, tmp_path / "copy.gpkg"),
        "migrate": ("migrate", "--base", base),
        "edit": ("edit", "parcels", "D001-B01-P01", "owner=another", "--base", base),
        "qgis": ("qgis", "--out", tmp_path / "land.qgs", "--base", base),
        "networks": ("networks", "--on", DAY, "--base", base),
    }
    said = {}
    for name, arguments in asked.items():
        found = shudi(*arguments, "--json")
        assert found.status == 0, found
        said[name] = found.body
    entry = shudi("history", "parcels", "D001-B01-P01", "--base", base, "--json").body[-1]["seq"]
    said["undo"] = shudi("undo", entry, "--base", base, "--json").body
    with subprocess.Popen(
        [*COMMAND, "serve", "--json", "--port", "0", "--base", str(base)], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as service:
        said["serve"] = json.loads(service.stdout.readline())
        service.terminate()
    assert {name: set(body) for name, body in said.items()} == documented()
    assert (said["copy"]["rows"] > 0, said["serve"]["url"].startswith("http://127.0.0.1:")) == (True, True)


def drawn(arguments, terminal):
    """Run a command; gives what it wrote to standard error, a terminal or a pipe."""
    if not terminal:
        return subprocess.run([*COMMAND, *arguments], env=ENVIRONMENT, check=True, capture_output=True, text=True).stderr
    mine, theirs = pty.openpty()
    with subprocess.Popen([*COMMAND, *arguments], env=ENVIRONMENT, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        said = b""
        try:
            while chunk := os.read(mine, 4096):
                said += chunk
        except OSError:  # how Linux tells that the other end is closed
            pass
        os.close(mine)
    assert process.returncode == 0
    return said.decode()


def test_long_work_draws_a_bar_on_a_terminal_and_nothing_for_programs(park, tmp_path):
    bar = drawn(["--lang", "en", "copy", str(park), str(tmp_path / "a.gpkg")], True)
    assert "Copying" in bar
    assert re.search(r"\[#+-*\] +\d+%", bar), bar
    assert drawn(["--lang", "en", "copy", str(park), str(tmp_path / "b.gpkg")], False) == ""
    assert drawn(["--lang", "en", "copy", str(park), str(tmp_path / "c.gpkg"), "--json"], True) == ""
