"""The line of a key is found whatever stands around it."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from stella.domain.toml_lines import key_lines, line_of

TEXT = '''\
a = 1 # [not.a.table]
"quoted key" = "x = y"
long = """
b = 2
[[no]]
"""
list = [
  "c = 3",
  [4],
]
[table]
a.b = 1
inline = {x = 1, y = {z = 2}}
[[items]]
a = 1
[items.sub]
a = 2
[[items]]
a = 3
[[items.deep]]
a = 4
'''


def test_every_key_has_its_line():
    """Tables, arrays of tables, dotted and quoted keys; text that only looks like a key has none."""
    lines = key_lines(TEXT)
    expected = {
        ("a",): 1, ("quoted key",): 2, ("long",): 3, ("list",): 7, ("table",): 11, ("table", "a", "b"): 12,
        ("table", "inline"): 13, ("items", 0): 14, ("items", 0, "a"): 15, ("items", 0, "sub"): 16,
        ("items", 0, "sub", "a"): 17, ("items", 1): 18, ("items", 1, "a"): 19, ("items", 1, "deep", 0): 20,
        ("items", 1, "deep", 0, "a"): 21,
    }  # fmt: skip
    assert {path: line for path, line in lines.items() if path} == expected
    tomllib.loads(TEXT)


def test_what_has_no_line_of_its_own_has_its_parents():
    """A key of an inline table is on the line of the key that holds it."""
    lines = key_lines(TEXT)
    assert line_of(lines, ("table", "inline", "y", "z")) == 13
    assert line_of(lines, ("list", 1)) == 7
    assert line_of(lines, ("nowhere",)) == 0


@given(st.text(alphabet="ab =[]\"\n.#{}'", max_size=80))
def test_any_text_is_survived(text):
    """It is asked only about valid files, but never fails on others."""
    assert all(0 <= line <= len(text.splitlines()) for line in key_lines(text).values())
