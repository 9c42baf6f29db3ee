"""CQL2 text to the tree that CQL2 JSON would have given (OGC 21-065r2, annex B).

One pass by operator precedence: time grows with the length, and recursion is counted, so that no text overflows the stack or
hangs the process. Why this is no parser of somebody else's: docs/decisions/015-own-cql2-parser.md.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, NoReturn

import shapely

from layers.filter.errors import FilterError

LENGTH, DEPTH = 8192, 64
"""Bytes that a filter may have, and how deep it may nest."""

TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<quoted>\"(?:[^\"]|\"\")+\")"
    r"|(?P<name>[^\W\d][\w:.]*)|(?P<sign><>|<=|>=|[=<>+\-*/%^(),]))"
)
SHAPES = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"}
OR, AND, NOT, COMPARISON, SUM, PRODUCT, NEGATIVE, POWER = range(1, 9)
BINDING = {
    "or": OR, "and": AND, "=": COMPARISON, "<>": COMPARISON, "<": COMPARISON, "<=": COMPARISON, ">": COMPARISON,
    ">=": COMPARISON, "like": COMPARISON, "in": COMPARISON, "between": COMPARISON, "is": COMPARISON, "not": COMPARISON,
    "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "div": PRODUCT, "^": POWER,
}  # fmt: skip
RESERVED = {"and", "or", "not", "like", "in", "between", "is", "null", "div"}


class Token(NamedTuple):
    """A word of a filter: its kind (number, text, quoted, name, sign or end), the word and where it begins."""

    kind: str
    word: str
    at: int


def tokens(source: str) -> list[Token]:
    """Cut a filter into words; FilterError at what is no word of CQL2."""
    found, at, end = [], 0, len(source.rstrip())
    while at < end:
        match = TOKEN.match(source, at)
        if match is None:
            refuse(source, at)
        kind = str(match.lastgroup)
        found.append(Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return [*found, Token("end", "", end)]


def refuse(source: str, at: int) -> NoReturn:
    """Say where a filter cannot be read."""
    near = source[at : at + 20] or source[-20:]
    raise FilterError(
        f"the filter cannot be read as CQL2 text at character {at + 1}, near {near!r}; write for example status = 'ready' AND area > 100",
        f"过滤条件在第 {at + 1} 个字符处({near!r})不符合 CQL2 文本语法;例如 status = 'ready' AND area > 100",
    )


def parse(source: str) -> Any:
    """Read CQL2 text; FilterError where it is too long, nests too deep or is none."""
    if (size := len(source.encode())) > LENGTH:
        raise FilterError(
            f"the filter has {size} bytes, more than {LENGTH}; shorten it", f"过滤条件有 {size} 字节,超过 {LENGTH},请缩短"
        )
    reader = Reader(source)
    tree = reader.expression(0)
    if reader.next.kind != "end":
        refuse(source, reader.next.at)
    return tree


class Reader:
    """Reads one filter from left to right."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = tokens(source)
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        """The word that comes next."""
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self.next
        self._at += token.kind != "end"
        return token

    def _is(self, *words: str) -> bool:
        """Tell whether one of some signs or names comes next; quoted names are no keywords."""
        return self.next.kind in ("sign", "name") and self.next.word.lower() in words

    def _expect(self, word: str) -> Token:
        if not self._is(word):
            refuse(self._source, self.next.at)
        return self._take()

    def expression(self, binding: int) -> Any:
        """Read an expression whose operators bind tighter than `binding`."""
        self._depth += 1
        if self._depth > DEPTH:
            raise FilterError(f"the filter nests deeper than {DEPTH}; simplify it", f"过滤条件嵌套超过 {DEPTH} 层,请简化")
        left = self._first()
        while (bound := BINDING.get(self.next.word.lower(), 0) if self.next.kind in ("sign", "name") else 0) > binding:
            left = self._more(left, bound)
        self._depth -= 1
        return left

    def _more(self, left: Any, bound: int) -> Any:
        """Read an operator behind its first operand, and the rest of its operands."""
        op = self._take().word.lower()
        if op == "not":
            if not self._is("like", "in", "between"):
                refuse(self._source, self.next.at)
            return {"op": "not", "args": [self._more(left, bound)]}
        if op == "is":
            negative = self._is("not") and self._take()
            self._expect("null")
            tested = {"op": "isNull", "args": [left]}
            return {"op": "not", "args": [tested]} if negative else tested
        if op == "between":
            low = self.expression(COMPARISON)
            self._expect("and")
            return {"op": "between", "args": [left, low, self.expression(COMPARISON)]}
        if op == "in":
            self._expect("(")
            return {"op": "in", "args": [left, self._list()]}
        right = self.expression(bound - (op == "^"))
        if op in ("and", "or") and isinstance(left, dict) and left.get("op") == op:
            return {"op": op, "args": [*left["args"], right]}
        return {"op": op, "args": [left, right]}

    def _list(self) -> list[Any]:
        """Read expressions up to the closing parenthesis."""
        found = [self.expression(0)]
        while self._is(","):
            self._take()
            found.append(self.expression(0))
        self._expect(")")
        return found

    def _first(self) -> Any:
        """Read an operand, or an operator in front of one."""
        token = self._take()
        if token.kind == "number":
            return float(token.word) if re.search(r"[.eE]", token.word) else int(token.word)
        if token.kind == "text":
            return token.word[1:-1].replace("''", "'")
        if token.kind == "quoted":
            return {"property": token.word[1:-1].replace('""', '"')}
        if token.word == "(":
            inner = self.expression(0)
            self._expect(")")
            return inner
        if token.word == "-":
            operand = self.expression(NEGATIVE)
            return -operand if isinstance(operand, int | float) else {"op": "*", "args": [-1, operand]}
        if token.kind == "name":
            return self._named(token)
        refuse(self._source, token.at)

    def _named(self, token: Token) -> Any:
        """Read what begins with a name: a truth value, NOT, a literal, a function or a property."""
        name = token.word.lower()
        if name in ("true", "false"):
            return name == "true"
        if name == "not":
            return {"op": "not", "args": [self.expression(NOT)]}
        if name in SHAPES:
            return self._shape(token)
        if name in RESERVED:
            refuse(self._source, token.at)
        if not self._is("("):
            return {"property": token.word}
        self._take()
        arguments = self._list()
        if name in ("date", "timestamp") and len(arguments) == 1:
            return {name: arguments[0]}
        if name in ("interval", "bbox"):
            return {name: arguments}
        return {"op": name, "args": arguments}

    def _shape(self, token: Token) -> shapely.Geometry:
        """Read well-known text up to the parenthesis that closes it."""
        depth, end = 0, token.at
        while self.next.kind != "end":
            word = self._take()
            end = word.at + len(word.word)
            depth += (word.word == "(") - (word.word == ")")
            if depth > DEPTH or (depth == 0 and (word.word == ")" or word.word.lower() == "empty")):
                break
        try:
            return shapely.from_wkt(self._source[token.at : end])
        except shapely.errors.GEOSException:
            refuse(self._source, token.at)
