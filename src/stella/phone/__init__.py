"""A faithful Twilio that rings a STELLA: for `stella call`, `verify`, `bench` and the acceptance tests."""

from stella.phone.context import Habits, Loudspeaker, Meters, Microphone, Wire
from stella.phone.form import Account
from stella.phone.line import LineFaults
from stella.phone.report import CallReport
from stella.phone.script import HangUp, Interrupt, Press, Script, Speak, Step, Voice, Wait
from stella.phone.telephony import Telephony

__all__ = [
    "Account",
    "CallReport",
    "Habits",
    "HangUp",
    "Interrupt",
    "LineFaults",
    "Loudspeaker",
    "Meters",
    "Microphone",
    "Press",
    "Script",
    "Speak",
    "Step",
    "Telephony",
    "Voice",
    "Wait",
    "Wire",
]
