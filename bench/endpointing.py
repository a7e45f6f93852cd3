"""How often a caller is cut off, and how long one waits: adaptive endpointing against a fixed 700 ms of silence.

`python bench/endpointing.py` renders 140 turns, half German (espeak-ng) and half English (flite where it is there), with
pauses where people make them: after an "and", inside a telephone number, before a name that has to be looked up, and in
sentences that were whole before the pause, where nothing in the words tells. Line noise is 30 dB below the voice. Silero
says when somebody speaks; the words given at each pause are those of the text up to it, as a recogniser without errors
would give them, and in rows of their own what the embedded one made of the sound. The network, the recogniser's time and
the brain are left out: what is measured is the decision alone. Endpointing learns a caller's pace, so every caller has a
conversation of seven turns. With smart-turn installed (`stella models pull smart-turn`) there are rows with its hints;
synthetic voices are no fair test of it. `python bench/endpointing.py WAV` prints the pauses of a recording of a real voice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import numpy as np

from stella.adapters.silero.decision import WINDOW, Decision
from stella.adapters.silero.network import Network
from stella.adapters.smart_turn import TurnHints
from stella.app.voices import caller_voice, models_folder, recogniser
from stella.audio import wav
from stella.audio.mulaw import RATE, decode_float, encode_float
from stella.audio.resample import resample
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
    (OPEN, "I would like an appointment |0.8| on Tuesday afternoon."),
    (OPEN, "My washing machine is broken |0.7| since last Friday."),
    (OPEN, "I am looking for somebody |0.6| from the sales team."),
    (OPEN, "Please call me back |0.7| before noon."),
    (OPEN, "We ordered two tables |0.9| and four chairs."),
    (OPEN, "It is urgent. |0.8| The water is running."),
    (OPEN, "I moved here |0.6| two weeks ago."),
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
    (OPEN, "Ich hätte gerne einen Termin |0.8| am Dienstag Nachmittag."),
    (OPEN, "Meine Waschmaschine ist kaputt |0.7| seit letztem Freitag."),
    (OPEN, "Ich suche jemanden |0.6| vom Verkauf."),
    (OPEN, "Bitte rufen Sie mich zurück |0.7| noch vor Mittag."),
    (OPEN, "Wir haben zwei Tische bestellt |0.9| und vier Sessel."),
    (OPEN, "Es ist dringend. |0.8| Das Wasser läuft."),
    (OPEN, "Ich bin hierher gezogen |0.6| vor zwei Wochen."),
)
PACES = (1.0, 1.25)
"""Every text is said twice, by a caller who pauses as written and by one who takes a quarter longer."""
A_CALL = 7
PRE_ROLL = 2400
"""Samples before an onset that the ears get too."""


@dataclass(frozen=True)
class Pause:
    """Somebody fell silent for `silent_s` after `text`; `last` is the end of the turn. `late_s` is when it was noticed.

    `heard` is what the embedded recogniser makes of the words, `hint` how much like an end they sound (1.0: surely one).
    """

    text: str
    silent_s: float
    spoken_s: float
    late_s: float
    last: bool
    heard: str = ""
    hint: float | None = None


@dataclass
class Tally:
    """What became of the turns; waits are those of turns that were heard out."""

    turns: int = 0
    cut: int = 0
    waits: list[float] = field(default_factory=list)

    def add(self, wait: float, *, cut: bool) -> None:
        """One more turn."""
        self.turns += 1
        if cut:
            self.cut += 1
        else:
            self.waits.append(wait)

    def row(self, name: str) -> str:
        """A line of the table."""
        waits = sorted(self.waits or [0.0])
        late = waits[int(0.9 * (len(waits) - 1))]
        cells = (name, self.turns, f"{100 * self.cut / self.turns:.0f}", f"{median(waits) * 1000:.0f}")
        return f"| {' | '.join(map(str, cells))} | {mean(waits) * 1000:.0f} | {late * 1000:.0f} |"


class Ears:
    """Everything that listens, loaded once."""

    def __init__(self) -> None:
        """Raises where a model that is needed is missing; smart-turn is not needed."""
        models = models_folder()
        self.network = Network(models.silero())
        self.recognise = recogniser()
        model = models.smart_turn()
        self.hints = TurnHints(model) if model is not None else None

    def pauses(self, mulaw: bytes, said: Sequence[tuple[int, str]], lang: str) -> Iterator[Pause]:
        """The pauses of a turn as voice activity sees them; `said` is the sample up to which a text belongs to a pause."""
        decision, row = Decision(), self.network.take()
        changes = []
        for start in range(0, len(mulaw) - WINDOW, WINDOW):
            change = decision.step(self.network.step([row], [mulaw[start : start + WINDOW]])[0], start + WINDOW)
            if change is not None:
                changes.append(change)
        self.network.give_back(row)
        began = since = changes[0].at_sample if changes else 0
        heard = ""
        for place, change in enumerate(changes):
            if change.speaking:
                since = change.at_sample
                continue
            following = next((later for later in changes[place + 1 :] if later.speaking), None)
            words = next(text for end, text in said if change.at_sample < end)
            until = change.decided_sample
            if lang == "en" and self.recognise is not None:
                heard = f"{heard} {self.recognise(mulaw[max(0, since - PRE_ROLL) : until])}".strip()
            hint = self.hints.finished(mulaw[max(0, began - PRE_ROLL) : until]) if self.hints is not None else None
            silent = (len(mulaw) if following is None else following.decided_sample) - change.at_sample
            late, spoken = (until - change.at_sample) / RATE, (change.at_sample - began) / RATE
            yield Pause(words, silent / RATE, spoken, late, following is None, heard, hint)


def spoken(voice, text: str, lang: str, pace: float, seed: int) -> tuple[bytes, list[tuple[int, str]]]:  # noqa: ANN001
    """A turn with its pauses, and up to which sample each text has been said. Words before a pause inside a sentence are
    said with the intonation of a comma."""
    pieces = text.split("|")
    sound, said, ends = np.zeros(RATE // 2), "", []
    for words, rest in zip(pieces[::2], [*pieces[1::2], "3.0"], strict=True):
        said = f"{said} {words.strip()}".strip()
        inside = "" if words.strip()[-1] in ".,?!" else ","
        piece = decode_float(voice(words.strip() + inside, lang)).astype(float)
        loud = np.flatnonzero(np.abs(piece) > 0.01)
        piece = piece[loud[0] : loud[-1] + 1]
        sound = np.concatenate((sound, piece, np.zeros(int(float(rest) * pace * RATE))))
        ends.append((len(sound), said))
    sound += np.random.default_rng(seed).standard_normal(len(sound)) * 0.1 * 10 ** (-30 / 20)
    return encode_float(sound), ends


@dataclass(frozen=True)
class Way:
    """A way to end turns: after `fixed_s`, or by what is `heard` (else by perfect words), with or without hints."""

    name: str
    fixed_s: float | None = None
    heard: bool = False
    hints: bool = False


def judge(turn: Sequence[Pause], expected: ExpectAnswer, way: Way, learning: Endpointing) -> tuple[bool, float]:
    """Whether the turn was ended at a pause inside it, and the wait after its true end."""
    for pause in turn:
        words = pause.heard.rstrip(" ,;-") if way.heard else pause.text
        learning.hint = pause.hint if way.hints else None
        wait = learning.wait(words, expected, pause.spoken_s) if way.fixed_s is None else way.fixed_s
        wait = max(wait, pause.late_s)
        if pause.last:
            return False, wait
        if wait < pause.silent_s:
            return True, wait
        learning.paused(pause.silent_s, words)
    return False, FIXED_S


Turn = tuple[str, ExpectAnswer, list[Pause]]


def rendered() -> list[Turn]:
    """All turns: language, what was expected, pauses."""
    ears, voice = Ears(), caller_voice()
    return [
        (name, expected, list(ears.pauses(*spoken(voice, text, lang, pace, number), lang)))
        for name, lang, texts in (("English", "en", ENGLISH), ("German", "de", GERMAN))
        for pace in PACES
        for number, (expected, text) in enumerate(texts)
    ]


def tally(turns: Sequence[Turn], way: Way) -> Tally:
    """What becomes of the turns in this way."""
    total = Tally()
    for number, (_, expected, turn) in enumerate(turns):
        if number % A_CALL == 0:
            learning = Endpointing(Policy())
        cut, wait = judge(turn, expected, way, learning)
        total.add(wait, cut=cut)
    return total


def recording(path: str) -> None:
    """How much each pause of a recording (16-bit WAV, one voice) sounds like the end of a turn."""
    ears = Ears()
    with Path(path).open("rb") as file:
        heard = wav.read(file)
    sound = resample(heard.channels[0], heard.rate, RATE).astype(float)
    loud = encode_float(np.concatenate((sound * 0.1 / np.sqrt(np.mean(sound**2)), np.zeros(2 * RATE))))
    for pause in ears.pauses(loud, [(len(loud) + RATE, "")], "en"):
        hint = "" if pause.hint is None else f"{pause.hint:.2f}"
        print(f"{pause.silent_s:5.2f} s  {hint}  {pause.heard[-60:]}")


def main() -> None:
    """Print the table, or the pauses of a recording."""
    if len(sys.argv) > 1:
        recording(sys.argv[1])
        return
    turns = rendered()
    print("| | turns | cut off per 100 | median wait ms | mean | p90 |")
    print("|---|---|---|---|---|---|")
    hinted = any(pause.hint is not None for _, _, turn in turns for pause in turn)
    for name in ("English", "German", "both"):
        some = [turn for turn in turns if name in (turn[0], "both")]
        ways = [Way(f"fixed {FIXED_S * 1000:.0f} ms", FIXED_S), Way("adaptive")]
        ways += [Way("adaptive, with hints", hints=True)] if hinted else []
        if name == "English":
            ways += [Way("adaptive, words of the embedded ears", heard=True)]
            ways += [Way("the same with hints", heard=True, hints=True)] if hinted else []
        adaptive = tally(some, Way("adaptive"))
        equal = next(wait / 100 for wait in range(50, 300) if tally(some, Way("", wait / 100)).cut <= adaptive.cut)
        for way in (*ways, Way("the fixed wait that cuts off no more than adaptive", equal)):
            print(tally(some, way).row(f"{name}, {way.name}"))


if __name__ == "__main__":
    sys.exit(main())
