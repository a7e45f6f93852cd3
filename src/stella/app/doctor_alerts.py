"""Twilio's alerts about calls and streams, each in a sentence with the mend.

Source: https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

from stella.phone.verify_findings import Known, Result


def _alert(code: int, means: str, cause: str, mend: str, result: Result = "warn") -> Known:
    return Known(f"alert-{code}", result, means, cause, mend)


_VERIFY = "Run `stella verify` with the public address: it finds the place and names the mend."
_LOG = "Compare the alert's time with the server's log and the proxy's."

ALERTS: dict[str, Known] = {
    known.code: known
    for known in (
        _alert(11100, "A URL in the number's settings or in TwiML is malformed.",
               "A typing error, or STELLA_PUBLIC_URL is no whole address.", "Correct it; `stella numbers connect` writes it."),
        _alert(11200, "Twilio got no usable answer from a webhook: an error status, or none in time.",
               "The server was down, overloaded, restarted, or a proxy answered with an error.", _VERIFY),
        _alert(11205, "Twilio could not connect to the webhook.",
               "The server or proxy was down, or a firewall dropped the connection.", _VERIFY),
        _alert(11206, "The webhook's answer broke the HTTP protocol.",
               "A proxy or another program answered on the port.", _VERIFY),
        _alert(11210, "The webhook's host name was not found.",
               "DNS has no such name, or a tunnel's name is gone.",
               "Correct the number's settings: `stella numbers connect`."),
        _alert(11215, "The webhook was redirected more than ten times.",
               "Proxy and server redirect to each other.", "Put the final https address into the number's settings."),
        _alert(11220, "TLS with the webhook failed.",
               "An old TLS version, no certificate for the name, or plain http on the port.", _VERIFY),
        _alert(11235, "The certificate is for another host name.",
               "The proxy shows another site's certificate.", "Get a certificate for exactly this name."),
        _alert(11236, "The certificate has expired or is not valid yet.",
               "The renewal did not run, or the proxy was not reloaded.", "Renew it and reload the proxy."),
        _alert(11237, "The certificate's chain is not trusted.",
               "Self-signed, a private authority, or the intermediate certificate is not sent.",
               "Serve the full chain of a public authority."),
        _alert(12100, "An answer could not be read as TwiML.",
               "Another program's page, text before <?xml, or something injected by a proxy.", _VERIFY),
        _alert(12200, "TwiML had an element or attribute that Twilio does not know.",
               "TwiML by hand (a TwiML Bin), or an older STELLA.", "Correct the Bin, or upgrade STELLA."),
        _alert(12300, "An answer had a content type that is no TwiML.",
               "Another program answered: JSON, a download, an error of a proxy.", _VERIFY),
        _alert(13224, "A transfer's number could not be dialled.",
               "The number is wrong, or the account may not call that country.",
               "Check the people in the agent file and the account's geographic permissions."),
        _alert(13225, "A transfer's number is not allowed.",
               "It is on Twilio's list of numbers that are not called.", "Use another number in the agent file."),
        _alert(13227, "A transfer to this country is not allowed.",
               "The account's geographic permissions exclude it.",
               "Allow the country in the Twilio console (Voice, Geographic permissions)."),
        _alert(13520, "<Say> had invalid text.", "A text of TwiML is too long or has characters Twilio cannot say.",
               "Shorten the disclosure in the agent file."),
        _alert(20003, "Twilio refused a key.", "A token or API key was wrong, rotated or deleted.",
               "Set the present ones: TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET."),
        _alert(31901, "A stream's connection request had no answer.",
               "A firewall drops it, or the stream's address is not public.", _VERIFY),
        _alert(31902, "A stream's connection was refused.",
               "The server was down or restarting, or nothing listens on that port.", _VERIFY),
        _alert(31903, "A stream broke off in the middle.",
               "The server was restarted without a drain, or a proxy cuts connections after a time.",
               "Raise the proxy's read timeout for the stream to an hour; stop the server by SIGTERM so that it drains."),
        _alert(31910, "TLS of a stream failed.",
               "The stream's port does not speak TLS, or its certificate is bad; Twilio asks for port 443.", _VERIFY),
        _alert(31920, "A stream's handshake was not answered with 101.",
               "A proxy dropped Upgrade, the signature was refused, or the server took no more calls.", _VERIFY),
        _alert(31921, "The server closed a stream: also logged for every intended end (hang-up, transfer).",
               "Normal, unless callers complain about calls that end too early.",
               "Nothing; look at `ended_by` in the call's record if in doubt.", "ok"),
        _alert(31922, "A stream's address does not begin with wss://.",
               "STELLA_PUBLIC_URL begins with http://.", "Set it to the https address."),
        _alert(31923, "A stream's address is malformed.", "STELLA_PUBLIC_URL is no whole address.",
               "Set it to the https address, for example https://stella.example.com."),
        _alert(31924, "A stream broke the WebSocket protocol.",
               "Something between server and Twilio changed the frames, or a message was none of Twilio's.", _LOG),
        _alert(31930, "Twilio threw the caller's sound away because it was read too slowly.",
               "The server was overloaded, or its network too slow.",
               "Lower STELLA_CALLS_AT_ONCE or give the machine more cores; see stella_event_loop_lag_seconds."),
        _alert(31931, "More than ten minutes of the agent's sound were queued.",
               "A brain that talked without end.", "Shorten the agent's answers; report it if it is STELLA's own."),
        _alert(31941, "A stream asked for a track that is not possible.", "TwiML by hand, or another server.",
               "Let STELLA answer the number: `stella numbers connect`."),
        _alert(31950, "A stream message could not be read.", "Binary frames: something between changed them.", _LOG),
        _alert(31951, "A stream message was not of Twilio's protocol.", "An older STELLA, or another server.",
               "Upgrade STELLA; report it if it is STELLA's own."),
    )
}  # fmt: skip
"""By `alert-<code>`."""

OTHER = Known(
    "alert-other", "warn", "Twilio has logged something else about the account.",
    "Twilio's page on the code says what it is.", "Read https://www.twilio.com/docs/api/errors/ and the code.",
)  # fmt: skip
