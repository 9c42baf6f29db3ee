"""How much of each network of a base is connected, and why the rest is not."""

from __future__ import annotations

import pandas as pd

from layers.around import NETWORKS
from layers.base import Ask, Survey
from layers.plan.networks import Report, faults
from layers.store.base import Store, When


def wiring(store: Store, ask: Ask, as_of: When | None = None) -> Report:
    """Report on the roads (kind `road`) and the utilities of a base: what is connected, why the rest is not, what is drawn wrong.

    Both layers are read whole: time and memory as for `layers.plan.networks.serving`.
    """
    with store.snapshot():
        surveys = [Survey(store.read(name, as_of=as_of), store.editions(name, as_of)) for name in NETWORKS]
    reports = [faults(survey, ask) for survey in surveys if len(survey.features)]
    if not reports:
        return faults(surveys[0], ask)
    return Report(pd.concat([r.summary for r in reports]), pd.concat([r.found for r in reports], ignore_index=True))
