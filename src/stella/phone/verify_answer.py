"""Whether the answer is one that Twilio can carry out, and comes in time."""

from __future__ import annotations

from urllib.parse import urljoin

from stella.domain.errors import MalformedMessage
from stella.phone.relay import wrong_parameter
from stella.phone.socket import StreamOrder
from stella.phone.verify_http import Heard
from stella.phone.verify_order import Inspection
from stella.wire.twiml_reader import Verb, parse_document

TWIML, TIME = "answer", "answer time"
_XML = {"text/xml", "application/xml", "text/html"}
_MOST_WORDS = 100


def check_answer(look: Inspection) -> bool:
    """The accepted answer, byte by byte. True when there is a stream to open (`look.stream`)."""
    heard = look.answer or Heard()
    code, seen = fault_of(heard)
    if code:
        look.find(code, TWIML, seen)
        return False
    verbs = parse_document(heard.text)
    noun = _noun(verbs)
    if noun is not None and noun.name == "ConversationRelay" and (fault := wrong_parameter(noun)):
        look.find("relay-parameter", TWIML, fault)
        return False
    look.stream = _order(noun, look.signed_as or look.voice_url) if noun is not None else None
    names = ", ".join(f"<{verb.name}>" for verb in verbs)
    if look.stream is not None:
        packed = ", gzip" if heard.headers.get("content-encoding") else ""
        look.note(TWIML, "ok", f"{heard.media}{packed}: {names}")
        return True
    words = " ".join(" ".join(verb.text for verb in verbs if verb.name == "Say").split())[:_MOST_WORDS]
    said = f" saying “{words}”" if words else ""
    look.find(_without_stream(verbs), TWIML, f"{heard.media}: {names or 'nothing'}{said}")
    return False


def _without_stream(verbs: list[Verb]) -> str:
    names = {verb.name for verb in verbs}
    if not names:
        return "twiml-empty"
    if "Reject" in names:
        return "call-rejected"
    return "gather-only" if "Gather" in names else "no-stream"


def fault_of(heard: Heard) -> tuple[str, str]:
    """Why Twilio cannot read the answer as TwiML: a finding's code and what was seen; empty where it can."""
    if heard.packed:
        return "encoding-unreadable", f"content-encoding {heard.headers.get('content-encoding', '')[:20]}"
    if not heard.body:
        return "twiml-none", f"{heard.status} without a body"
    if heard.is_page:
        return "html-page", f"{heard.media or 'no content type'}: “{' '.join(heard.text[:60].split())}”"
    if not heard.media:
        return "content-type-missing", "no Content-Type"
    if heard.media == "text/plain":
        return "content-type-plain", f"text/plain: “{' '.join(heard.text[:60].split())}”"
    if heard.media not in _XML:
        return "content-type-wrong", heard.media[:60]
    text = heard.text
    if text[:1] in {" ", "\t", "\r", "\n", "\ufeff"} and "<" in text[:200]:
        return "twiml-blank-first", f"the answer begins with {text[0]!r}"
    try:
        parse_document(text)
    except MalformedMessage as error:
        return ("twiml-root" if "root of the TwiML" in str(error) else "twiml-malformed"), str(error)
    return "", ""


def _noun(verbs: list[Verb]) -> Verb | None:
    """What is connected: a stream of sound, or of words."""
    for verb in verbs:
        if verb.name == "Connect" and (noun := verb.child("Stream") or verb.child("ConversationRelay")):
            return noun
    return None


def _order(noun: Verb, base: str) -> StreamOrder:
    url = noun.get("url")
    whole = url if "://" in url else "ws" + urljoin(base, url).removeprefix("http")
    return StreamOrder(whole, noun.get("name"), noun.parameters())


async def check_time(look: Inspection) -> None:
    """The same question again: a repeated webhook of one call gets the same answer and starts nothing."""
    limits, first = look.order.deadlines, look.answer or Heard()
    times = [first.took_s]
    for _ in range(look.order.tries - 1):
        heard = await look.post(look.voice_url, sign_as="" if look.open_door else look.signed_as)
        if heard.trouble == "answer-never":
            look.find("answer-too-late", TIME, f"try {len(times) + 1} had no answer within {limits.total_s:g} s")
            return
        if heard.trouble or not heard.accepted:
            code = heard.trouble or ("gateway" if heard.status >= 500 else "request-refused")
            look.find(code, TIME, heard.why or f"try {len(times) + 1} was answered with {heard.status}")
            return
        times.append(heard.took_s)
        if times[-1] > limits.answer_s:
            break
    slowest = max(times)
    seen = f"{len(times)} tries: {min(times) * 1000:.0f} to {slowest * 1000:.0f} ms"
    if slowest > limits.answer_s:
        look.find("answer-slow", TIME, seen)
    elif slowest > limits.sluggish_s:
        look.find("answer-sluggish", TIME, seen)
    else:
        look.note(TIME, "ok", seen)
