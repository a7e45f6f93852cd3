"""Text as a search sees it: folded, cut into words, stemmed lightly, in German and English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_FOLDS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "’": "'", "‘": "'", "–": "-", "—": "-"})
_NOT_WORD = re.compile(r"[^a-z0-9+#*@ ]+")
_APOSTROPHE = re.compile(r"(?<=[a-z])'(?=[a-z])")

HEARD_LIMIT = 1000
"""Characters of one turn that are looked at; nobody says more in one breath."""


def fold(text: str, limit: int | None = None) -> str:
    """Lower case, umlauts spelled out, accents and punctuation gone, single spaces. `don't` becomes `dont`."""
    low = unicodedata.normalize("NFC", text[:limit]).casefold().translate(_FOLDS)
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", low) if not unicodedata.combining(sign))
    return " ".join(_NOT_WORD.sub(" ", _APOSTROPHE.sub("", bare)).split())


STOP: Mapping[str, frozenset[str]] = {
    "de": frozenset(
        fold(
            "der die das den dem des ein eine einen einem einer eines und oder aber auch ich du er sie es wir ihr mir mich "
            "dir dich uns euch ihnen ihm ihre ihren ihrem ihrer ihres mein meine meinen meinem meiner sein seine ist sind "
            "bin bist war waren wird werden wurde hat habe haben hatte hätte hätten kann können könnte könnten könnten "
            "soll sollen muss müssen muß darf dürfen dürfte möchte möchten will wollen würde würden mag was wer wie wo wann "
            "warum wieso weshalb welche welcher welches welchen wen wem wessen wozu womit wofür worum in im an am auf aus "
            "bei beim mit nach von vom vor zu zum zur für über unter um durch bis ab seit gegen ohne nicht kein keine "
            "keinen nur noch schon sehr mal bitte ja nein danke da dort hier dann denn doch so also eigentlich gerne gern "
            "etwa ungefähr man sich mehr viel etwas alles es gibt gibts geht gehts sagen sagt wissen weiß weiss frage "
            "fragen hallo guten tag grüß gott morgen abend äh ähm hm wenn dass ob als wieder heute eben halt vielleicht "
            "einfach mir mal bekomme bekommen kriege machen mache macht gerade bieten bietet anbieten wäre brauche brauchen hoch "
            "lautet lauten halten hält nennen nenne erzählen erzähl interessiert interessiere bezüglich betreffend liegt eure "
            "euer ihr dazu davon damit bräuchte gäbe erklären hätt nächste nächsten neue neuen leider hab find finde finden "
            "passiert passieren stimmt stimmen kommt kommen kam lang lange kurz groß klein schnell frei hinein rein raus rauf "
            "fährt fahren gibst nehmen nimmt suche suchen sucht stehen steht schicke schicken schickt tun tut genau ganz "
            "wirklich denken glaube meinen gleich später früher bald jetzt immer nie oft paar viele vielen anderen andere "
            "anderes arbeiten verlangen heißt bedeutet funktioniert stelle stellen dauert passt brauch benötige benötigen"
        ).split()
    ),
    "en": frozenset(
        fold(
            "the a an and or but i you he she it we they me him her us them my your his its our their is are am was were be "
            "been do does did done have has had can could shall should will would may might must what who whom whose how "
            "where when why which in on at to of for from with by about into out up down over under off this that these "
            "those there here not no yes please thanks thank so then than just only also very some any all if as hello hi "
            "good morning um uh er hm id ill im ive whats hows wheres like want need know tell ask question get got give "
            "go going come much many more now today well ok okay right let lets maybe perhaps really actually still "
            "say one make something anything us dont doesnt cant is there something possible place company system interested "
            "calling call regarding about offer provide explain under because since have being your youre weve theres "
            "happens happen kind kinds sort long short time times speak talk send find found leave arrange work works way "
            "thing things other another day days first next last take takes bring come comes think believe look looking "
            "old new big small many free able wondering wonder interested currently already yet always never people"
        ).split()
    ),
}
"""Words that say nothing about the subject, question words among them."""

_PHRASES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "de": (
        (r"wie ?viel|was (kostet|kosten|verlangt|zahle?)|wie teuer|zu bezahlen", "preis"),
        (
            r"wo (seid|sind|liegt|liegen|ist|finde|befind)|wie komm\w*|wo \w+ (sie|ihr) (sind|seid)|hinkommen|hinfinden",
            "adresse",
        ),
        (r"was (macht|machen|bietet|bieten|tut|tun) (ihr|sie|vintaro)|womit beschaeftig\w*", "machen leistung"),
        (r"e ?mails?", "email"),
    ),
    "en": (
        (r"how much|how expensive", "price"),
        (r"where (are|is|do)|how (do|can|would) i (get|come) (to|there)|find you|get there", "address"),
        (r"what (do|does) (you|your company|vintaro|the company) (do|offer|make|sell)", "build service"),
        (r"e ?mails?", "email"),
    ),
}

_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "de": (
        "preis kosten kostet tarif gebühr teuer honorar bezahlen zahlen kostenpunkt",
        "adresse anschrift standort anfahrt büro sitz ort straße",
        "parken parkplatz parkplätze parkhaus parkgarage garage auto stellplatz",
        "termin terminvereinbarung treffen besprechung",
        "kündigen kündigung aussteigen",
        "absagen stornieren verschieben storno umbuchen",
        "rechnung faktura zahlung",
        "datenschutz daten privatsphäre dsgvo gespeichert speichern löschen",
        "aufzeichnung aufnahme aufgezeichnet aufnehmen mitschneiden mitgeschnitten tonaufnahme",
        "bewerbung job stelle karriere bewerben arbeiten lebenslauf",
        "leistung service dienstleistung produkt",
        "barrierefrei rollstuhl kinderwagen lift aufzug stufen behindert",
        "support störung wartung defekt kaputt ausfall ausgefallen problem fehler hilfe",
        "sprache deutsch englisch",
        "mensch mitarbeiter ansprechpartner persönlich",
        "video online videokonferenz zoom",
    ),
    "en": (
        "price cost costs fee charge rate expensive pricing",
        "address location located office directions street",
        "parking park car garage",
        "appointment meeting booking book schedule",
        "cancel cancelling cancellation reschedule move",
        "invoice bill payment pay",
        "privacy data gdpr stored store delete protection",
        "recording record recorded tape",
        "job jobs application apply career work position cv hiring vacancy",
        "service product services",
        "accessible wheelchair lift elevator steps pram disabled",
        "support fault problem broken maintenance issue outage",
        "language german english languages",
        "person human staff colleague somebody",
        "video online zoom teams",
    ),
}


def _stem_de(word: str) -> str:
    word = word.removeprefix("ge") if len(word) > 7 and word.endswith("t") else word
    for ending in ("ungen", "ern", "ung", "en", "em", "er", "es", "et", "e", "s", "n", "t"):
        if word.endswith(ending) and len(word) - len(ending) >= 4 and word[-2:] not in ("st", "ft", "ht"):
            return word.removesuffix(ending)
    return word


def _stem_en(word: str) -> str:
    for ending, put in (("ations", "at"), ("ation", "at"), ("ies", "y"), ("ing", ""), ("ers", ""), ("ed", ""), ("es", ""),
                        ("er", ""), ("ly", ""), ("s", ""), ("e", "")):  # fmt: skip
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending) + put
            break
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiou" else word


def stem(word: str, language: str) -> str:
    """The word without its most common endings."""
    return _stem_de(word) if language == "de" else _stem_en(word)


_CANON: Mapping[str, Mapping[str, str]] = {
    language: {
        stem(word, language): stem(words.split()[0], language)
        for words in (fold(row) for row in rows)
        for word in words.split()
    }
    for language, rows in _SYNONYMS.items()
}


def canon(stemmed: str, language: str) -> str:
    """The first of a row of synonyms, or the stem itself."""
    return _CANON[language].get(stemmed, stemmed)


def terms(text: str, language: str) -> list[str]:
    """The words of a text that carry its subject, stemmed, synonyms joined."""
    folded = fold(text)
    for pattern, subject in _PHRASES[language]:
        folded = re.sub(rf"\b(?:{pattern})\b", f" {subject} ", folded)
    stop = STOP[language]
    return [canon(stem(word, language), language) for word in folded.split() if word not in stop and len(word) > 1]


def language_of(text: str) -> str:
    """`de` or `en`, by counting the small words."""
    words = fold(text).split()
    german = sum(word in STOP["de"] for word in words)
    english = sum(word in STOP["en"] for word in words)
    return "de" if german >= english else "en"
