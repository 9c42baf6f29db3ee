"""What Shudi refuses: one clear sentence with the remedy, in both languages."""

from __future__ import annotations

from layers.words import Text


class Refusal(Exception):
    """A request that cannot be met as it stands.

    `text` names what is wrong, where, and the remedy, in English and Chinese; `str()` is the English.
    """

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh)
        self.text = Text(en, zh)

    def __str__(self) -> str:
        return self.text.en
