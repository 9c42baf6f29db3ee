"""The page on which people say who they are: plain HTML that needs no script, in either language."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Literal

from jinja2 import Template

WEB = files("maps") / "web"
POLICY = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""The content security policy of the page: it loads a style sheet, sends its form here, and nothing else."""
Failure = Literal["wrong", "wait", "stranger", "unconfirmed"]


def page(
    language: Literal["en", "zh"], onward: str, failure: Failure | None = None, wait: int = 0, provider: bool = False
) -> str:
    """Write the page: `onward` is where to go after, `wait` the seconds until the next attempt, `provider` offers OIDC."""
    words = json.loads((WEB / "i18n" / f"{language}.json").read_text("utf-8"))
    template = Template((WEB / "login.html").read_text("utf-8"), autoescape=True)
    failed = words[f"sign_in_{failure}"].format(wait=wait) if failure else ""
    other = "en" if language == "zh" else "zh"
    shown: str = template.render(words=words, language=language, other=other, onward=onward, failed=failed, provider=provider)
    return shown
