"""The QR writer, read back without it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.app.qr import LONGEST, Grid, as_text, qr

KNOWN = "https://stella.example.com/health"


def multiply(one: int, other: int) -> int:
    """In GF(256), bit by bit: another way than the writer's tables."""
    product = 0
    while other:
        product ^= one if other & 1 else 0
        one = one << 1 ^ (0x11D if one & 0x80 else 0)
        other >>= 1
    return product


def words(grid: Grid) -> list[int]:
    """The codewords of a code at level L and mask 0, by the standard's walk over modules that carry data."""
    size = len(grid)

    def carries(row: int, column: int) -> bool:
        corner = (row < 9 and (column < 9 or column > size - 9)) or (row > size - 9 and column < 9)
        aligned = size > 21 and abs(row - size + 7) <= 2 and abs(column - size + 7) <= 2
        return not corner and not aligned and 6 not in (row, column)

    spots, up = [], True
    for right in [column for column in range(size - 1, 0, -2) if column > 6] + [5, 3, 1]:
        rows = range(size - 1, -1, -1) if up else range(size)
        spots += [(row, column) for row in rows for column in (right, right - 1) if carries(row, column)]
        up = not up
    bits = [grid[row][column] ^ ((row + column) % 2 == 0) for row, column in spots]
    return [int("".join("01"[bit] for bit in bits[at : at + 8]), 2) for at in range(0, len(bits) // 8 * 8, 8)]


@given(st.text(max_size=LONGEST).filter(lambda text: len(text.encode()) <= LONGEST))
def test_every_text_that_fits_is_in_the_code(text: str) -> None:
    """Mode, length and bytes stand first; the remainder of the whole by each root of the code is nothing."""
    found = words(qr(text))
    payload = text.encode()
    bits = "".join(f"{word:08b}" for word in found)
    assert bits[:4] == "0100"
    assert int(bits[4:12], 2) == len(payload)
    assert int(bits[12 : 12 + 8 * len(payload)] or "0", 2) == int.from_bytes(payload)
    count = {21: 7, 25: 10, 29: 15, 33: 20, 37: 26}[len(qr(text))]
    root = 1
    for _ in range(count):
        syndrome = 0
        for word in found:
            syndrome = multiply(syndrome, root) ^ word
        assert syndrome == 0
        root = multiply(root, 2)


def test_a_known_code_stays_as_readers_have_read_it() -> None:
    """Finders, timing and format are what a reader sees first; this one was read by a real one (ZXing)."""
    drawn = "\n".join("".join(" #"[dark] for dark in row) for row in qr(KNOWN))
    assert hashlib.sha256(drawn.encode()).hexdigest()[:16] == "fe13bb8b9c0f4793"


def test_what_does_not_fit_is_refused() -> None:
    """Half an address leads somewhere else."""
    with pytest.raises(ValueError, match="106"):
        qr("a" * (LONGEST + 1))


def test_it_is_drawn_with_a_quiet_zone() -> None:
    """Without the light border no reader finds the corners."""
    lines = as_text(qr(KNOWN)).splitlines()
    assert {len(line) for line in lines} == {len(qr(KNOWN)) + 4}
    assert set(lines[0]) == {"█"}
    assert all(line[:2] == "██" and line[-2:] == "██" for line in lines[:-1])
