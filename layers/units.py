"""Units at the edge: SI inside, mu and hectares where a person reads."""

M2_PER_MU = 2000 / 3
M2_PER_HA = 10_000


def mu(m2: float) -> float:
    """Convert square metres to mu: 1 mu is 2000/3 m2."""
    return m2 * 3 / 2000


def m2(mu: float) -> float:
    """Convert mu to square metres."""
    return mu * 2000 / 3
