"""The words STELLA says unless an agent file says it better: German (Sie, Austrian) and English.

`{company}` is filled in by `phrases_for`. A disclosure is two parts: that a machine speaks, and what is processed (the
notice, which depends on the preset and which `STELLA_CONSENT_TEXT_DE` / `_EN` or an agent file may replace). Together
they stay under 400 characters, because nobody listens longer and nothing can hear an answer while they play.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stella.domain.agent import Phrases
from stella.domain.consent import Preset

DISCLOSURE_LIMIT = 400
"""Characters of everything said before the stream (PRODUCT §1)."""

MACHINE: Mapping[str, str] = {
    "de": "Guten Tag, Sie sind mit {company} verbunden. Hier spricht STELLA, eine künstliche Stimme.",
    "en": "Hello, you have reached {company}. This is STELLA, an automated voice assistant.",
}
"""The first sentence: with whom, and that it is a machine."""

NOTICES: Mapping[str, Mapping[Preset, str]] = {
    "de": {
        Preset.DISCLOSE: "Was Sie sagen, wird maschinell verarbeitet und dreißig Tage als Text gespeichert. "
        "Eine Tonaufnahme machen wir nicht.",
        Preset.ASK_RECORDING: "Was Sie sagen, wird maschinell verarbeitet und dreißig Tage als Text gespeichert. "
        "Ob wir das Gespräch aufzeichnen dürfen, frage ich Sie gleich.",
        Preset.ASK_EVERYTHING: "Was Sie sagen, wird maschinell verarbeitet. "
        "Ob wir es speichern dürfen, frage ich Sie gleich.",
        Preset.ANNOUNCE: "Das Gespräch wird maschinell verarbeitet und aufgezeichnet. "
        "Wenn Sie am Apparat bleiben, stimmen Sie dem zu.",
    },
    "en": {
        Preset.DISCLOSE: "What you say is processed by a machine and kept as text for thirty days. "
        "We do not make a sound recording.",
        Preset.ASK_RECORDING: "What you say is processed by a machine and kept as text for thirty days. "
        "I will ask you in a moment whether we may record the call.",
        Preset.ASK_EVERYTHING: "What you say is processed by a machine. "
        "I will ask you in a moment whether we may keep it.",
        Preset.ANNOUNCE: "This call is processed by a machine and recorded. By staying on the line you agree to that.",
    },
}
"""What is processed, per preset."""

QUESTIONS: Mapping[str, Mapping[Preset, str]] = {
    "de": {
        Preset.ASK_RECORDING: "Dürfen wir dieses Gespräch aufzeichnen? Bitte sagen Sie ja oder nein.",
        Preset.ASK_EVERYTHING: "Dürfen wir den Text dieses Gesprächs speichern? Bitte sagen Sie ja oder nein.",
    },
    "en": {
        Preset.ASK_RECORDING: "May we record this call? Please say yes or no.",
        Preset.ASK_EVERYTHING: "May we keep a transcript of this call? Please say yes or no.",
    },
}
"""Asked inside the stream, where an answer can be heard. The presets that do not ask have the recording question too,
so that `Phrases` is always complete."""

PHRASES_DE = Phrases(
    disclosure=MACHINE["de"] + " " + NOTICES["de"][Preset.DISCLOSE],
    greeting="Was kann ich für Sie tun?",
    consent_question=QUESTIONS["de"][Preset.ASK_RECORDING],
    consent_unclear="Das habe ich leider nicht verstanden. Bitte sagen Sie ja oder nein, "
    "oder drücken Sie die 1 für ja und die 2 für nein.",
    consent_yes="Vielen Dank.",
    consent_no="In Ordnung, dann machen wir das nicht. Ich helfe Ihnen trotzdem gerne.",
    no_input=("Sind Sie noch da?", "Ich höre Sie leider nicht. Was kann ich für Sie tun?"),
    no_match="Entschuldigung, das habe ich nicht verstanden. Sagen Sie es bitte noch einmal?",
    one_moment="Einen Moment bitte.",
    apology="Es tut mir leid, da ist bei mir etwas schiefgegangen. Sagen Sie es bitte noch einmal?",
    limit_warning="Wir haben noch etwa eine Minute. Gibt es noch etwas Wichtiges?",
    farewell="Vielen Dank für Ihren Anruf. Auf Wiederhören!",
    transferring="Ich verbinde Sie. Einen Moment bitte.",
    transfer_failed="Dort hebt leider gerade niemand ab. Darf ich eine Nachricht aufnehmen?",
    handed_over="Wir müssen hier leider unterbrechen. Bitte rufen Sie in ein paar Minuten noch einmal an. Auf Wiederhören!",
    language_switch="Gerne, wir sprechen Deutsch weiter. Was kann ich für Sie tun?",
    resumed="Da bin ich wieder. Entschuldigen Sie die Unterbrechung. Wo waren wir?",
    still_working=("Es dauert noch einen kleinen Augenblick.", "Danke für Ihre Geduld, ich bin noch dran."),
    person_check="Ich bin nicht sicher, ob ich mit einem Menschen spreche. Wenn ja, sagen Sie es bitte in anderen Worten, oder "
    "drücken Sie eine Taste.",
)
"""German, polite, short enough for the telephone."""

PHRASES_EN = Phrases(
    disclosure=MACHINE["en"] + " " + NOTICES["en"][Preset.DISCLOSE],
    greeting="How can I help you?",
    consent_question=QUESTIONS["en"][Preset.ASK_RECORDING],
    consent_unclear="Sorry, I did not catch that. Please say yes or no, or press 1 for yes and 2 for no.",
    consent_yes="Thank you.",
    consent_no="That is fine, we will not do that. I am still happy to help.",
    no_input=("Are you still there?", "I am afraid I cannot hear you. How can I help?"),
    no_match="Sorry, I did not understand that. Could you say it again, please?",
    one_moment="One moment, please.",
    apology="I am sorry, something went wrong on my side. Could you say that again, please?",
    limit_warning="We have about one minute left. Is there anything else that matters?",
    farewell="Thank you for calling. Goodbye!",
    transferring="I will put you through. One moment, please.",
    transfer_failed="I am afraid nobody is picking up there. May I take a message?",
    handed_over="I am sorry, we have to stop here. Please call again in a few minutes. Goodbye!",
    language_switch="Of course, let us go on in English. How can I help you?",
    resumed="I am back. Sorry for the interruption. Where were we?",
    still_working=("This is taking a little longer.", "Thank you for waiting, I am still on it."),
    person_check="I am not sure that I am speaking with a person. If I am, please say so in other words, or press any key.",
)
"""English, plain and polite."""

DEFAULTS: Mapping[str, Phrases] = {"de": PHRASES_DE, "en": PHRASES_EN}


def phrases_for(code: str, company: str, preset: Preset, notice: str = "") -> Phrases:
    """The built-in phrases of a language for a company and a preset; `notice` replaces what is said about processing.

    Raises KeyError for a language that has none.
    """
    told = notice or NOTICES[code][preset]
    asked = QUESTIONS[code].get(preset, DEFAULTS[code].consent_question)
    built = replace(DEFAULTS[code], disclosure=f"{MACHINE[code]} {told}", consent_question=asked)
    return fill(built, company)


def fill(phrases: Phrases, company: str) -> Phrases:
    """Put the company's name where `{company}` stands; every other brace stays as it is."""

    def put(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, str):
            return value.replace("{company}", company)
        return tuple(item.replace("{company}", company) for item in value)

    return Phrases(**{name: put(getattr(phrases, name)) for name in Phrases.__slots__})  # type: ignore[arg-type]
