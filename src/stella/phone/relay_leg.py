"""One ConversationRelay session as Twilio runs it: it hears the script's words and speaks the server's.

Spec: https://www.twilio.com/docs/voice/conversationrelay/websocket-messages
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from stella.phone.caller import Noticed, PressKeys, PutDown, Say
from stella.phone.clock import FRAME_S
from stella.phone.context import Call
from stella.phone.leg import PRESS_S, Send
from stella.phone.relay_speech import RelaySpeech
from stella.phone.report import StreamRun, Utterance
from stella.phone.socket import Kind
from stella.phone.sound import Sound
from stella.wire import relay_carrier as wire
from stella.wire.relay_carrier import EndSession, PlaySource, RelayFault, SayText, SendKeys, UseLanguage
from stella.wire.twiml_reader import Verb

KIND = Kind("VX", 64102, 64102, 64102, 64102, 64101, 64101, 64105, 64105)
"""Twilio's errors: 64101 a bad parameter, 64102 no connection, 64105 the socket ended without `end`."""

NOTICE_S = 0.3
"""From the caller's onset until the voice is stopped."""
PARTIAL_S = 0.6
AUTO_S = 0.7
"""Silence that ends an utterance where `speechTimeout` is `auto`."""


class RelayLeg:
    """A session without its socket."""

    def __init__(self, verb: Verb, call: Call, run: StreamRun, send: Send, hang_up: Callable[[PutDown], None]) -> None:
        """`verb` is the `<ConversationRelay>` of the TwiML."""
        self._verb, self._call, self._run, self._send, self._hang_up = verb, call, run, send, hang_up
        self._speech = RelaySpeech(call, verb.get("ttsLanguage") or verb.get("language", "en-US"))
        self._hearing = verb.get("transcriptionLanguage") or verb.get("language", "en-US")
        self._began = call.clock.now()
        self._words: Sound | None = None
        self._onset = 0.0
        self._partial_at = 0.0
        self._final: tuple[float, str] | None = None
        self._barged = self._under = False
        self._keys: deque[tuple[float, str]] = deque()
        self._agent_on = False
        self._reported = False
        self._over = False
        self.finished = False
        self.handoff: str | None = None
        if call.microphone is not None:
            call.note("not modelled", "a microphone is not heard where only words travel: give --say instead")
        call.hearing.leg_began()
        call.caller.leg_began(self._began)

    def _allows(self, attribute: str, what: str, default: str) -> bool:
        value = self._verb.get(attribute, default)
        return {"true": "any", "false": "none"}.get(value, value) in ("any", what)

    def _says(self, kind: str, message: bytes) -> None:
        self._send(kind, message)

    def _info(self, name: str, value: str) -> None:
        needed = "tokens-played" if name == "tokensPlayed" else "speaker-events"
        if needed in self._verb.get("events", "").split():
            self._says("info", wire.info(name, value, round(self._call.clock.now() * 1000)))

    def open(self) -> None:
        """Say `setup`."""
        form, account = self._call.form, self._call.account
        ids = {"sessionId": self._run.stream_sid, "accountSid": account.account_sid, "callSid": form.call_sid}
        self._says("setup", wire.setup(ids, account.from_, account.to, self._run.parameters))

    def beat(self) -> None:
        """20 ms have passed. Where time is virtual it stands still while a voice is being made."""
        call = self._call
        if self._over or (not call.clock.pace and self._speech.making):
            return
        call.clock.beat()
        now = call.clock.now()
        self._play(now)
        call.hearing.silence_until(now)
        self._obey(now)
        self._listen(now)
        self._press(now)
        call.meters.now_s, call.meters.queued_s = now, self._speech.left_s

    def _play(self, now: float) -> None:
        sound, words = self._speech.frame(now - FRAME_S)
        if sound and not self._agent_on:
            self._agent_on = True
            self._run.first_media_s = self._run.first_media_s or now
            self._info("agentSpeaking", "on")
        if sound:
            self._run.bytes_received += len(sound)
            self._call.hearing.last_media_s = now
        if words:
            self._info("tokensPlayed", words)
        if self._agent_on and not self._speech.speaking:
            self._agent_on = False
            self._info("agentSpeaking", "off")

    def _obey(self, now: float) -> None:
        call = self._call
        ear = call.hearing.ear(queued=self._speech.speaking)
        for order in call.caller.tick(now, ear, speaking=self._words is not None):
            match order:
                case Say():
                    self._speak(now, order)
                case PressKeys():
                    self._keys.extend((now + i * PRESS_S, key) for i, key in enumerate(order.digits) if key not in "wW")
                    call.note("keys", order.digits)
                case PutDown():
                    self._hang_up(order)
                case Noticed():
                    call.note("noticed", order.what)

    def _speak(self, now: float, order: Say) -> None:
        self._words, self._onset = order.sound, now + order.sound.onset_s
        self._partial_at = self._onset + PARTIAL_S
        self._barged = self._under = False
        self._final = None
        said = Utterance(order.sound.text, self._onset, now + order.sound.offset_s, order.interrupts)
        self._call.hearing.said(said)
        self._call.report.recording.caller(now, order.sound.mulaw)
        self._info("clientSpeaking", "on")

    def _listen(self, now: float) -> None:
        """The caller's words on their way through Twilio's ears."""
        words = self._words
        if words is not None:
            length = words.offset_s - words.onset_s
            if now >= self._onset + NOTICE_S and not self._barged:
                self._barged = True
                self._talked_over("speech")
            if now >= self._partial_at and now < self._onset + length:
                self._partial_at += PARTIAL_S
                self._prompt(_beginning(words.text, (now - self._onset) / length), last=False)
            if now >= self._onset + length:
                if not self._barged:
                    self._talked_over("speech")
                self._words = None
                self._info("clientSpeaking", "off")
                self._final = (now + self._silence_s, words.text)
        elif self._final is not None and now >= self._final[0]:
            text, self._final = self._final[1], None
            self._prompt(text, last=True)

    @property
    def _silence_s(self) -> float:
        value = self._verb.get("speechTimeout", "auto")
        return int(value) / 1000 if value.isdecimal() else AUTO_S

    def _prompt(self, text: str, *, last: bool) -> None:
        # What is said under a voice that does not yield is reported only where the TwiML asks for it.
        if (self._under and not self._allows("reportInputDuringAgentSpeech", "speech", "none")) or not text.strip():
            return
        if last or self._verb.get("partialPrompts") == "true":
            self._says("prompt", wire.prompt(text, self._hearing, last=last))

    def _talked_over(self, what: str) -> None:
        """A voice or a key while the agent speaks."""
        speech = self._speech
        if not speech.speaking or not self._agent_on:
            return
        if not (speech.interruptible and self._allows("interruptible", what, "any")):
            self._under = True
            return
        left = speech.left_s
        heard, after = speech.cut()
        self._agent_on = False
        self._says("interrupt", wire.interrupt(heard, after))
        self._info("agentSpeaking", "off")
        self._call.hearing.cleared(self._call.clock.now(), left)

    def _press(self, now: float) -> None:
        while self._keys and self._keys[0][0] <= now:
            key = self._keys.popleft()[1]
            if self._verb.get("dtmfDetection") != "true":
                continue
            under = self._speech.speaking and self._agent_on
            self._talked_over("dtmf")
            if not under or not self._speech.speaking or self._allows("reportInputDuringAgentSpeech", "dtmf", "none"):
                self._says("dtmf", wire.dtmf(key))

    def receive(self, data: str | bytes, *, binary: bool) -> None:
        """A message of the server's. What does not match is reported to it, logged, and passed over."""
        if self._over:
            return
        self._run.messages_received += 1
        try:
            message = wire.parse_from_server(data, binary=binary)
        except RelayFault as fault:
            self._says("error", wire.error("Invalid message received"))
            if not self._reported:
                self._reported = True
                self._call.fault(fault.code, str(fault))
            return
        match message:
            case SayText():
                self._speech.say(message)
            case UseLanguage(speech, hearing):
                self._speech.language, self._hearing = speech or self._speech.language, hearing or self._hearing
                self._call.note("language", f"{self._speech.language}, heard as {self._hearing}")
            case PlaySource():
                self._call.note("not modelled", "play is passed over")
            case SendKeys(digits):
                self._call.note("keys sent", digits)
            case EndSession(handoff):
                self.handoff, self.finished = handoff or None, True

    def end(self, *, stop: bool) -> None:
        """The session is over; what was queued is never heard."""
        if self._over:
            return
        self._over = True
        if self._speech.speaking:
            self._call.note("unheard", f"{self._speech.left_s:.2f} s of speech were left when the session ended")
        self._call.hearing.close_spurt(cleared=self._speech.speaking)
        self._speech.close()

    def fields(self, end: str) -> dict[str, str]:
        """What the action of `<Connect>` is told."""
        status = {"ended": "ended", "caller": "completed"}.get(end, "failed")
        seconds = max(0, round(self._call.clock.now() - self._began))
        told = {"SessionId": self._run.stream_sid, "SessionStatus": status, "SessionDuration": str(seconds)}
        if self.handoff is not None:
            told["HandoffData"] = self.handoff
        if status == "failed":
            told |= {"ErrorCode": str(KIND.closed), "ErrorMessage": "Websocket ended"}
        return told


def _beginning(text: str, share: float) -> str:
    words = text.split()
    return " ".join(words[: int(len(words) * share)])
