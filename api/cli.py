"""The command `shudi`: parse, call, print."""

from __future__ import annotations

from importlib import import_module

import click

from api.context import BASE, PLACE, Commands, Context, language
from layers.store.address import where

HOMES = {
    "land": ("init", "demo", "layers"), "move": ("copy", "migrate"), "deliver": ("import",), "export": ("export",),
    "change": ("edit", "undo", "history", "diff"), "parcel": ("parcel",), "verdict": ("check", "explain", "assess"), "find": ("find",), "suitability": ("suitability",),
    "level": ("level",), "networks": ("networks",), "supply": ("supply",), "show": ("map", "serve"), "sheet": ("sheet",),
    "listing": ("listing", "verify"), "people": ("user", "audit"), "qgis": ("qgis",),
    "community": ("division", "circle"), "steward": ("project", "permit", "warnings", "report"),
}  # fmt: skip
"""The modules of `api.commands` and the commands of each: only the module of the command that runs is loaded, for each loads
libraries of its own."""


class Homes(Commands):
    """The commands of all modules, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names in the order of their modules."""
        return [name for names in HOMES.values() for name in names]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load the module of a command."""
        module = next((module for module, names in HOMES.items() if name in names), None)
        if module is None:
            return None
        made: tuple[click.Command, ...] = import_module(f"api.commands.{module}").COMMANDS
        return next(command for command in made if command.name == name)


@click.group(cls=Homes, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--base", "--store", "base", metavar=PLACE, envvar="SHUDI_BASE", help=BASE)
@click.option("--lang", type=click.Choice(["en", "zh"]), default=language, help="language of the answers")
@click.option("--json", "as_json", is_flag=True, help="answer for programs")
@click.version_option(package_name="shudi")
@click.pass_context
def main(ctx: click.Context, base: str | None, lang: str, as_json: bool) -> None:
    """Shudi 熟地: which land can be built on, from which day, and what is still missing."""
    ctx.obj = Context(where(base) if base else None, lang, as_json)
