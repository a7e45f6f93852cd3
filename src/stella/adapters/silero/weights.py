"""The numbers of the Silero network, read out of its ONNX file: the 8 kHz branch alone.

The file is a protocol buffer (https://protobuf.dev/programming-guides/encoding/) of the schema
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3; the field numbers below are that schema's. Six kinds of message are
walked through, and nothing else of the format is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FLOAT: Final = 1
_MODEL_GRAPH, _GRAPH_NODE = 7, 1
_NODE_OUTPUT, _NODE_KIND, _NODE_ATTRIBUTE = 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH = 1, 5, 6
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_RAW = 1, 2, 9
_BRANCH_8K: Final = b"else_branch"
_PREFIX: Final = "Inline_0__"


@dataclass(frozen=True, slots=True)
class Weights:
    """Laid out for products of a batch from the left: `[inputs, outputs]`, biases `[outputs]`, all float32.

    `stft` [128, 130] gives 65 real and 65 imaginary parts; `encoder` are the first three convolutions over three frames
    ([3 * channels, outputs]), `last` the fourth, of which one frame alone is left ([64, 128]). `cell` [256, 512] takes
    input and hidden state side by side and gives the gates in the order input, forget, output, candidate.
    """

    stft: Floats
    encoder: tuple[tuple[Floats, Floats], ...]
    last: tuple[Floats, Floats]
    cell: tuple[Floats, Floats]
    out: tuple[Floats, float]


def read_weights(path: Path) -> Weights:
    """Raises OSError where the file cannot be read, ValueError where it is none of this network."""
    try:
        found = dict(_constants(path.read_bytes()))
        convolutions = [
            (found[f"encoder.{place}.reparam_conv.weight"], found[f"encoder.{place}.reparam_conv.bias"])
            for place in range(4)
        ]
        gates = np.r_[0:256, 384:512, 256:384]
        rnn = np.concatenate([found["decoder.rnn.weight_ih"], found["decoder.rnn.weight_hh"]], axis=1)
        bias = found["decoder.rnn.bias_ih"] + found["decoder.rnn.bias_hh"]
        weights = Weights(
            stft=_laid(found["stft.forward_basis_buffer"][:, 0, :].T),
            encoder=tuple((_laid(w.transpose(2, 1, 0).reshape(-1, len(w))), b) for w, b in convolutions[:3]),
            last=(_laid(convolutions[3][0][:, :, 1].T), convolutions[3][1]),
            cell=(_laid(rnn[gates].T), bias[gates]),
            out=(_laid(found["decoder.decoder.2.weight"].reshape(-1)), float(found["decoder.decoder.2.bias"][0])),
        )
    except (LookupError, UnicodeDecodeError) as fault:
        raise ValueError(f"not the Silero network of 8 kHz ({type(fault).__name__}: {fault})") from fault
    shapes = [weights.stft.shape, *(w.shape for w, _ in weights.encoder), weights.last[0].shape, weights.cell[0].shape]
    if shapes != [(128, 130), (195, 128), (384, 64), (192, 64), (64, 128), (256, 512)]:
        raise ValueError(f"another Silero network than the one pinned: {shapes}")
    return weights


def _laid(array: Floats) -> Floats:
    return np.ascontiguousarray(array, np.float32)


def _constants(model: bytes) -> Iterator[tuple[str, Floats]]:
    """Name and value of every constant of floats in the branch of 8 kHz."""
    for node in _inside(_first(memoryview(model), _MODEL_GRAPH), _GRAPH_NODE):
        for attribute in _inside(node, _NODE_ATTRIBUTE):
            if bytes(_first(attribute, _ATTRIBUTE_NAME)) != _BRANCH_8K:
                continue
            for each in _inside(_first(attribute, _ATTRIBUTE_GRAPH), _GRAPH_NODE):
                if bytes(_first(each, _NODE_KIND)) == b"Constant":
                    name = bytes(_first(each, _NODE_OUTPUT)).decode().partition(_PREFIX)[2]
                    tensor = _tensor(_first(_first(each, _NODE_ATTRIBUTE), _ATTRIBUTE_TENSOR))
                    if tensor is not None:
                        yield name, tensor


def _tensor(message: memoryview) -> Floats | None:
    """A tensor of floats; None for one of anything else."""
    fields = list(_fields(message))
    if (_TENSOR_TYPE, _FLOAT) not in fields:
        return None
    shape = [value for number, value in fields if number == _TENSOR_DIMS and isinstance(value, int)]
    return np.frombuffer(_first(message, _TENSOR_RAW), "<f4").reshape(shape)


def _first(message: memoryview, number: int) -> memoryview:
    """The first field of this number that holds bytes. Raises LookupError."""
    for value in _inside(message, number):
        return value
    raise LookupError(f"no field {number}")


def _inside(message: memoryview, number: int) -> Iterator[memoryview]:
    return (value for found, value in _fields(message) if found == number and isinstance(value, memoryview))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Every field: its number, and a number or the bytes of what is inside. Raises LookupError where it breaks off."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
        if at + size > len(message):
            raise IndexError("the file is cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
