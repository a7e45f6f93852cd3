"""Models of a few hundred bytes that sherpa-onnx takes for real ones.

The ears hear "hello" at the first loud sound and "there" once it has become quiet again; the voice gives every letter a
tone of 60 ms. What is proven with them is everything but the weights.
"""

from __future__ import annotations

import math
from pathlib import Path

from tests.adapters.sherpa.onnx import FLOAT, INT64, model, node, port, tensor

WORDS = ("<blk>", "\u2581hello", "\u2581there")
LOUD = -4.0
"""Of the log-mel features: above it somebody speaks."""
RATE = 16_000
TONE = 960


def ears(folder: Path) -> Path:
    """A streaming transducer (of the LSTM kind, which has the fewest states)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.txt").write_text("".join(f"{word} {number}\n" for number, word in enumerate(WORDS)))
    state = ("layers", "N", "d")
    (folder / "encoder.onnx").write_bytes(
        model(
            [
                node("ReduceMax", ["x"], ["encoder_out"], axes=[1, 2], keepdims=1),
                node("Identity", ["h"], ["next_h"]),
                node("Identity", ["c"], ["next_c"]),
            ],
            [port("x", FLOAT, ("N", "T", 80)), port("h", FLOAT, state), port("c", FLOAT, state)],
            [port("encoder_out", FLOAT, ("N", 1, 1)), port("next_h", FLOAT, state), port("next_c", FLOAT, state)],
            meta={
                "model_type": "lstm",
                "num_encoder_layers": 1,
                "T": 9,
                "decode_chunk_len": 4,
                "rnn_hidden_size": 1,
                "d_model": 1,
            },
        )
    )
    (folder / "decoder.onnx").write_bytes(
        model(
            [node("Cast", ["y"], ["decoder_out"], to=FLOAT)],
            [port("y", INT64, ("N", 2))],
            [port("decoder_out", FLOAT, ("N", 2))],
            meta={"vocab_size": len(WORDS), "context_size": 2},
        )
    )
    # After nothing, loudness says "hello"; after "hello", quiet says "there"; everything else stays blank.
    (folder / "joiner.onnx").write_bytes(
        model(
            [
                node("Gather", ["decoder_out", "last"], ["before"], axis=1),
                node("Sub", ["encoder_out", "threshold"], ["loudness"]),
                node("Mul", ["before", "much"], ["said"]),
                node("Sub", ["loudness", "said"], ["hello"]),
                node("Neg", ["loudness"], ["quiet"]),
                node("Sub", ["before", "one"], ["off"]),
                node("Abs", ["off"], ["distance"]),
                node("Mul", ["distance", "much"], ["wrong"]),
                node("Sub", ["quiet", "wrong"], ["there"]),
                node("Mul", ["encoder_out", "zero"], ["blank"]),
                node("Concat", ["blank", "hello", "there"], ["logit"], axis=1),
            ],
            [port("encoder_out", FLOAT, ("N", 1)), port("decoder_out", FLOAT, ("N", 2))],
            [port("logit", FLOAT, ("N", 3))],
            [
                tensor("last", INT64, (1,), (1,)),
                *(
                    tensor(name, FLOAT, (1, 1), (value,))
                    for name, value in (("threshold", LOUD), ("much", 1000.0), ("one", 1.0), ("zero", 0.0))
                ),
            ],
            meta={"joiner_dim": 1},
        )
    )
    return folder


def voice(folder: Path) -> Path:
    """A VITS voice whose letters are tones."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = "_^$ !,.?-'0123456789abcdefghijklmnopqrstuvwxyzäöüß"
    (folder / "tokens.txt").write_text("".join(f"{sign} {number}\n" for number, sign in enumerate(letters)))
    tone = [0.5 * math.sin(2 * math.pi * 400 * n / RATE) for n in range(TONE)]
    scales = [port(name, FLOAT, (1,)) for name in ("noise_scale", "length_scale", "noise_scale_w")]
    (folder / "model.onnx").write_bytes(
        model(
            [
                node("Cast", ["x"], ["given"], to=FLOAT),
                node("Min", ["given", "one"], ["there"]),
                node("Unsqueeze", ["there", "end"], ["column"]),
                node("Mul", ["column", "tone"], ["grid"]),
                node("Mul", ["grid", "length_scale"], ["scaled"]),
                node("Reshape", ["scaled", "shape"], ["y"]),
            ],
            [port("x", INT64, (1, "L")), port("x_length", INT64, (1,)), *scales],
            [port("y", FLOAT, (1, 1, "S"))],
            [
                tensor("one", FLOAT, (1, 1), (1.0,)),
                tensor("end", INT64, (1,), (2,)),
                tensor("tone", FLOAT, (1, 1, TONE), tone),
                tensor("shape", INT64, (3,), (1, 1, -1)),
            ],
            meta={
                "sample_rate": RATE,
                "add_blank": 0,
                "n_speakers": 0,
                "language": "English",
                "comment": "small",
                "frontend": "characters",
                "use_eos_bos": 0,
                "punctuation": ", . ! ?",
            },
        )
    )
    return folder
