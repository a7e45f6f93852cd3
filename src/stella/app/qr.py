"""A QR code for an address: small, so that an address on a terminal gets onto a telephone without typing.

ISO/IEC 18004, of it versions 1 to 5 at level L (one block of up to 106 bytes), byte mode, mask 0. That is all an
address needs, and it spares a dependency.
"""

from __future__ import annotations

from typing import Final

CAPACITY: Final = {1: (19, 7), 2: (34, 10), 3: (55, 15), 4: (80, 20), 5: (108, 26)}
"""Version to data codewords and error correction codewords at level L."""

LONGEST: Final = 106
"""Bytes of text; two codewords go to the header."""

Grid = list[list[bool]]


def qr(text: str) -> Grid:
    """The dark modules, row by row, without the quiet zone. Raises ValueError above LONGEST bytes."""
    payload = text.encode()
    version = next((v for v, (size, _) in CAPACITY.items() if len(payload) + 2 <= size), 0)
    if not version:
        raise ValueError(f"{len(payload)} bytes are more than the {LONGEST} that fit")
    data = _data(payload, CAPACITY[version][0])
    words = data + _correction(data, CAPACITY[version][1])
    grid, taken = _skeleton(version)
    _fill(grid, taken, words)
    return grid


def as_text(grid: Grid) -> str:
    """Two rows a line, light modules drawn, as dark terminals show them right; a quiet zone of two around."""
    size = len(grid)

    def light(row: int, column: int) -> bool:
        inside = 0 <= row < size and 0 <= column < size
        return not (inside and grid[row][column])

    signs = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
    return "\n".join(
        "".join(signs[light(row, column), light(row + 1, column)] for column in range(-2, size + 2))
        for row in range(-2, size + 2, 2)
    )


def _data(payload: bytes, size: int) -> bytes:
    """Byte mode, eight bits of length, the text, four bits of end, then padding."""
    bits = (0b0100 << 8 | len(payload)) << 8 * len(payload) | int.from_bytes(payload)
    # Mode, length and end together are two bytes, so that everything is whole.
    whole = (bits << 4).to_bytes(len(payload) + 2)
    return whole + (b"\xec\x11" * size)[: size - len(whole)]


def _field() -> tuple[list[int], list[int]]:
    """Powers and logarithms in GF(256) over x^8 + x^4 + x^3 + x^2 + 1."""
    power, value = [0] * 510, 1
    for exponent in range(255):
        power[exponent] = power[exponent + 255] = value
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    log = [0] * 256
    for exponent in range(255):
        log[power[exponent]] = exponent
    return power, log


_POWER, _LOG = _field()


def _times(one: int, other: int) -> int:
    return _POWER[_LOG[one] + _LOG[other]] if one and other else 0


def _correction(data: bytes, count: int) -> bytes:
    """Reed-Solomon: the remainder of the data by the product of (x - 2^i)."""
    generator = [1]
    for root in range(count):
        generator = [
            _times(high, _POWER[root]) ^ low for high, low in zip([0, *generator], [*generator, 0], strict=True)
        ]
    rest = [0] * count
    for word in data:
        factor = word ^ rest[0]
        rest = [old ^ _times(factor, step) for old, step in zip([*rest[1:], 0], generator[1:], strict=True)]
    return bytes(rest)


def _skeleton(version: int) -> tuple[Grid, Grid]:
    """Everything but the data: finders, timing, alignment, format. Second grid: which modules are spoken for."""
    size = 17 + 4 * version
    grid, taken = ([[False] * size for _ in range(size)] for _ in range(2))

    def put(row: int, column: int, dark: bool) -> None:
        if 0 <= row < size and 0 <= column < size:
            grid[row][column], taken[row][column] = dark, True

    for spot in range(size):
        put(6, spot, spot % 2 == 0)
        put(spot, 6, spot % 2 == 0)
    for middle in ((3, 3), (3, size - 4), (size - 4, 3)):
        for down in range(-4, 5):
            for across in range(-4, 5):
                put(middle[0] + down, middle[1] + across, max(abs(down), abs(across)) not in (2, 4))
    if version > 1:
        centre = size - 7
        for down in range(-2, 3):
            for across in range(-2, 3):
                put(centre + down, centre + across, max(abs(down), abs(across)) != 1)
    bits = _format()
    for index in range(15):
        dark = bool(bits >> index & 1)
        first = (index if index < 6 else index + 1 if index < 8 else size - 15 + index, 8)
        second = (8, size - 1 - index if index < 8 else 7 if index == 8 else 14 - index)
        put(*first, dark)
        put(*second, dark)
    put(size - 8, 8, True)
    return grid, taken


def _format() -> int:
    """Level L, mask 0: five bits and their ten of BCH, over the mask every reader takes off."""
    data = 0b01_000
    rest = data
    for _ in range(10):
        rest = rest << 1 ^ (0x537 if rest >> 9 else 0)
    return (data << 10 | rest) ^ 0x5412


def _fill(grid: Grid, taken: Grid, words: bytes) -> None:
    """Up and down in pairs of columns from the right, past the timing column, and mask 0 over it."""
    size = len(grid)
    bits = iter([bool(word >> shift & 1) for word in words for shift in range(7, -1, -1)])
    upward = True
    for right in (*range(size - 1, 6, -2), 5, 3, 1):
        for row in range(size - 1, -1, -1) if upward else range(size):
            for column in (right, right - 1):
                if not taken[row][column]:
                    grid[row][column] = next(bits, False) ^ ((row + column) % 2 == 0)
        upward = not upward
