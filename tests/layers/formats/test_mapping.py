from datetime import date

import pandas as pd
import pytest

from layers.catalogue import LAYERS
from layers.formats.errors import MappingError
from layers.formats.mapping import Mapping, describe, load, resolve, with_pairs

FRAME = pd.DataFrame(
    {"BSM": ["1", "2"], "DLBM": ["0101", None], "dlmc": ["a", "b"], "TBMJ": [1.0, 2.0], "geometry": [None, None]}
)


def found(layer, frame=FRAME, **said):
    return {s.field: s for s in resolve(Mapping(**said), LAYERS[layer], frame)}


def test_standard_survey_columns_map_by_themselves_and_imply_the_code_system():
    sources = found("land_use")
    assert {f: s.column for f, s in sources.items()} == {"id": "BSM", "code_system": None, "code": "DLBM", "name": "dlmc"}
    assert sources["code_system"].constant == "survey_gtdc"


def test_a_column_maps_by_its_title_in_either_language_and_any_case():
    frame = pd.DataFrame({"编号": ["1"], "NAME": ["a"], "Red-Line Width": [20.0], "surface": [None]})
    assert {f: s.column for f, s in found("roads", frame).items()} == {
        "id": "编号",
        "name": "NAME",
        "red_line_width": "Red-Line Width",
    }


def test_what_is_stated_wins_and_an_empty_column_means_none():
    sources = found("land_use", columns={"id": "TBMJ", "name": ""}, constants={"code_system": "local"})
    assert sources["id"].column == "TBMJ"
    assert "name" not in sources
    assert sources["code_system"].constant == "local"


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"columns": {"nmae": "x"}}, "no field nmae; did you mean name"),
        ({"columns": {"name": "DLM"}}, "no column DLM for name; did you mean DLMC|did you mean dlmc"),
        ({"columns": {"id": {"template": "{kind}-{BSM}"}}}, "no column kind for id"),
        ({"columns": {"id": {"colum": "BSM"}}}, "unknown key colum; did you mean column"),
        ({"translations": {"conversion_no": {"a": "b"}}}, "no column maps to it"),
    ],
)
def test_an_unknown_field_or_column_says_what_there_is(said, what):
    with pytest.raises(MappingError, match=what):
        found("land_use", **said)


def test_a_mapping_file_is_read_and_extended_by_pairs(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(
        'layer = "utilities"\ndate = 2020-05-01\nkinds = ["water"]\n[columns]\nid = "FID"\n[constants]\nkind = "water"\n'
        '[values.status]\n1 = "planned"\n'
    )
    mapping = with_pairs(load(path), ["id=GID", "kind=System", "role:=main"])
    assert mapping.date == date(2020, 5, 1)
    assert mapping.kinds == ("water",)
    assert mapping.columns == {"id": "GID", "kind": "System"}
    assert mapping.constants == {"role": "main"}
    assert mapping.translations == {"status": {"1": "planned"}}


@pytest.mark.parametrize(
    ("text", "what"),
    [("colums = 1", "unknown key colums; did you mean columns"), ("crs = 4326", "write a str"), ("= 1", "no mapping")],
)
def test_a_wrong_mapping_file_says_where(tmp_path, text, what):
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(MappingError, match=what):
        load(path)
    with pytest.raises(MappingError, match=r"field=column"):
        with_pairs(Mapping(), ["id"])


def test_the_dry_run_shows_each_field_with_source_examples_and_nulls():
    rows = describe(Mapping(), LAYERS["land_use"], FRAME).set_index("field")
    assert rows.loc["code", ["source", "by", "examples", "nulls"]].tolist() == ["DLBM", "standard", "0101", 1]
    assert rows.loc["code_system", "source"] == "= survey_gtdc"
    assert rows.loc["valid_from", ["source", "nulls"]].tolist() == ["", 2]
