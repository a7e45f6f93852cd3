"""The network by matrix products against the network as its makers run it, and what becomes of a file that is not it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.adapters.conftest import spoken_sample

from stella.adapters.silero.decision import WINDOW
from stella.adapters.silero.network import CONTEXT, TOGETHER, Network
from stella.adapters.silero.weights import read_weights
from stella.audio import mulaw

pytestmark = pytest.mark.speech


class Reference:
    """The same file under onnxruntime, as `OnnxWrapper` of https://github.com/snakers4/silero-vad runs it."""

    def __init__(self, model: Path, calls: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._state = np.zeros((2, calls, 128), np.float32)
        self._context = np.zeros((calls, CONTEXT), np.float32)

    def step(self, windows: list[bytes]) -> list[float]:
        """One window for every call."""
        heard = mulaw.decode_float(b"".join(windows)).reshape(len(windows), WINDOW)
        sound = np.concatenate([self._context, heard], axis=1)
        feed = {"input": sound, "state": self._state, "sr": np.array(8000, np.int64)}
        output, self._state = self._session.run(None, feed)
        self._context = sound[:, -CONTEXT:]
        return list(output[:, 0])


def sounds() -> list[bytes]:
    """Voices, noise from silent to overdriven, tones, steps and silence, two seconds of each."""
    generator, time = np.random.default_rng(7), np.arange(16_000) / 8000
    made = [spoken_sample("Could you tell me, please, what your opening hours are today?", "en")]
    made += [spoken_sample("Guten Tag, mein Name ist Berger.", "de")]
    made += [mulaw.encode_float(generator.standard_normal(16_000) * loud) for loud in (0, 1e-3, 0.03, 0.3, 3.0)]
    made += [mulaw.encode_float(0.9 * np.sin(2 * np.pi * tone * time)) for tone in (50, 425, 3900)]
    made += [mulaw.encode_float(np.sign(np.sin(2 * np.pi * 3 * time))), bytes(16_000), b"\xff" * 16_000]
    return [(sound * 2)[:16_000] if len(sound) < 16_000 else sound[:16_000] for sound in made]


def test_the_probabilities_are_those_of_onnxruntime(silero_model: Path) -> None:
    """Whoever knows Silero's thresholds knows ours; the state is carried over two seconds, so errors would add up."""
    heard = sounds()
    network, reference = Network(silero_model, rows=4), Reference(silero_model, len(heard))
    rows = [network.take() for _ in heard]
    furthest = 0.0
    for start in range(0, 16_000 - WINDOW, WINDOW):
        windows = [sound[start : start + WINDOW] for sound in heard]
        ours, theirs = network.step(rows, windows), reference.step(windows)
        furthest = max(furthest, float(np.max(np.abs(np.array(ours) - np.array(theirs)))))
        assert all(0.0 <= probability <= 1.0 for probability in ours)
    assert furthest < 1e-4


def test_more_calls_than_fit_together_are_heard_each_for_itself(silero_model: Path) -> None:
    """A batch is cut into parts; where it is cut must not be heard."""
    network = Network(silero_model, rows=8)
    voice = spoken_sample("Could you tell me, please, what your opening hours are today?", "en")
    rows = [network.take() for _ in range(TOGETHER + 3)]
    alone = network.take()
    for start in range(0, 30 * WINDOW, WINDOW):
        window = voice[start : start + WINDOW]
        together = network.step(rows, [window] * len(rows))
        assert np.allclose(together, network.step([alone], [window])[0], atol=1e-5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 2_300_000))
def test_a_file_that_breaks_off_anywhere_is_refused(silero_model: Path, tmp_path: Path, cut: int) -> None:
    """Half a download must not become a detector that hears nothing."""
    broken = tmp_path / "half.onnx"
    broken.write_bytes(silero_model.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"Silero network|cut off|index"):
        read_weights(broken)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_the_same_way(tmp_path: Path, content: bytes) -> None:
    """One way to fail, whatever lies there."""
    other = tmp_path / "other.onnx"
    other.write_bytes(content)
    with pytest.raises(ValueError, match="Silero network"):
        read_weights(other)
