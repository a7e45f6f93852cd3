"""Twilio's REST API: an account's numbers and where their calls go, and text messages. It can buy nothing."""

from stella.adapters.twilio.account import TwilioAccount
from stella.adapters.twilio.alert import Alert
from stella.adapters.twilio.connection import Change, Wanted, changes
from stella.adapters.twilio.faults import OutcomeUnknown
from stella.adapters.twilio.messages import SmsDelivery
from stella.adapters.twilio.number import NumberSettings
from stella.adapters.twilio.rest import TwilioRest

__all__ = [
    "Alert",
    "Change",
    "NumberSettings",
    "OutcomeUnknown",
    "SmsDelivery",
    "TwilioAccount",
    "TwilioRest",
    "Wanted",
    "changes",
]
