"""The findings of `stella verify` from the answer on: TwiML, times, the stream, the first sound, the callback."""

from __future__ import annotations

from stella.phone.verify_findings import Known, table

ANSWER = table(
    Known(
        "content-type-missing", "fail", "Twilio does not know what the answer is (shown as 502).",
        "The answer has no Content-Type.",
        "Answer TwiML as text/xml; a proxy must not take the header away.",
    ),
    Known(
        "content-type-wrong", "fail", "Twilio does not take the answer (12300).",
        "The answer is not TwiML: another program answers, or an API's JSON.",
        "Let this path lead to STELLA, which answers text/xml.",
    ),
    Known(
        "content-type-plain", "fail", "Twilio reads a text/plain answer aloud to the caller and hangs up.",
        "An error text or another program's words.",
        "Let this path lead to STELLA, which answers text/xml.",
    ),
    Known(
        "encoding-unreadable", "fail", "Twilio cannot unpack the answer.",
        "The answer is packed in a way Twilio does not ask for (it accepts gzip only), or is broken.",
        "Switch compression off for /api/stella/call/, or leave gzip only.",
    ),
    Known(
        "html-page", "fail", "Twilio cannot read it as TwiML (12100).",
        "A web page answers: a single-page app's catch-all, an error or login page, a parked domain.",
        "Let /api/stella/ lead to STELLA and not to the website.",
    ),
    Known(
        "twiml-none", "fail", "The call ends at once, without a word.",
        "The answer has no body (a 204, for example).",
        "Let this path lead to STELLA; a 204 is right for the status callback only.",
    ),
    Known(
        "twiml-blank-first", "fail", "Twilio refuses XML with anything before <?xml (12100).",
        "A blank, a line or a byte order mark stands before <?xml, mostly from a template or a proxy that injects text.",
        "Remove whatever is written before the XML.",
    ),
    Known(
        "twiml-malformed", "fail", "Twilio cannot read it (12100).",
        "The answer is no well-formed XML: cut off, an & that is not escaped, text injected by a proxy.",
        "Let the proxy pass the answer on unchanged, and see the server's log.",
    ),
    Known(
        "twiml-root", "fail", "Twilio refuses it (12100).",
        "The XML is not TwiML: its root is not <Response>.",
        "Let this path lead to STELLA.",
    ),
    Known(
        "twiml-empty", "fail", "The call ends at once, without a word.",
        "The answer is an empty <Response>.",
        "Let this path lead to STELLA.",
    ),
    Known(
        "call-rejected", "fail", "Callers hear the busy tone.",
        "The server refuses the call: the number is none of its agent's (TWILIO_NUMBER, `numbers` in the agent file), or "
        "calls are switched off (STELLA_CALL).",
        "Verify with the server's own number (--to), and set TWILIO_NUMBER.",
    ),
    Known(
        "no-stream", "fail", "Callers hear a sentence and are hung up on; nobody talks with them.",
        "The TwiML has neither <Stream> nor <ConversationRelay> under <Connect>: the number is none of the server's (\"not "
        'set up yet"), or the server '
        "apologises (overload, drain, an engine that is missing), or this is not STELLA.",
        "Read the words above. Verify with the server's own number (--to); look into its log and `stella doctor` there.",
    ),
    Known(
        "relay-parameter", "fail", "Twilio ends the session before it begins (64101); callers go to the gather path.",
        "An attribute of <ConversationRelay> has a value that Twilio does not take.",
        "Look at `say_voice` and `endpointing_usual` in the agent file; if they are as documented, it is a fault of ours.",
    ),
    Known(
        "gather-only", "warn", "The call works by turns of <Gather>, slower than over a stream; interruptions are not heard.",
        "The agent is set to the gather path, or no configured speech recognition understands its language.",
        'Nothing, if that is intended; else set voice_path = "stream" and an STT engine for the language.',
    ),
    Known(
        "answer-too-late", "fail", "Twilio gives up; callers hear an application error (11200).",
        "The server needs longer than Twilio waits.",
        "Look at the machine's load and the server's log; on a host that sleeps, keep one instance awake.",
    ),
    Known(
        "answer-slow", "fail", "Callers hear ringing for seconds, and a retry no longer fits into Twilio's 15 s.",
        "The server needs longer than 10 s.",
        "Look at the machine's load and the server's log; on a host that sleeps, keep one instance awake.",
    ),
    Known(
        "answer-sluggish", "warn", "Callers hear ringing for seconds.",
        "The slowest of the tries took longer than 3 s: a cold start, a loaded machine, a long way.",
        "On a host that sleeps, keep one instance awake; put the server nearer to Twilio's edge.",
    ),
)  # fmt: skip

STREAM = table(
    Known(
        "stream-scheme", "fail", "Twilio opens streams over wss only (31922).",
        "The stream's address does not begin with wss:// because STELLA_PUBLIC_URL does not begin with https://.",
        "Set STELLA_PUBLIC_URL to the https address.",
    ),
    Known(
        "stream-malformed", "fail", "Twilio cannot read the stream's address (31923).",
        "The stream's address has no host.",
        "Set STELLA_PUBLIC_URL to the whole https address.",
    ),
    Known(
        "stream-internal-host", "fail", "Twilio cannot reach the stream (31901); callers hear silence, then the call ends.",
        "The stream's address names a host that only your own network knows: the server built it from the Host that a "
        "proxy rewrote, or STELLA_PUBLIC_URL is an internal address.",
        "Set STELLA_PUBLIC_URL to the public address; let the proxy pass Host on.",
    ),
    Known(
        "stream-query", "warn", "Twilio drops the query of a stream's address: whatever it says never arrives.",
        "The stream's address has a ? in it.",
        "Hand values over by <Parameter>.",
    ),
    Known(
        "stream-no-token", "warn", "The socket is not bound to the call.",
        'The <Stream> has no <Parameter name="token">: an older STELLA, or another server.',
        "Upgrade STELLA.",
    ),
    Known(
        "stream-port", "warn", "Twilio's page on error 31910 asks for port 443; other ports are not promised.",
        "The stream's address has a port of its own.",
        "Serve webhook and stream on 443.",
    ),
    Known(
        "stream-unsigned-accepted", "fail", "Anybody can talk with your agent at your cost.",
        "The WebSocket is opened without Twilio's signature.",
        "Set TWILIO_AUTH_TOKEN and run `stella serve`; nothing else may answer this path.",
    ),
    Known(
        "upgrade-lost", "fail", "Every stream fails (31920): callers hear silence, then the fallback.",
        "A proxy does not pass the WebSocket upgrade on: it drops Upgrade and Connection, or speaks HTTP/1.0 to the server.",
        'nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade". '
        'Serverless hosts have no WebSocket: use voice_path = "gather" there.',
    ),
    Known(
        "upgrade-gateway", "fail", "Every stream fails (31920).",
        "The proxy is there, but for this path the server behind it is not (502, 503, 504), or it takes no more sockets.",
        "Let /api/stella/call/stream lead to the same port as the webhook; see the server's log.",
    ),
    Known(
        "upgrade-missing", "fail", "Every stream fails (31920).",
        "Nothing answers the stream's path (404): the proxy passes only the webhook on.",
        "Let the whole of /api/stella/ lead to STELLA.",
    ),
    Known(
        "upgrade-refused", "fail", "Every stream fails (31920): the signature of the handshake is refused.",
        "A proxy takes X-Twilio-Signature away or rewrites the path for WebSockets only.",
        "Treat the WebSocket path as the webhook's: header and path as they came.",
    ),
    Known(
        "upgrade-signed-other", "fail", "Every stream fails (31920), unless Twilio signs it as the server expects.",
        "The server compares the handshake with another spelling of the address than the TwiML's.",
        "Make STELLA_PUBLIC_URL the public address; let the proxy keep the path.",
    ),
    Known(
        "upgrade-failed", "fail", "Every stream fails (31920).",
        "The handshake was answered with something other than 101.",
        "Look into the logs of proxy and server for this status.",
    ),
    Known(
        "upgrade-broken", "fail", "Every stream fails (31920, 31924).",
        "The answer is 101, but not of a correct handshake: something in between answers for the server.",
        "Let the proxy pass the WebSocket handshake on and not answer it itself.",
    ),
    Known(
        "stream-closed-at-start", "fail", "Callers hear a moment of silence, then the fallback or the end.",
        "The server took the socket and closed it at `start`: the token or call was not accepted, or the session failed.",
        "The server's log says why. Several nodes behind one address must share their state.",
    ),
    Known(
        "stream-cut", "fail", "The call falls silent (31903).",
        "The socket broke without a close: the server fell over, or a proxy cuts idle or upgraded connections.",
        "Look into the server's log; raise the proxy's read timeout for the stream to an hour.",
    ),
    Known(
        "stream-silent", "fail", "Callers hear nothing.",
        "The stream is open and no sound comes: the voice engine does not speak, or the greeting is empty.",
        "Look into the server's log; `stella doctor` there tries voices and models.",
    ),
    Known(
        "first-audio-late", "fail", 'Callers say "hello?" before the agent does.',
        "The first sound came later than 2 s after `start`: the voice is rendered anew each time, or the machine is loaded.",
        "See the load of the machine; the fixed phrases are prepared at the start of `stella serve`.",
    ),
    Known(
        "stream-messages", "warn", "Twilio ignores what it cannot read (31924, 31950, 31951).",
        "The server sends messages that Twilio's protocol does not have.",
        "Upgrade STELLA; if it is STELLA, report it.",
    ),
    Known(
        "carried-on-failed", "fail", "What follows in the call fails.",
        "A later request of the same call was answered wrongly.",
        "The server's log has this moment; every path below /api/stella/call/ must lead to the same server.",
    ),
    Known(
        "status-refused", "fail", "The end of calls is not told: records close late, costs and durations are missing.",
        "The status callback's path is not passed on, or its signature is refused.",
        "Let /api/stella/call/status lead to STELLA as the voice webhook does.",
    ),
    Known(
        "status-answer", "warn", "Twilio logs a warning for every call.",
        "The status callback is answered with something other than 204 or an empty <Response>.",
        "Let /api/stella/call/status lead to STELLA.",
    ),
    Known(
        "no-token", "warn", "Only the refusals were checked; whether a call works is not known.",
        "There is no auth token here, and the server rightly refuses what is not signed.",
        "Set TWILIO_AUTH_TOKEN, or name another variable with --auth-token-env.",
    ),
    Known(
        "out-of-time", "fail", "The check did not get to its end.",
        "The server answers so slowly that the check ran out of time.",
        "See the lines above; allow more with --timeout.",
    ),
)  # fmt: skip
