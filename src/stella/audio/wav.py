"""WAV files of 16-bit sound, mono or stereo, through file objects the caller opened.

Spec: http://soundfile.sapp.org/doc/WaveFormat/
"""

from __future__ import annotations

import struct
import wave
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np

from stella.audio.mulaw import Pcm
from stella.domain.errors import MalformedMessage

MAX_SECONDS: Final = 4 * 3_600

# What the standard library's reader meets in files with broken headers.
_UNREADABLE: Final = (wave.Error, EOFError, RuntimeError, ValueError, OverflowError, struct.error)


@dataclass(frozen=True, slots=True)
class Recording:
    """The sound of a file: `channels[0]` is left or the only one."""

    rate: int
    channels: tuple[Pcm, ...]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.channels[0]) / self.rate

    def mono(self) -> Pcm:
        """One channel: the only one, or the mean of all."""
        if len(self.channels) == 1:
            return self.channels[0]
        mixed: Pcm = np.mean(np.stack(self.channels), axis=0).astype(np.int16)
        return mixed


class WavWriter:
    """Writes as the sound comes. Valid lengths are in the header after every `close`, and the file is not closed."""

    def __init__(self, file: BinaryIO, rate: int = 8_000, channels: int = 1) -> None:
        """`file` must be open for writing, and seekable where the header is to be true."""
        self._channels = channels
        self._wave = wave.Wave_write(file)
        self._wave.setnchannels(channels)
        self._wave.setsampwidth(2)
        self._wave.setframerate(rate)

    def write(self, *channels: Pcm) -> None:
        """Append one piece of each channel; the shorter are filled up with silence."""
        if len(channels) != self._channels:
            raise ValueError(f"{len(channels)} channels for a file of {self._channels}")
        length = max(len(channel) for channel in channels)
        woven = np.zeros((length, self._channels), "<i2")
        for index, channel in enumerate(channels):
            woven[: len(channel), index] = channel
        self._wave.writeframesraw(woven.tobytes())

    def close(self) -> None:
        """Write the lengths into the header."""
        self._wave.close()


def write(file: BinaryIO, rate: int, *channels: Pcm) -> None:
    """A whole file."""
    writer = WavWriter(file, rate, len(channels))
    writer.write(*channels)
    writer.close()


def read(file: BinaryIO) -> Recording:
    """A whole file. Raises MalformedMessage for anything but 16-bit PCM WAV of at most four hours."""
    try:
        with wave.open(file, "rb") as source:
            channels, width, rate, frames = source.getparams()[:4]
            if width != 2 or channels not in (1, 2) or not 1_000 <= rate <= 192_000:
                raise MalformedMessage("not a WAV file of 16 bits, one or two channels, 1 to 192 kHz", "format")
            if frames > MAX_SECONDS * rate:
                raise MalformedMessage(f"a WAV file of more than {MAX_SECONDS // 3600} hours", "size")
            raw = source.readframes(frames)
    except _UNREADABLE as error:
        raise MalformedMessage(
            f"not a WAV file that can be read: {error or 'its parts do not fit'}", "format"
        ) from None
    usable = len(raw) - len(raw) % (2 * channels)
    woven = np.frombuffer(raw[:usable], "<i2").reshape(-1, channels).astype(np.int16)
    return Recording(rate, tuple(np.ascontiguousarray(woven[:, index]) for index in range(channels)))
