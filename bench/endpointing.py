"""How often a caller is cut off, and how long one waits: adaptive endpointing against a fixed 700 ms of silence.

`python bench/endpointing.py` renders 112 turns, half German (espeak-ng) and half English (flite where it is there), with
pauses where people make them: after an "and", inside a telephone number, before a name that has to be looked up. Line
noise is 30 dB below the voice. Silero says when somebody speaks; the words given at each pause are those of the text up
to it, as a recogniser without errors would give them. The network, the recogniser and the brain are left out: what is
measured is the decision alone. Endpointing learns a caller's pace, so every caller has a conversation of seven turns.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from stella.adapters.silero.decision import WINDOW, Decision
from stella.adapters.silero.network import Network
from stella.app.voices import caller_voice, models_folder
from stella.audio.mulaw import RATE, decode_float, encode_float
from stella.conversation.endpointing import Endpointing
from stella.conversation.policy import Policy
from stella.domain.acts import ExpectAnswer

FIXED_S = 0.7
OPEN, NUMBER, YES_NO = ExpectAnswer(), ExpectAnswer("number"), ExpectAnswer("yes-no")

ENGLISH: Sequence[tuple[ExpectAnswer, str]] = (
    (OPEN, "I would like a table for four and |0.9| a chair for my daughter."),
    (OPEN, "What are your opening hours?"),
    (OPEN, "My name is |1.1| Peter Miller."),
    (NUMBER, "Four four seven |0.8| seven zero zero |0.9| nine zero zero."),
    (OPEN, "I am calling about |0.8| the invoice from last week."),
    (YES_NO, "Yes."),
    (OPEN, "Can you tell me |0.5| whether Anna is in today?"),
    (OPEN, "I need an appointment because |0.9| my machine is broken."),
    (OPEN, "That is all, thank you."),
    (OPEN, "I ordered something on Monday. |0.6| It has not arrived."),
    (NUMBER, "My number is |1.0| one two three four five six seven."),
    (OPEN, "Please tell her that I called."),
    (YES_NO, "No, that is wrong."),
    (OPEN, "It is for the company |0.8| Brown and sons."),
    (OPEN, "I was wondering if |0.7| you could send me a quote."),
    (OPEN, "How much does it cost?"),
    (OPEN, "Well, um |0.9| I am not sure."),
    (NUMBER, "Oh two oh |0.7| seven nine four six |0.8| one two three."),
    (OPEN, "Tomorrow at nine would be fine."),
    (OPEN, "The address is |1.0| twelve Station Road."),
    (YES_NO, "Yes please."),
    (OPEN, "I would like to speak to |0.8| someone in accounting."),
    (OPEN, "It does not work. |0.5| The light is red."),
    (OPEN, "Do you also work on Saturdays?"),
    (OPEN, "I have a question about my |0.7| contract."),
    (OPEN, "Nothing else, goodbye."),
    (OPEN, "We met in May, but |0.9| I have lost your card."),
    (OPEN, "Thank you very much."),
)
GERMAN: Sequence[tuple[ExpectAnswer, str]] = (
    (OPEN, "Ich hätte gerne einen Tisch für vier und |0.9| einen Stuhl für meine Tochter."),
    (OPEN, "Wann haben Sie geöffnet?"),
    (OPEN, "Mein Name ist |1.1| Peter Müller."),
    (NUMBER, "Null sechs sechs |0.8| null eins zwei |0.9| drei vier fünf."),
    (OPEN, "Ich rufe an wegen der |0.8| Rechnung von letzter Woche."),
    (YES_NO, "Ja."),
    (OPEN, "Können Sie mir sagen |0.5| ob Frau Berger heute da ist?"),
    (OPEN, "Ich brauche einen Termin, weil |0.9| meine Maschine kaputt ist."),
    (OPEN, "Das ist alles, danke."),
    (OPEN, "Ich habe am Montag etwas bestellt. |0.6| Es ist nicht gekommen."),
    (NUMBER, "Meine Nummer ist |1.0| eins zwei drei vier fünf sechs sieben."),
    (OPEN, "Bitte sagen Sie ihr, dass ich angerufen habe."),
    (YES_NO, "Nein, das stimmt nicht."),
    (OPEN, "Es ist für die |0.8| Firma Braun."),
    (OPEN, "Ich wollte fragen, ob |0.7| Sie mir ein Angebot schicken."),
    (OPEN, "Was kostet das?"),
    (OPEN, "Na ja, ähm |0.9| ich weiß nicht genau."),
    (NUMBER, "Null eins |0.7| fünf vier drei zwei |0.8| acht neun zwei."),
    (OPEN, "Morgen um neun würde passen."),
    (OPEN, "Die Adresse lautet |1.0| Bahnhofstraße zwölf."),
    (YES_NO, "Ja bitte."),
    (OPEN, "Ich möchte gerne mit |0.8| der Buchhaltung sprechen."),
    (OPEN, "Es geht nicht. |0.5| Die Lampe ist rot."),
    (OPEN, "Arbeiten Sie auch am Samstag?"),
    (OPEN, "Ich habe eine Frage zu meinem |0.7| Vertrag."),
    (OPEN, "Sonst nichts, auf Wiederhören."),
    (OPEN, "Wir haben uns im Mai getroffen, aber |0.9| ich habe Ihre Karte verloren."),
    (OPEN, "Vielen Dank."),
)
PACES = (1.0, 1.25)
"""Every text is said twice, by a caller who pauses as written and by one who takes a quarter longer."""
A_CALL = 7


@dataclass(frozen=True)
class Pause:
    """Somebody fell silent for `silent_s` after `text`; `last` is the end of the turn. `late_s` is when it was noticed."""

    text: str
    silent_s: float
    spoken_s: float
    late_s: float
    last: bool


@dataclass
class Tally:
    """What became of the turns."""

    turns: int = 0
    cut: int = 0
    waits: list[float] | None = None

    def add(self, wait: float, *, cut: bool) -> None:
        """One more turn."""
        self.turns += 1
        self.cut += cut
        self.waits = [*(self.waits or []), wait]

    def row(self, name: str) -> str:
        """A line of the table."""
        waits = sorted(self.waits or [0.0])
        late = waits[int(0.9 * (len(waits) - 1))]
        return f"| {name} | {self.turns} | {100 * self.cut / self.turns:.0f} | {median(waits) * 1000:.0f} | {late * 1000:.0f} |"


def pauses(network: Network, voice, text: str, lang: str, pace: float, seed: int) -> Iterator[Pause]:  # noqa: ANN001
    """The pauses of a turn as voice activity sees them."""
    pieces = text.split("|")
    sound, said, ends = np.zeros(RATE // 2), "", []
    for words, rest in zip(pieces[::2], [*pieces[1::2], "3.0"], strict=True):
        said = f"{said} {words.strip()}".strip()
        spoken = decode_float(voice(words, lang)).astype(float)
        loud = np.flatnonzero(np.abs(spoken) > 0.01)
        spoken = spoken[loud[0] : loud[-1] + 1]
        sound = np.concatenate((sound, spoken, np.zeros(int(float(rest) * pace * RATE))))
        ends.append((len(sound), said))
    sound += np.random.default_rng(seed).standard_normal(len(sound)) * 0.1 * 10 ** (-30 / 20)
    mulaw, decision, row = encode_float(sound), Decision(), network.take()
    changes = []
    for start in range(0, len(mulaw) - WINDOW, WINDOW):
        change = decision.step(network.step([row], [mulaw[start : start + WINDOW]])[0], start + WINDOW)
        if change is not None:
            changes.append(change)
    network.give_back(row)
    began = changes[0].at_sample if changes else 0
    for place, change in enumerate(changes):
        if change.speaking:
            continue
        following = next((later for later in changes[place + 1 :] if later.speaking), None)
        words = next(said for end, said in ends if change.at_sample < end)
        silent = (len(sound) if following is None else following.decided_sample) - change.at_sample
        late = (change.decided_sample - change.at_sample) / RATE
        yield Pause(words, silent / RATE, (change.at_sample - began) / RATE, late, following is None)


def judge(turn: Sequence[Pause], expected: ExpectAnswer, endpointing: Endpointing | float) -> tuple[bool, float]:
    """Whether the turn was ended at a pause inside it, and the wait after its true end. A number is a fixed wait."""
    for pause in turn:
        wait = endpointing if isinstance(endpointing, float) else endpointing.wait(pause.text, expected, pause.spoken_s)
        wait = max(wait, pause.late_s)
        if pause.last:
            return False, wait
        if wait < pause.silent_s:
            return True, wait
        if not isinstance(endpointing, float):
            endpointing.paused(pause.silent_s, pause.text)
    return False, FIXED_S


Turn = tuple[str, ExpectAnswer, list[Pause]]


def rendered() -> list[Turn]:
    """All turns: language, what was expected, pauses."""
    network, voice = Network(models_folder().silero()), caller_voice()
    return [
        (name, expected, list(pauses(network, voice, text, lang, pace, number)))
        for name, lang, texts in (("English", "en", ENGLISH), ("German", "de", GERMAN))
        for pace in PACES
        for number, (expected, text) in enumerate(texts)
    ]


def tally(turns: Sequence[Turn], fixed_s: float | None) -> Tally:
    """What becomes of the turns with a fixed wait, or with the adaptive one."""
    total = Tally()
    for number, (_, expected, turn) in enumerate(turns):
        if number % A_CALL == 0:
            learning = Endpointing(Policy())
        cut, wait = judge(turn, expected, learning if fixed_s is None else fixed_s)
        total.add(wait, cut=cut)
    return total


def main() -> None:
    """Print the table."""
    turns = rendered()
    print("| | turns | cut off per 100 | median wait ms | p90 wait ms |")
    print("|---|---|---|---|---|")
    for name in ("English", "German", "both"):
        some = [turn for turn in turns if name in (turn[0], "both")]
        adaptive = tally(some, None)
        equal = next(wait / 100 for wait in range(70, 300) if tally(some, wait / 100).cut <= adaptive.cut)
        print(tally(some, FIXED_S).row(f"{name}, fixed {FIXED_S * 1000:.0f} ms"))
        print(adaptive.row(f"{name}, adaptive"))
        print(tally(some, equal).row(f"{name}, the fixed wait that cuts off no more"))


if __name__ == "__main__":
    sys.exit(main())
