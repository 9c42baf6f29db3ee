"""Who may use the service: users, their roles and tokens, and what they did."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from api.commands.land import actor
from api.context import Context, a_moment, command, users
from api.passwords import PasswordError, hashed
from layers.base import Text
from layers.store.people import ROLES, People, User, beside

TERMINAL = "terminal"
"""The address of who works on the machine itself, in the audit log."""
role = click.Choice([name for name in ROLES if name != "public"])
stdin = click.option("--password-stdin", "piped", is_flag=True, help="read the password from standard input, one line")


def of(context: Context, people: Path | None) -> People:
    """Open the users of the base."""
    return People(people or beside(context.path()))


def noted(people: People, action: str, object: str, outcome: str = "ok") -> None:
    """Note in the audit log what was done at this terminal."""
    people.note(actor(), TERMINAL, action, object, outcome)


def asked(context: Context, piped: bool) -> str:
    """Ask for a new password, twice; or read it from a pipe. It is never an argument, which others on the machine can see."""
    if piped:
        return hashed(sys.stdin.readline().rstrip("\r\n"))
    if not sys.stdin.isatty():
        raise PasswordError(
            "there is no terminal to ask for a password: use --password-stdin", "没有终端可输入密码:请用 --password-stdin"
        )
    return hashed(click.prompt(context.say(Text("Password", "密码")), hide_input=True, confirmation_prompt=True, err=True))


def entry(user: User, people: People) -> dict[str, Any]:
    """Describe a user to a program."""
    return {
        "name": user.name, "role": user.role, "email": user.email, "password": user.hash is not None, "disabled": user.disabled,
        "tokens": [token._asdict() for token in people.tokens(user.name)],
    }  # fmt: skip


@click.argument("name")
@click.option("--role", type=role, required=True, help="what they may")
@click.option("--email", help="the address by which an OIDC provider knows them")
@click.option("--no-password", is_flag=True, help="they sign in through an OIDC provider or with tokens only")
@stdin
@users
def add(context: Context, name: str, role: str, email: str | None, no_password: bool, piped: bool, people: Path | None) -> None:
    """Add a user; the password is asked for."""
    found = of(context, people)
    found.add(name, role, None if no_password else asked(context, piped), email)
    noted(found, "user add", name, role)
    context.answer({"name": name, "role": role}, context.say(Text(f"{name} is {role} now", f"已添加用户 {name},角色 {role}")))


@users
def list_(context: Context, people: Path | None) -> None:
    """List the users, their roles and tokens."""
    found = of(context, people)
    body = [entry(user, found) for user in found.users()]
    off = context.say(Text("disabled", "已停用"))
    rows = [f"{u['name']:20} {u['role']}" + (f" · {off}" if u["disabled"] else "") for u in body]
    context.answer(body, "\n".join(rows) or context.say(Text("no users yet", "还没有用户")))


@click.argument("name")
@users
def disable(context: Context, name: str, people: Path | None) -> None:
    """Shut a user out: password, sessions and tokens hold no more."""
    _set(context, of(context, people), name, "user disable", disabled=1)


@click.argument("name")
@users
def enable(context: Context, name: str, people: Path | None) -> None:
    """Let a user in again that was shut out."""
    _set(context, of(context, people), name, "user enable", disabled=0)


@click.argument("name")
@click.argument("role", type=role)
@users
def role_(context: Context, name: str, role: str, people: Path | None) -> None:
    """Give a user another role; it holds from the next request on."""
    _set(context, of(context, people), name, "user role", role=role)


@click.argument("name")
@stdin
@users
def password(context: Context, name: str, piped: bool, people: Path | None) -> None:
    """Give a user another password; their sessions end."""
    found = of(context, people)
    found.known(name)
    _set(context, found, name, "user password", hash=asked(context, piped))


def _set(context: Context, people: People, name: str, action: str, **to: str | int) -> None:
    people.change(name, **to)
    noted(people, action, name, str(to.get("role", "ok")))
    context.answer(entry(people.known(name), people), context.say(Text(f"{name}: done", f"{name}:已更改")))


@click.argument("name")
@click.option("--title", default="", help="what it is for")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="how long it holds")
@click.option("--revoke", metavar="ID", help="take a token back instead; `shudi user list --json` names them")
@users
def token(context: Context, name: str, title: str, days: int, revoke: str | None, people: Path | None) -> None:
    """Make a token for a program of a user; it is shown this once."""
    found = of(context, people)
    if revoke:
        found.revoke(name, revoke)
        noted(found, "token revoke", name, revoke)
        context.answer({"revoked": revoke}, context.say(Text(f"{revoke} holds no more", f"令牌 {revoke} 已作废")))
        return
    made, secret = found.grant(name, title, days)
    noted(found, "token make", name, made.id)
    context.answer({**made._asdict(), "token": secret}, secret)


@click.option("--since", callback=a_moment, metavar="TIME", help="only what was done at or after that moment")
@users
def audit(context: Context, since: datetime | None, people: Path | None) -> None:
    """Tell who signed in or failed to, who changed what and who took which export, in order."""
    found, after = of(context, people), 0
    lines: list[dict[str, Any]] = []
    while some := found.audit(since, after):
        after = some[-1].seq
        lines += [line._asdict() for line in some]
    rows = [
        f"{e['seq']} · {e['at'][:19]}Z · {e['actor'] or '-'} · {e['address']} · {e['action']} {e['object']} · {e['outcome']}"
        for e in lines
    ]
    context.answer(lines, "\n".join(rows))


user = click.Group("user", help="Users of the service: add, list, disable, enable, role, password, token.")
for run in (add, list_, disable, enable, role_, password, token):
    user.add_command(command(run))
COMMANDS = (user, command(audit))
