"""Reads one file through GDAL, a drawing through ezdxf, in a process of its own, which may crash, hang or run out of memory without harm.

A script, not a module to import: `python -I worker.py < request.json`. The request names the file, the sublayer and the
folder for the answer: `answer.json`, and `table.arrow` with the features, geometry as WKB.
"""

from __future__ import annotations

import json
import runpy
import sys
import warnings
from pathlib import Path
from typing import Any


def limit(memory: int) -> None:
    """Bound the memory [bytes] of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def unique(names: list[str]) -> list[str]:
    """Number repeated names: a, a_2, a_3."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return result


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Read what the request asks for; gives what was found, or the layers to choose from."""
    # Only the table is read here: without what pyogrio can offer besides, the process starts in half the time.
    aside = ("geopandas", "pandas", "pyproj", "shapely")
    sys.modules.update(dict.fromkeys(aside))  # type: ignore[arg-type]
    import pyarrow as pa
    from pyogrio import list_layers, raw, read_info

    for name in aside:
        del sys.modules[name]
    path, folder = request["path"], Path(request["folder"])
    layers = [(str(name), kind and str(kind)) for name, kind in list_layers(path)]
    located = [name for name, kind in layers if kind]
    layer = request["sublayer"] or (located[0] if len(located) == 1 else None)
    if layer not in [name for name, _ in layers]:
        return {"choose": located or [name for name, _ in layers], "wanted": layer}
    encoding = {"encoding": request["encoding"]} if request["encoding"] else {}
    count = read_info(path, layer=layer, force_feature_count=True, **encoding)["features"]
    with raw.open_arrow(path, layer=layer, use_pyarrow=True, **encoding) as (meta, reader):
        if not meta["geometry_type"]:
            return {"choose": located, "wanted": layer}
        shape = meta["geometry_name"] or "wkb_geometry"
        schema = reader.schema.remove_metadata()
        at = schema.names.index(shape)
        plain = pa.schema([pa.field(name, field.type) for name, field in zip(unique(schema.names), schema, strict=True)])
        rows = 0
        with pa.OSFile(str(folder / "table.arrow"), "wb") as sink, pa.ipc.new_file(sink, plain) as writer:
            for batch in reader:
                writer.write_batch(pa.record_batch(batch.columns, schema=plain))
                rows += batch.num_rows
    if request["linear"]:
        # Arrow carries curves as they are; the classic path makes lines of them.
        shapes = raw.read(path, layer=layer, columns=[], **encoding)[2]
        lines = pa.table({"wkb": pa.array(list(shapes), pa.binary())})
        with pa.OSFile(str(folder / "lines.arrow"), "wb") as sink, pa.ipc.new_file(sink, lines.schema) as writer:
            writer.write_table(lines)
    repeated = sorted({n for n in schema.names if schema.names.count(n) > 1})
    return {"layer": layer, "crs": meta["crs"], "geometry": at, "rows": rows, "count": int(count), "repeated": repeated}


def drawing(request: dict[str, Any]) -> dict[str, Any]:
    """Read a DXF by the script beside this one."""
    found: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("drawing.py")))["answer"](request)
    return found


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    limit(request["memory"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = (drawing if request["driver"] == "DXF" else answer)(request)
        except Exception as error:
            # Every failure of a reader is one about this file; the parent puts it in a sentence with the file's name.
            found = {"error": f"{error}", "kind": type(error).__name__}
    found["warnings"] = sorted({str(w.message) for w in caught})
    Path(request["folder"], "answer.json").write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
