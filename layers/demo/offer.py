"""A plot of the park put up for sale, the way people do it: drafted, reviewed, published as the land is."""

from __future__ import annotations

from datetime import date, timedelta

from layers.assessment import Networks, NotFoundError
from layers.evidence import Moment, verdict
from layers.listings import By, advance, draft
from layers.plan.listing import Listing, faults
from layers.standards import Standards
from layers.store.base import Compare, Store

LEVEL = 5
TRIED = 200
"""How many plots are looked at for one that is free, net land, level and serviced."""


def terms(on: date) -> dict[str, str]:
    """Say the terms of a notice that is announced on a day: those of domain.md section 5 [R41]."""

    def after(days: int) -> str:
        return str(on + timedelta(days))

    return {
        "notice_no": f"示例挂告字〔{on.year}〕1号", "grantor": "示例市自然资源和规划局", "authority": "示例市人民政府",
        "announced_on": after(0), "registration_from": after(0), "registration_to": after(30), "deposit_by": after(30),
        "listing_from": after(22), "listing_to": after(36), "platform": "示例土地交易平台", "award": "price", "reserve": "否",
        "contact": "示例 demo", "tenure_years": "50", "far": "≥1.0", "building_coefficient": "≥40%", "green_ratio": "≤20%",
        "height": "≤24m", "admin_share": "≤7%", "investment": "≥300万元/亩", "tax": "≥10万元/亩", "start_price": "1540万元",
        "increment": "15万元", "deposit": "308万元", "level": str(LEVEL), "handover_on": after(120), "start_by": after(200),
        "complete_by": after(900), "with_scheme": "否",
    }  # fmt: skip


def offer(store: Store, standards: Standards, on: date) -> Listing:
    """Publish the listing of the first industrial plot that holds what it says; NotFoundError where none of the first does."""
    by, networks, moment = By("shudi demo", "admin", "demo"), Networks(), Moment.now(store, on)
    plots = store.read("parcels", columns=["id", "use_code"], where=[Compare("status", "=", "ready")])
    industrial = plots[plots["use_code"].str.startswith("1001").eq(True)]
    for plot in sorted(industrial["id"].tolist())[:TRIED]:
        if not faults(verdict(store, plot, moment, LEVEL, standards, networks), LEVEL):
            made = draft(store, plot, terms(on), by, standards)
            advance(store, made.id, "reviewed", by, standards)
            return advance(store, made.id, "published", by, standards, networks=networks, on=on)
    raise NotFoundError(
        f"none of the first {TRIED} plots can be offered as it is; make a larger park",
        f"前 {TRIED} 宗地均不具备供地条件;请生成更大的园区",
    )
