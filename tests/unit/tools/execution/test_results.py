"""Results as JSON: values of all kinds, and the marker of what was cut."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.tools.execution.results import LEAST_RESULT_BYTES, result_json

MOST = 1 << 20


@dataclasses.dataclass
class Point:
    x: float
    y: np.int32


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (np.int64(3), "3"),
        (np.float32(1.5), "1.5"),
        (np.longdouble("1.5"), "1.5"),
        (np.bool_(True), "true"),
        (np.str_("x"), '"x"'),
        (np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]"),
        (np.array([1.0, np.nan, np.inf]), "[1.0,null,null]"),
        (np.datetime64("2024-01-01T00:00:00", "ns"), '"2024-01-01T00:00:00.000000000"'),
        (np.array(["2024-01-01"], dtype="datetime64[D]"), '["2024-01-01"]'),
        ({np.int64(1): [np.uint8(2)]}, '{"1":[2]}'),
        (Point(1.0, np.int32(2)), '{"x":1.0,"y":2}'),
        (decimal.Decimal("1.50"), '"1.50"'),
        (datetime.timedelta(hours=1), '"PT1H"'),
        ({1}, "[1]"),
        ("a", '"a"'),
        (b"text", '"text"'),
    ],
    ids=repr,
)
def test_values_of_many_kinds_are_json(value: object, content: str) -> None:
    assert result_json(value, MOST) == content


def test_bytes_that_are_no_text_are_refused_with_advice() -> None:
    with pytest.raises(TypeError, match="b64encode"):
        result_json({"image": b"\xff\xd8"}, MOST)


def test_lone_surrogates_beside_numpy_values_are_replaced() -> None:
    assert result_json(["\ud800", np.int8(1)], MOST) == '["\ufffd",1]'


def test_numpy_is_not_imported_for_results() -> None:
    code = (
        "import sys; from agentfast.tools.execution.results import result_json\n"
        "try: result_json(object(), 100)\nexcept TypeError: print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=9), inner, max_size=9),
)


@given(JSON, st.integers(LEAST_RESULT_BYTES, 400))
def test_a_long_result_is_cut_to_the_longest_beginning_that_fits(value: Any, limit: int) -> None:
    whole, cut = result_json(value, MOST), result_json(value, limit)
    if len(whole.encode()) <= limit:
        assert cut == whole
        return
    marked = json.loads(cut)
    text = value if isinstance(value, str) else whole
    assert (marked["truncated"], marked["of_bytes"]) == (True, len(whole.encode()))
    assert text.startswith(marked["beginning"])
    assert len(cut.encode()) <= limit
    one_more = {**marked, "beginning": text[: len(marked["beginning"]) + 1]}
    assert len(json.dumps(one_more, ensure_ascii=False, separators=(",", ":")).encode()) > limit


@pytest.mark.parametrize("value", [{"1": 0, 1: 9}, {"a": {"1": 0, 1: 9}}, [{"None": 0, None: 1}]])
def test_keys_that_json_writes_alike_are_refused(value: object) -> None:
    with pytest.raises(Exception, match="two keys that JSON writes as"):
        result_json(value, MOST)
