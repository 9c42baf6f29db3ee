"""The users, whom an admin adds, changes and shuts out, and their tokens; each change is in the audit log."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from api.auth import Doorkeeper, Person, TheKeeper, ThePerson, address
from api.models import Problem
from api.passwords import hashed
from layers.store.people import People, PeopleError, User
from layers.store.people import Token as Known

router = APIRouter(tags=["people"], prefix="/people", responses={404: {"model": Problem}, 422: {"model": Problem}})
Role = Literal["viewer", "planner", "approver", "admin"]
Name = Annotated[str, Path(max_length=64)]


class TokenBody(BaseModel):
    """An API token, by what is known of it."""

    id: str
    title: str
    made: str
    until: str


class UserBody(BaseModel):
    """A user: what they may, whether they can sign in, and their tokens."""

    name: str
    role: str
    email: str | None
    password: bool
    disabled: bool
    tokens: list[TokenBody]

    @classmethod
    def of(cls, user: User, tokens: list[Known]) -> UserBody:
        """Describe a user."""
        own = [TokenBody(id=t.id, title=t.title, made=t.made, until=t.until) for t in tokens if t.user == user.name]
        return cls(
            name=user.name, role=user.role, email=user.email, password=user.hash is not None, disabled=user.disabled, tokens=own
        )


class New(BaseModel):
    """A user to be added; without a password they sign in through an OIDC provider or with tokens only."""

    name: str = Field(max_length=64)
    role: Role
    email: str | None = Field(None, max_length=254)
    password: str | None = Field(None, max_length=1024)


class Changes(BaseModel):
    """What changes of a user; what is left out stays."""

    role: Role | None = None
    disabled: bool | None = None
    password: str | None = Field(None, max_length=1024)


class Grant(BaseModel):
    """A token to be made: what it is for, and how many days it holds."""

    title: str = Field("", max_length=200)
    days: int = Field(365, ge=1, le=3650)


class Granted(TokenBody):
    """A token that was made; `token` is told this once."""

    token: str


def described(people: People, name: str) -> UserBody:
    """Describe a user who must be there."""
    user = people.known(name)
    return UserBody.of(user, people.tokens(user.name))


def noted(keeper: Doorkeeper, person: Person, request: Request, action: str, object: str, outcome: str = "ok") -> None:
    """Note what an admin did."""
    keeper.people.note(person.name, address(request), action, object, outcome)


@router.get("")
def users(keeper: TheKeeper) -> list[UserBody]:
    """List the users with their tokens."""
    there = keeper.people.users()
    tokens = keeper.people.tokens() if there else []
    return [UserBody.of(user, tokens) for user in there]


@router.post("", status_code=201)
def add(new: New, keeper: TheKeeper, person: ThePerson, request: Request) -> UserBody:
    """Add a user. The first one is an admin with a password: from then on everybody must sign in, who adds them too."""
    people = keeper.people
    if not people.any() and (new.role != "admin" or not new.password):
        raise PeopleError(
            "the first user must be an admin with a password: from then on everybody signs in",
            "第一个用户必须是设有密码的管理员:此后所有人都须登录",
        )
    people.add(new.name, new.role, hashed(new.password) if new.password else None, new.email or None)
    noted(keeper, person, request, "user add", new.name, new.role)
    return described(people, new.name)


@router.patch("/{name}")
def change(name: Name, changes: Changes, keeper: TheKeeper, person: ThePerson, request: Request) -> UserBody:
    """Give a user another role or password, shut them out, or let them in again; it holds from the next request on.

    Nobody takes the admin's role from themselves or shuts themselves out: an admin stays.
    """
    people, user = keeper.people, keeper.people.known(name)
    if user.name == person.name and (changes.disabled or changes.role not in (None, user.role)):
        raise PeopleError(
            "you cannot shut yourself out or change your own role; ask another admin",
            "不能停用自己或更改自己的角色,请由其他管理员操作",
        )
    to = {
        "role": changes.role, "disabled": None if changes.disabled is None else int(changes.disabled),
        "hash": None if changes.password is None else hashed(changes.password),
    }  # fmt: skip
    people.change(user.name, **{column: value for column, value in to.items() if value is not None})
    if changes.role is not None:
        noted(keeper, person, request, "user role", user.name, changes.role)
    if changes.disabled is not None:
        noted(keeper, person, request, "user disable" if changes.disabled else "user enable", user.name)
    if changes.password is not None:
        noted(keeper, person, request, "user password", user.name)
    return described(people, user.name)


@router.post("/{name}/tokens", status_code=201)
def grant(name: Name, how: Grant, keeper: TheKeeper, person: ThePerson, request: Request, response: Response) -> Granted:
    """Make a token for a program of a user; it is told this once."""
    token, secret = keeper.people.grant(name, how.title, how.days)
    noted(keeper, person, request, "token make", token.user, token.id)
    response.headers["Cache-Control"] = "no-store"
    return Granted(id=token.id, title=token.title, made=token.made, until=token.until, token=secret)


@router.delete("/{name}/tokens/{id}", status_code=204)
def revoke(
    name: Name, id: Annotated[str, Path(max_length=40)], keeper: TheKeeper, person: ThePerson, request: Request
) -> Response:
    """Take a user's token back; it holds no more from the next request on."""
    user = keeper.people.known(name)
    keeper.people.revoke(user.name, id)
    noted(keeper, person, request, "token revoke", user.name, id)
    return Response(status_code=204)
