"""A least and a most, as notices write them: ≥1.0, a≤x<b, 不低于40%."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from layers.base import Text
from layers.errors import Refusal

SIGNS = {
    "不小于": "≥", "不低于": "≥", "不少于": "≥", "不高于": "≤", "不大于": "≤", "不超过": "≤", "大于等于": "≥", "小于等于": "≤",
    "大于": ">", "高于": ">", "小于": "<", "低于": "<", ">=": "≥", "=>": "≥", "<=": "≤", "=<": "≤", "⩾": "≥", "⩽": "≤", "≧": "≥", "≦": "≤",
}  # fmt: skip
TURNED = {"≥": "≤", "≤": "≥", ">": "<", "<": ">"}
NUMBER = r"(\d+(?:\.\d+)?)(%?)"
UNIT = re.compile(r"(?:米|m|万元/亩|年)(?![a-z])")
RANGE = re.compile(rf"{NUMBER}(?:\.\.|-|~|至|—|–){NUMBER}")
BETWEEN = re.compile(rf"{NUMBER}([≤<≥>])[^\d≤<≥>]*([≤<≥>]){NUMBER}")
ONE = re.compile(rf"(?:[^\d≤<≥>=%]*([≤<≥>=]))?{NUMBER}")


class BoundError(Refusal):
    """A least and a most cannot be read, or contradict each other."""


@dataclass(frozen=True, slots=True)
class Bound:
    """From `min` to `max`, each belonging to it or not; infinite where open."""

    min: float = -math.inf
    max: float = math.inf
    min_incl: bool = True
    max_incl: bool = True

    @property
    def empty(self) -> bool:
        """Tell whether no number lies in it."""
        return self.min > self.max or (self.min == self.max and not (self.min_incl and self.max_incl))

    def meet(self, other: Bound) -> Bound:
        """Give what lies in both."""
        low = max((self.min, not self.min_incl), (other.min, not other.min_incl))
        high = min((self.max, self.max_incl), (other.max, other.max_incl))
        return Bound(low[0], high[0], not low[1], high[1])

    def __str__(self) -> str:
        least = f"{self.min:.12g}" if math.isfinite(self.min) else ""
        most = f"{self.max:.12g}" if math.isfinite(self.max) else ""
        if least and most:
            if self.min == self.max:
                return f"={least}"
            return f"{least}{'≤' if self.min_incl else '<'}x{'≤' if self.max_incl else '<'}{most}"
        return f"{'≥' if self.min_incl else '>'}{least}" if least else f"{'≤' if self.max_incl else '<'}{most}" if most else ""


def worded(found: Bound, unit: Text) -> Text:
    """Write a bound in words, each number with its unit."""
    if found.min == found.max:
        return Text(f"{found.min:.12g}{unit.en}", f"{found.min:.12g}{unit.zh}")
    en, zh = [], []
    if math.isfinite(found.min):
        en.append(f"{'at least' if found.min_incl else 'more than'} {found.min:.12g}{unit.en}")
        zh.append(f"{'不低于' if found.min_incl else '大于'}{found.min:.12g}{unit.zh}")
    if math.isfinite(found.max):
        en.append(f"{'at most' if found.max_incl else 'less than'} {found.max:.12g}{unit.en}")
        zh.append(f"{'不高于' if found.max_incl else '小于'}{found.max:.12g}{unit.zh}")
    return Text(" and ".join(en), "且".join(zh))


def bound(said: str, unit: str = "", what: str = "") -> Bound:
    """Read a bound: ≥1.0, 不低于40%, 0.8≤x<2, 10..20, 24 (exactly), or several joined by 且 or commas.

    In `unit` "%" a number without the sign is per cent too. BoundError where it cannot be read, or where no number meets it.
    """
    plain = unicodedata.normalize("NFKC", said).replace(" ", "")
    for word, sign in SIGNS.items():
        plain = plain.replace(word, sign)
    plain = UNIT.sub("", plain)
    found = Bound()
    for part in re.split(r"[,;、且]|and", plain):
        found = found.meet(_part(part, unit, said, what))
    if found.empty:
        raise BoundError(
            f"{what} {said!r} contradicts itself: no number meets it; correct its signs",
            f"{what} {said!r} 自相矛盾:没有数值同时满足,请更正符号",
        )
    return found


def _part(part: str, unit: str, said: str, what: str) -> Bound:
    """Read one condition."""
    if match := RANGE.fullmatch(part):
        least, a, most, b = match.groups()
        return Bound(_number(least, a or b, unit, said, what), _number(most, b, unit, said, what))
    if match := BETWEEN.fullmatch(part):
        low, a, first, second, high, b = match.groups()
        left = _sided(TURNED[first], _number(low, a or b, unit, said, what))
        return left.meet(_sided(second, _number(high, b, unit, said, what)))
    if match := ONE.fullmatch(part):
        sign, number, percent = match.groups()
        return _sided(sign or "", _number(number, percent, unit, said, what))
    raise BoundError(
        f"{what} {said!r} is no bound: write >=1.0, 0.8<=x<2.0 or 10..20",
        f"{what} {said!r} 不是界限:请写成 ≥1.0、0.8≤x<2.0 或 10..20",
    )


def _sided(sign: str, value: float) -> Bound:
    """Make the bound of one sign; none means exactly."""
    if sign in ("≥", ">"):
        return Bound(min=value, min_incl=sign == "≥")
    if sign in ("≤", "<"):
        return Bound(max=value, max_incl=sign == "≤")
    return Bound(value, value)


def _number(digits: str, percent: str, unit: str, said: str, what: str) -> float:
    """Read a number; a share that could be meant either way is refused."""
    value = float(digits)
    if not math.isfinite(value):
        raise BoundError(f"{what} {said[:40]!r} is no number", f"{what} {said[:40]!r} 不是数")
    if percent and unit != "%":
        raise BoundError(f"{what} {said!r} is no share: leave % out", f"{what} {said!r} 不是比例:请去掉 %")
    if unit == "%" and not percent and 0 < value < 1:
        raise BoundError(
            f"{what} {said!r} could be {value:g} % or {value * 100:g} %: write the sign %",
            f"{what} {said!r} 可能是 {value:g} % 或 {value * 100:g} %:请写明 %",
        )
    return value
