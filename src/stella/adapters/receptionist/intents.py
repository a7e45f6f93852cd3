"""What a caller is after, by word lists and patterns over folded text. Forgiving: telephone speech is misheard."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Intent(StrEnum):
    """What a sentence asks for; `OTHER` is a question for the knowledge, or an answer to ours."""

    EMERGENCY = "emergency"
    STOP = "stop"
    REPEAT = "repeat"
    GERMAN = "german"
    ENGLISH = "english"
    ROBOT = "robot"
    GOODBYE = "goodbye"
    CALL_BACK = "call-back"
    MESSAGE = "message"
    TRANSFER = "transfer"
    HUMAN = "human"
    HOURS = "hours"
    HELP = "help"
    THANKS = "thanks"
    GREETING = "greeting"
    OTHER = "other"


def _all(**patterns: str) -> Mapping[Intent, re.Pattern[str]]:
    return {Intent(name.replace("_", "-")): re.compile(pattern) for name, pattern in patterns.items()}


_PATTERNS: Mapping[str, Mapping[Intent, re.Pattern[str]]] = {
    "de": _all(
        emergency=r"\b(medizinischer notfall|notfall|notruf|notarzt|rettung|feuerwehr|polizei|krankenwagen|"
        r"herzinfarkt|schlaganfall|"
        r"es brennt|bewusstlos|lebensgefahr|selbstmord|umbringen)\b|^(bitte )?(112|133|144|122)$",
        stop=r"^(bitte )?(abbrechen|abbruch|stopp?|halt|vergessen sie('?s| es| das)?|doch nicht|lassen wir das|"
        r"nein abbrechen)( bitte)?$|"
        r"\b(abbrechen|vergessen sie (s|es|das)|doch keine nachricht|lassen (sie|wir) (das|es))\b",
        repeat=r"^(wie|was|hae|wie bitte|was bitte|nochmal|noch mal|noch einmal|nochmals|pardon|"
        r"was haben sie gesagt)$|"
        r"\b(wie bitte|wiederholen|noch ?mal sagen|noch einmal sagen|sagen sie (das|es) (bitte )?noch ?(mal|"
        r"einmal)|nicht verstanden|"
        r"nochmal bitte|noch einmal bitte|bitte (nochmal|noch einmal)|(das war )?zu schnell)\b",
        german=r"^(auf )?deutsch( bitte)?$",
        english=r"^(\w+ ){0,5}(english|englisch)( please| bitte| sprechen| reden| weiter)*$|"
        r"\b(do you speak english|in english)\b",
        robot=r"\b(bist|sind|ist|spreche|rede) (du|sie|das|ich|da)?( \w+){0,4} ?(roboter|maschine|computer|"
        r"mensch|bot|kuenstliche\w*|ki|"
        r"echt|echter|echte|tonband|automat)\b|^(roboter|maschine|computer)$",
        goodbye=r"\b(auf wieder(hoeren|sehen|schauen)|wieder(hoeren|schauen)|tschuess?i?|tschues|pfiat|baba|"
        r"ciao|ade|schoenen tag|"
        r"das war('?s| alles| s)|das ist alles|nichts mehr|nein danke das|bis bald|auflegen|schoenes wochenende)\b",
        call_back=r"\b(rueckruf|zurueckrufen|rufen sie mich|rueckrufen|ruft mich|(mich )?(bitte )?(zurueck ?|"
        r"an)rufen|ruf mich|"
        r"rufen sie bitte|jemand anrufen)\b",
        message=r"\b(nachricht|mitteilung|ausrichten|richten sie|notieren|notiz|hinterlassen|sagen sie (ihm|ihr|"
        r"ihnen|bitte|der|dem)|"
        r"bescheid (sagen|geben)|etwas aufnehmen|anrufbeantworter|voicemail|beschwer\w*)\b",
        transfer=r"\b(ich (\w+ )?(moechte|wuerde|will|haette|muss|muesste)( \w+){1,5} (sprechen|reden|erreichen)|"
        r"verbinden|durchstellen|weiterleiten|weiterverbinden|verbinde|stellen sie|geben sie mir|"
        r"zu sprechen|"
        r"sprechen mit|mit \w+( \w+){0,3} (sprechen|reden|telefonieren)|(kann|koennte|moechte|darf|"
        r"will) ich (bitte )?(mit )?(\w+ ){1,4}(sprechen|haben|reden)|"
        r"ist (der|die|herr|frau) .{2,30} (da|zu sprechen|im haus|erreichbar)|abteilung)\b",
        human=r"\b(menschen?|mitarbeiter(in)?|kolleg\w+|beraterin?|zentrale|vermittlung|jemanden?|"
        r"ansprechpartner|person|"
        r"sekretariat|echten|leibhaftigen)\b",
        hours=r"\b(offen|geoeffnet|oeffnungszeit\w*|oeffnet|oeffnen|aufgesperrt|sperr\w*|geschlossen|"
        r"schliess\w*|zugesperrt|"
        r"buerozeit\w*|geschaeftszeit\w*|oeffnungs\w*|feiertag\w*|(habt|haben|hat) (\w+ ){0,4}(auf|zu|offen)|"
        r"wann (kann|erreiche?) ich|"
        r"(bis|ab|von) wann|wie lange (seid|sind|habt|haben)|erreichbar( am| heute| morgen)|"
        r"sind sie (\w+ ){0,4}(da|erreichbar)|betriebsurlaub)\b",
        help=r"^(hilfe|help|was koennen sie( \w+)*|was kann ich( \w+)*|womit koennen sie( \w+)*)$|"
        r"\b(was koennen sie (alles|fuer mich)|"
        r"wobei koennen sie)\b",
        thanks=r"^(\w+ ){0,2}(danke|dankeschoen|danke schoen|vielen dank|herzlichen dank|dank)( \w+){0,2}$",
        greeting=r"^(ja )?(hallo|gruess gott|guten (tag|morgen|abend)|servus|gruezi|hi|hey|moin|"
        r"gruess sie)( (hallo|gruess gott|stella|sie|da|"
        r"guten tag))*$",
    ),
    "en": _all(
        emergency=r"\b(an emergency|emergency|ambulance|fire brigade|police|heart attack|stroke|unconscious|"
        r"there is a fire|"
        r"call 911|kill myself|suicide)\b|^(112|911|999)$",
        stop=r"^(please )?(stop|cancel|abort|quit|forget (it|that|about it)|never ?mind|no cancel)( please| it|"
        r" that)*$|"
        r"\b(never mind|forget (it|about it)|cancel (that|the message|this)|dont bother)\b",
        repeat=r"^(what|pardon|sorry|again|excuse me|say again|come again|huh|repeat|pardon me|what was that|"
        r"what did you say)( please)?$|"
        r"\b(repeat|say (that|it) again|once more|one more time|(did not|didnt|couldnt) (understand|hear|catch|"
        r"get)|too fast|"
        r"say again)\b",
        english=r"^(in )?english( please)?$",
        german=r"^(\w+ ){0,5}(german|deutsch|dutch|doitch|doich)( please| bitte| bitter)*$|"
        r"\b(sprechen sie deutsch|speak german|auf deutsch|"
        r"off deutsch)\b",
        robot=r"\b(are|is|am) (you|this|i|that|it)( \w+){0,4} ?(robot|machine|computer|human|bot|real|ai|"
        r"recording|person|automated)\b|"
        r"\ba (robot|machine|bot)$|^(robot|machine|bot)$",
        goodbye=r"\b(goodbye|good bye|bye|bye bye|see you|have a (nice|good|great) (day|one|evening|weekend)|"
        r"thats (all|it)|that is all|"
        r"that will be all|nothing else|hang up|im done|cheerio|so long)\b",
        call_back=r"\b((call|crawl|cold) ?back|call me( back)?|ring me( back)?|phone me|return my call|give me a (call|ring)|"
        r"be called back|"
        r"calls? me)\b",
        message=r"\b(message|massage|leave (a|an|my) (note|word|message)|take a note|write (this|it|that) down|"
        r"let (him|her|them) know|"
        r"tell (him|her|them|the)|voice ?mail|complain\w*|pass (it|this|that) on)\b",
        transfer=r"\b(put me (through|true)|connect me|transfer\w*|speak (to|with)|speaking (to|with)|talk (to|"
        r"with)|get me|reach (?!you|the office)|"
        r"forward me|(is|can i (get|have|speak)) (mr|mrs|ms|miss|doctor|dr) \w+|department)\b",
        human=r"\b(human|person|operator|representative|agent|somebody|someone|real person|colleague|staff|"
        r"receptionist|secretary|"
        r"employee|customer service|a real)\b",
        hours=r"\b(open|opened|opens|opening|openings|close|closed|closes|closing|hours|holidays?|what time (do|"
        r"are|can)|"
        r"until when|how (long|late) (are|do)|when (are|do|can|will) (you|i)( \w+){0,2} (there|open|close|"
        r"available|reach|call|come)|"
        r"are you (there|available) (on|tomorrow|today|now|at)|office ours|business ours|your ours)\b",
        help=r"^(help|help me|what can you do( \w+)*|what can i (say|ask|do)( \w+)*)$|\bwhat can you (do|help)\b",
        thanks=r"^(\w+ ){0,2}(thanks|thank you|cheers|ta)( \w+){0,3}$",
        greeting=r"^(oh )?(hello|hi|hey|good (morning|afternoon|evening|day)|greetings)( (there|hello|stella|hi|"
        r"good (morning|afternoon|evening)))*$",
    ),
}  # fmt: skip

_NO = {
    "de": re.compile(
        r"\b(nein|noe|na|ne|nee|nicht|falsch|stimmt nicht|keinesfalls|auf keinen fall|kein|keine|lieber nicht|"
        r"niemals|verkehrt|nicht richtig)\b"
    ),
    "en": re.compile(r"\b(no|nope|nah|not|wrong|incorrect|dont|isnt|never|negative|no thanks|nay)\b"),
}
_YES = {
    "de": re.compile(
        r"\b(ja|jo|jawohl|genau|richtig|stimmt|korrekt|passt|gerne|gern|okay|ok|klar|sicher|natuerlich|freilich|"
        r"exakt|einverstanden|bitte|"
        r"in ordnung|gut|perfekt|super|eh|selbstverstaendlich|unbedingt|ja bitte|jaja|yes|mhm|doch)\b"
    ),
    "en": re.compile(
        r"\b(yes|yeah|yep|yup|yea|ya|yah|sure|right|correct|exactly|okay|ok|of course|absolutely|please|fine|"
        r"good|perfect|great|"
        r"go ahead|that is it|thats it|affirmative|indeed|certainly|it is|you may|you can|definitely|"
        r"sounds good|do that|mhm)\b"
    ),
}
_NOT_NO = re.compile(
    r"\b(warum nicht|wieso nicht|kein problem|keine frage|why not|no problem|not at all|no worries|not bad|"
    r"nicht wahr|doch nicht so schlimm)\b"
)
_UNSURE = re.compile(
    r"\b(weiss (es |ich )?nicht|keine ahnung|vielleicht|maybe|dont know|not sure|perhaps|no idea|nicht sicher|"
    r"mal sehen)\b"
)
_MISHEARD_YES = {
    "de": frozenset({"tja", "jah", "ha", "da", "jap", "yep"}),
    "en": frozenset({"yet", "jess", "guess", "chess", "yas", "us", "yellow"}),
}
_MISHEARD_NO = {
    "de": frozenset({"nain", "neun", "rein", "mein"}),
    "en": frozenset({"know", "now", "note", "nor", "new", "noh", "knope"}),
}


_WEAK = re.compile(r"\b(jemand\w*|geben sie mir|stellen sie|somebody|someone|get me|reach|a real|echten)\b")
_STRONG = re.compile(
    r"\b(verb[iu]nd\w*|durchstell\w*|weiterleit\w*|sprech\w*|reden|mensch\w*|mitarbeiter\w*|zentrale|vermittlung|"
    r"put me|connect\w*|transfer\w*|speak\w*|talk\w*|human|operator|representative|agent|real person)\b"
)


def only_by_the_way(folded: str) -> bool:
    """Whether a sentence that sounds like a wish for a person may as well be a question: "can somebody tell me …"."""
    return bool(_WEAK.search(folded)) and not _STRONG.search(folded)


def intent_of(folded: str, language: str) -> Intent:
    """The first intent that fits, the urgent and the specific before the general."""
    for intent, pattern in _PATTERNS[language].items():
        if pattern.search(folded):
            return intent
    return Intent.OTHER


def has(intent: Intent, folded: str, language: str) -> bool:
    """Whether a sentence fits one intent, whatever else it fits."""
    pattern = _PATTERNS[language].get(intent)
    return pattern is not None and bool(pattern.search(folded))


def yes_or_no(folded: str, language: str) -> bool | None:
    """True, False, or None where it is neither or both. Meant for an answer to a question, nothing else."""
    if _UNSURE.search(folded):
        return None
    softened = _NOT_NO.sub(" ok ", folded)
    if softened in _MISHEARD_YES[language]:
        return True
    if softened in _MISHEARD_NO[language]:
        return False
    no = _NO[language].search(softened)
    yes = _YES[language].search(softened)
    if no and yes:
        strong = re.match(r"(nein|no|nope|nee|ne|na)\b", softened)
        calm = re.search(r"\b(danke|thanks|thank you|bitte|please)\b", softened)
        agreed = re.match(r"(ja|yes|yeah|genau|right|okay|ok)\b", softened)
        return False if (strong or calm or "nicht" in softened or "not" in softened) and not agreed else None
    return True if yes else False if no else None
