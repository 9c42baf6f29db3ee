"""Where a project fits."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import AStore, TheIndex, TheNetworks, TheStandards
from api.models import Problem
from api.siting import BriefBody, SitingBody
from layers.assessment import question
from layers.search import search

router = APIRouter(tags=["sitings"])


@router.post("/sitings", responses={409: {"model": Problem}, 422: {"model": Problem}})
def find_land(body: BriefBody, store: AStore, standards: TheStandards, networks: TheNetworks, index: TheIndex) -> SitingBody:
    """Find land that meets a brief, from the stored findings; 409 where they are stale."""
    found = search(
        store, body.brief(), question(standards, None, None, None), standards, body.limit, tuple(body.kinds), body.across_roads,
        index, networks,
    )  # fmt: skip
    return SitingBody.of(found, store.crs, "generated" in store.title, body.answer_crs)
