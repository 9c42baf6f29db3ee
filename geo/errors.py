"""What geometry refuses: one sentence with the remedy, in English and Chinese."""

from __future__ import annotations


class GeoError(ValueError):
    """Numbers, grids or coordinate reference systems that cannot be used as they are; `str()` is the English."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh)

    def __str__(self) -> str:
        return self.en

    @property
    def en(self) -> str:
        """The sentence in English."""
        return str(self.args[0])

    @property
    def zh(self) -> str:
        """The sentence in Chinese."""
        return str(self.args[1])
