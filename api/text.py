"""A sheet as a person reads it in a terminal, in either language."""

from __future__ import annotations

from collections.abc import Mapping

from layers.base import Text
from layers.catalogue import LAYERS
from layers.plan.capacity import Capacity
from layers.plan.exactness import Exactness
from layers.plan.levelling import FIELDS, Levelling
from layers.plan.readiness import STATES as READY
from layers.plan.sheet import Line, Sheet
from layers.plan.supply import SEVERITIES, VERDICTS, asked
from layers.service import CAPACITY, STATES
from layers.units import mu

MARKS = {"pass": "+", "warn": "!", "unknown": "?", "block": "x"}
WORDS = {
    "site": Text("Site", "选址"),
    "on": Text("on", "日期"),
    "parts": Text("Partition of the area", "面积划分"),
    "total": Text("total", "合计"),
    "services": Text("Services", "配套"),
    "from": Text("from", "自"),
    "source": Text("source", "源"),
    "way": Text("way", "路由"),
    "until": Text("until", "至"),
    "asks": Text("asks for", "需求"),
    "no_demand": Text("demand unknown", "需求未知"),
    "spare": Text("spare", "余量"),
    "at_most": Text("spare at most", "余量至多"),
    "no_spare": Text("spare unknown", "余量未知"),
    "at": Text("at", "位于"),
    "rivals": Text("others ask for at least", "其他需求至少"),
    "takers": Text("in the committed load", "已计入承诺负荷"),
    "terrain": Text("Terrain", "地形"),
    "serviced_level": Text("Services there on the day, of 3, 5 and 7:", "当日已通(三、五、七通):"),
    "no_level": Text("none of them whole", "均未齐备"),
    "verdict": Text("Verdict", "结论"),
    "free": Text("free", "可供"),
    "rule": Text("rule", "依据"),
    "unverified": Text("not checked against the original", "未核对原文"),
    "data": Text("data of", "数据日期"),
    "not_asked": Text("Not asked in this version", "本版本未检查"),
    "generated": Text("GENERATED DEMO DATA, not real land", "示例数据,非真实地块"),
    "unknown": Text("of which unknown", "其中未知"),
    "required": Text("required", "必需"),
    "unknown_state": Text("unknown", "未知"),
    "planar": Text("Area on the grid", "平面面积"),
    "ellipsoidal": Text("on the ellipsoid", "椭球面积"),
    "class": Text("boundary points of class", "界址点等级"),
    "stands": Text("The verdict stands if the boundary errs by", "结论不受边界误差影响,误差"),
    "sliver": Text("THE VERDICT HANGS ON A SLIVER: it turns if the boundary errs by", "结论取决于边界误差,误差"),
    "moved_in": Text("moved in", "内缩"),
    "moved_out": Text("moved out", "外扩"),
    "thin": Text("the site is thinner than the error of its boundary", "选址窄于边界误差"),
    "levelling": Text("Levelling", "场地平整"),
    "balanced": Text("cut and fill balance", "挖填平衡"),
    "given": Text("level given", "给定标高"),
    "earthwork": Text("earthwork", "土方工程"),
    "preparation": Text("site preparation", "平整场地"),
    "limit": Text("limit of the mean depth", "平均厚度界限"),
    "bulking": Text("bulking", "可松性系数"),
}


def area(m2: float, language: str) -> str:
    """Print an area in m2 and mu."""
    return f"{m2:,.2f} m² = {mu(m2):,.2f} {'亩' if language == 'zh' else 'mu'}"


def _say(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en


def _line(line: Line, language: str) -> list[str]:
    """Print a check: what it found, where, by which rule and from which data."""
    about = [area(line.area, language), f"{line.ratio:.1%}"] if line.severity != "pass" else []
    if line.unknown_area and line.severity == "block":
        about += [f"{_say(WORDS['unknown'], language)} {area(line.unknown_area, language)}"]
    about += (
        [", ".join(line.objects[:5]) + (f" (+{len(line.objects) - 5})" if len(line.objects) > 5 else "")] if line.objects else []
    )
    about += [_say(line.detail, language)] if line.detail.en else []
    note = "" if line.verified else f" ({_say(WORDS['unverified'], language)})"
    dated = f" · {_say(WORDS['data'], language)} {line.data_date}" if line.data_date else ""
    head = f"{MARKS[line.severity]} {line.id} {_say(line.title, language)}: {_say(SEVERITIES[line.severity].name, language)}"
    return [
        head + (" · " + " · ".join(about) if about else ""),
        f"      {_say(line.rule, language)} [{line.source}{note}]{dated}",
    ]


def exact(found: Exactness, language: str, titles: Mapping[str, str]) -> tuple[str, str]:
    """Print how exact a site's area is, and whether its verdict survives; titles: of the rules by their keys."""

    def say(word: str) -> str:
        return _say(WORDS[word], language)

    measured = (
        f"{say('planar')} {found.planar:,.2f} m² (σ {found.sigma:.1f} m², {say('class')} {found.survey_class}) · "
        f"{say('ellipsoidal')} {found.ellipsoidal:,.2f} m²"
    )
    if found.survives:
        return measured, f"{say('stands')} ±{found.tolerance:g} m"
    moved = [
        f"{say(word)}: {_say(VERDICTS[verdict].name, language)}"
        for word, verdict in (("moved_in", found.smaller), ("moved_out", found.larger))
    ]
    why = ", ".join(titles.get(key, say("thin")) for key in found.because)
    return measured, f"{say('sliver')} ±{found.tolerance:g} m · {' · '.join(moved)} · {why}"


def loaded(found: Capacity, language: str) -> list[str]:
    """Print whether a network can take a site's load, where it is narrowest, who else asks and whose load is committed."""

    def say(word: str) -> str:
        return _say(WORDS[word], language)

    state = _say(CAPACITY[found.state].name, language)
    asks = say("no_demand")
    if found.low is not None and found.high is not None:
        span = f"{found.low:,.0f}" if found.low == found.high else f"{found.low:,.0f}–{found.high:,.0f}"
        asks = f"{say('asks')} {span} {found.unit}"
    spare = say("no_spare")
    if found.spare is not None:
        certain = "spare" if found.spare == found.sure else "at_most"
        spare = f"{say(certain)} {found.spare:,.0f} {found.unit} {say('at')} {found.bottleneck}"
    rows = [f"{state} · {asks} · {spare}"]
    for names, count, word in ((found.rivals, found.rival_count, "rivals"), (found.takers, found.taker_count, "takers")):
        if count and found.low is not None:
            told = f" {found.others:,.0f} {found.unit}" if word == "rivals" else ""
            more = f" (+{count - 5})" if count > 5 else ""
            rows.append(f"{say(word)}{told} {say('at')} {found.place}: {', '.join(names[:5])}{more}")
    return rows


def levelled(found: Levelling, language: str) -> list[str]:
    """Print the levelling of a site: level, cut, fill, what is left over, and by what figures."""

    def say(word: str) -> str:
        return _say(WORDS[word], language)

    dated = f" · {say('data')} {found.data_date}" if found.data_date else ""
    rows = [f"{say('levelling')} · {say('balanced' if found.balanced else 'given')}{dated}:"]
    for field in FIELDS[:-1]:
        value = getattr(found, field.name)
        shown = say("unknown_state") if value is None else f"{round(value, 2) + 0.0:,.2f} {field.unit.replace('m3', 'm³')}"
        if value is not None and field.unit == "1":
            shown = f"{value:.1%}"
        rows.append(f"  {_say(field.title, language)}: {shown}")
    kind = {True: say("earthwork"), False: say("preparation"), None: say("unknown_state")}[found.earthwork]
    notes = [
        f"{say(word)} {line.value:g}{' m' if line.unit == 'm' else ''} [{line.source}]"
        + ("" if line.verified else f" ({say('unverified')})")
        for word, line in (("limit", found.limit), ("bulking", found.bulking))
    ]
    return [*rows, f"  = {kind} · " + " · ".join(notes)]


def render(sheet: Sheet, language: str, generated: bool = False) -> str:
    """Print a sheet: checks, partition with its sum, services, verdict."""

    def say(word: str) -> str:
        return _say(WORDS[word], language)

    titles = {a.key: f"{a.rule.id} {_say(a.rule.title, language)}" for a in asked()}
    measured, survives = exact(sheet.exactness, language, titles)
    rows = [f"*** {say('generated')} ***"] if generated else []
    rows += [f"{say('site')} {sheet.id} · {area(sheet.area, language)} · {say('on')} {sheet.on}", measured, ""]
    rows += [row for line in sheet.lines for row in _line(line, language)]
    rows += ["", f"{say('parts')}:"]
    for part in sheet.parts:
        what = titles.get(part.reason, say("free"))
        rows.append(
            f"  {MARKS[part.severity]} {area(part.area, language)} · {what}"
            + (f" · {', '.join(part.claims[:3])}" if part.claims else "")
        )
    rows.append(f"  = {area(sum(part.area for part in sheet.parts), language)} · {say('total')} (Δ {sheet.residual:.1e} m²)")
    rows += ["", f"{say('services')}:"]
    for service in sheet.services:
        state = _say(STATES[service.state].name, language) if service.state in STATES else say("unknown_state")
        facts = [f"{say('from')} {service.since}"] if service.since else []
        facts += [service.line] if service.line else []
        facts += [f"{say('source')} {service.source}"] if service.source else []
        facts += [f"{service.distance:.1f} m"] if service.distance is not None else []
        facts += [f"{say('until')} {service.until}"] if service.until else []
        facts += [say("required")] if service.required else []
        rows.append(f"  {_say(service.title, language)}: {state}" + (" · " + " · ".join(facts) if facts else ""))
        if route := sheet.routes.get(service.kind):
            rows.append(f"      {say('way')}: {_say(route.says, language)}")
        if service.capacity and service.line:
            rows += [f"      {row}" for row in loaded(service.capacity, language)]
    level = {True: say("earthwork"), False: say("preparation"), None: say("unknown_state")}[sheet.levelling.earthwork]
    rows += [f"  = {say('serviced_level')} {sheet.serviced_level or say('no_level')} · {say('levelling')}: {level}"]
    rows += ["", f"{say('terrain')}:"]
    for answer in LAYERS["terrain"].answers:
        value = sheet.terrain.get(answer.field.name)
        shown = (
            say("unknown_state")
            if value is None
            else f"{value:.1%}"
            if answer.field.unit == "1"
            else f"{value:,.2f} {answer.field.unit}"
        )
        rows.append(f"  {_say(answer.field.title, language)}: {shown}")
    rows += ["", *levelled(sheet.levelling, language)]
    ready = _say(READY[sheet.ready_state].name, language) + (f" ({say('from')} {sheet.ready_from})" if sheet.ready_from else "")
    rows += ["", f"{say('not_asked')}: {', '.join(sheet.not_asked)}"]
    rows += [survives]
    rows += [f"{say('verdict')}: {_say(VERDICTS[sheet.verdict].name, language).upper()} · {ready}"]
    return "\n".join(rows)
