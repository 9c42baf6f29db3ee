"""The description of the service as OpenAPI 3.0, which is what OGC clients and their tests read."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

VERSION = "3.0.3"


def describe(app: FastAPI) -> None:
    """Let an app describe itself in OpenAPI 3.0; made once, when first asked for."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes, openapi_version=VERSION
            )
            app.openapi_schema = older(made)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def older(value: Any) -> Any:
    """Say in the words of 3.0 what a schema of 3.1 says."""
    if isinstance(value, list):
        return [older(v) for v in value]
    if not isinstance(value, dict):
        return value
    said = {k: older(v) for k, v in value.items()}
    choices = said.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [c for c in choices if c != {"type": "null"}]
        del said["anyOf"]
        said |= {**rest[0], "nullable": True} if len(rest) == 1 and "$ref" not in rest[0] else {"anyOf": rest, "nullable": True}
    if "const" in said and not isinstance(said["const"], dict):
        said["enum"] = [said.pop("const")]
    for bound, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(said.get(bound), int | float) and not isinstance(said[bound], bool):
            said[plain], said[bound] = said[bound], True
    return said
