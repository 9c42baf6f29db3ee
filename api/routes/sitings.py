"""Where a project fits."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import AStore, TheIndex, TheNetworks, TheStandards
from api.models import Problem
from api.siting import BriefBody, SitingBody
from layers.assessment import question
from layers.search import search, why

router = APIRouter(tags=["sitings"])


@router.post("/sitings", responses={409: {"model": Problem}, 422: {"model": Problem}})
def find_land(body: BriefBody, store: AStore, standards: TheStandards, networks: TheNetworks, index: TheIndex) -> SitingBody:
    """Find land that meets a brief, from the stored findings; 409 where they are stale."""
    ask = question(standards, None, None, None)
    found = search(
        store, body.brief(), ask, standards, body.limit, tuple(body.kinds), body.across_roads,
        index, networks,
    )  # fmt: skip
    reasons = why(store, body.brief(), ask, standards, body.why, index, networks) if body.why else None
    return SitingBody.of(found, store.crs, "generated" in store.title, body.answer_crs, reasons)
