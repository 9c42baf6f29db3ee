from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from layers.base import PANDAS, SERVICE_STATUS, Field, Text
from layers.formats.values import code, convert, text, translate


def field(dtype):
    return Field("f", dtype, Text("f", "f"))


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (pd.Series(["007", " a ", "", None], dtype="str"), ["007", "a", None, None]),
        (pd.Series([1.0, 2.5, np.nan]), ["1", "2.5", None]),
        (pd.Series([2**53 + 1, None], dtype="Int64"), ["9007199254740993", None]),
        (pd.Series([True, None], dtype="boolean"), ["true", None]),
        (pd.to_datetime(pd.Series(["2020-05-01 10:00", None])), ["2020-05-01", None]),
    ],
)
def test_any_value_is_written_as_text_without_loss(values, written):
    assert [None if pd.isna(v) else v for v in text(values)] == written


@pytest.mark.parametrize(
    "day",
    [
        "2020-05-01",
        "2020/5/1",
        "20200501",
        "2020年5月1日",
        "2020-05-01 23:59:59",
        "Fri, 01 May 2020 00:00:00 GMT",
        "2020-05-01T12:00:00Z",
    ],
)
def test_a_day_is_read_however_it_is_plainly_written(day):
    read, bad = convert(pd.Series([day]), field("date"))
    assert read[0] == pd.Timestamp("2020-05-01")
    assert not bad.any()


def test_a_day_that_could_be_two_is_read_only_with_a_format():
    assert convert(pd.Series(["03/04/2020"]), field("date"))[1].all()
    assert convert(pd.Series(["03/04/2020"]), field("date"), format="%d/%m/%Y")[0][0] == pd.Timestamp("2020-04-03")


def test_numbers_of_days_and_timestamps_with_zones_are_days():
    assert convert(pd.Series([20200501, None], dtype="Int64"), field("date"))[0][0] == pd.Timestamp("2020-05-01")
    zoned = pd.Series(pd.to_datetime(["2020-05-01T23:00:00Z"]))
    assert convert(zoned, field("date"))[0][0] == pd.Timestamp("2020-05-01")


@pytest.mark.parametrize(
    ("dtype", "values", "expected", "bad"),
    [
        ("real", ["1.5", "abc", "inf", "1,5", None], [1.5, None, None, None, None], [0, 1, 1, 1, 0]),
        ("integer", ["3", "3.5", "x", None], [3, None, None, None], [0, 1, 1, 0]),
        ("flag", ["yes", "否", "maybe", None], [True, False, None, None], [0, 0, 1, 0]),
        ("date", ["2020-13-01", "soon", None], [None, None, None], [1, 1, 0]),
    ],
)
def test_values_that_do_not_read_are_marked_and_missing_ones_are_not(dtype, values, expected, bad):
    read, wrong = convert(pd.Series(values, dtype="str"), field(dtype))
    assert [None if pd.isna(v) else v for v in read] == expected
    assert wrong.tolist() == [bool(b) for b in bad]
    assert read.dtype == pd.Series([], dtype=PANDAS[dtype]).dtype


@pytest.mark.parametrize("dtype", ["real", "integer"])
def test_a_number_below_nothing_reads_only_where_the_field_is_signed(dtype):
    numbers = pd.Series(["-1", "0", "3"])
    for signed, expected in ((False, [None, 0, 3]), (True, [-1, 0, 3])):
        typed, bad = convert(numbers, replace(Field("x", dtype, Text("x", "x")), signed=signed))
        assert [None if pd.isna(v) else v for v in typed] == expected
        assert bad.tolist() == [v is None for v in expected]


def test_units_are_scaled():
    assert convert(pd.Series([0.1022]), field("real"), 1000)[0][0] == pytest.approx(102.2)


def test_values_translate_with_a_rest_and_with_nothing():
    column = pd.Series([1.0, 2.0, 3.0, None])
    assert translate(column, {"1": "a", "2": ""}).fillna("-").tolist() == ["a", "-", "3", "-"]
    assert translate(column, {"1": "a", "*": "z"}).fillna("-").tolist() == ["a", "z", "z", "-"]


def test_codes_are_found_by_value_or_name_in_either_language():
    known, wrong = code(pd.Series(["planned", "在建", "In Service", "demolished", None], dtype="str"), SERVICE_STATUS)
    assert known.fillna("-").tolist() == ["planned", "under_construction", "in_service", "-", "-"]
    assert wrong.tolist() == [False, False, False, True, False]
