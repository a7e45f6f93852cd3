"""Writes ONNX models by hand: a few fields of its protobuf are all a small model needs.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

FLOAT, INT64 = 1, 7


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes | str) -> bytes:
    """A field: a number as varint, anything else with its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def tensor(name: str, kind: int, shape: Sequence[int], values: Sequence[float]) -> bytes:
    """A TensorProto."""
    raw = b"".join(struct.pack("<f" if kind == FLOAT else "<q", value) for value in values)
    dims = b"".join(field(1, size) for size in shape)
    return dims + field(2, kind) + field(8, name) + field(9, raw)


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: int | Sequence[int]) -> bytes:
    """A NodeProto; attributes are whole numbers or lists of them."""
    out = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs) + field(4, op)
    for name, value in attributes.items():
        if isinstance(value, int):
            attribute = field(1, name) + field(3, value) + field(20, 2)
        else:
            attribute = field(1, name) + b"".join(field(8, each) for each in value) + field(20, 7)
        out += field(5, attribute)
    return out


def port(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto; a size that is a word is free."""
    dims = b"".join(field(1, field(1, size) if isinstance(size, int) else field(2, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def model(
    nodes: Sequence[bytes],
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    constants: Sequence[bytes] = (),
    meta: Mapping[str, Any] | None = None,
) -> bytes:
    """A ModelProto of operator set 13."""
    graph = b"".join(field(1, each) for each in nodes) + field(2, "small")
    graph += b"".join(field(5, each) for each in constants)
    graph += b"".join(field(11, each) for each in inputs) + b"".join(field(12, each) for each in outputs)
    entries = b"".join(field(14, field(1, key) + field(2, str(value))) for key, value in (meta or {}).items())
    return field(1, 8) + field(7, graph) + field(8, field(2, 13)) + entries
