"""What is wrong with a filter."""

from __future__ import annotations

from layers.errors import Refusal


class FilterError(Refusal):
    """A filter, or another part of a query, that cannot be understood or asks for what there is not."""
