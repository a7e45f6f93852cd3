"""The findings of `stella verify` up to the answer: the network, the certificate, the route, the locks."""

from __future__ import annotations

from stella.phone.verify_findings import Known, table

NETWORK = table(
    Known(
        "name-unknown", "fail", "Twilio cannot find the server (11210); callers hear an application error.",
        "The host name has no A or AAAA record: a typing error, or the record is missing or not yet spread.",
        "Correct the name, or add the record at your DNS provider and wait until it is known everywhere.",
    ),
    Known(
        "address-private", "fail", "Twilio calls from the public internet and never arrives.",
        "The name leads to an address that exists only inside a network of your own.",
        "Point the name at the server's public address, or open a tunnel for a trial.",
    ),
    Known(
        "address-ipv6-only", "warn", "Twilio does not promise to call over IPv6.",
        "The name has AAAA records and no A record.",
        "Add an A record with an IPv4 address.",
    ),
    Known(
        "tcp-refused", "fail", "Nobody answers the port (11205, for a stream 31902); callers hear an application error.",
        "The host is there but nothing listens on this port: the server is down, or listens elsewhere (STELLA_HOST, "
        "STELLA_SERVER_PORT), or the proxy in front does not listen.",
        "Start the server (`stella serve`), see where it listens (`stella doctor`), and let the proxy pass this port on.",
    ),
    Known(
        "tcp-timeout", "fail", "The connection is never made (11205, for a stream 31901); Twilio gives up after 5 s.",
        "A firewall or security group drops the packets, or the machine is off.",
        "Open TCP port 443 to everybody: Twilio calls from changing addresses, so there is no list to allow.",
    ),
    Known(
        "tcp-unreachable", "fail", "No way leads to the server (11205).",
        "The network cannot be reached from here: no route, or the machine is off.",
        "Check the address in DNS and that this machine and the server have a network.",
    ),
    Known(
        "plain-http", "warn", "Signatures and callers' data travel unencrypted, and Twilio opens streams over TLS only (31922).",
        "The address begins with http://.",
        "Put TLS in front (a proxy with a certificate, or a tunnel) and use https:// everywhere.",
    ),
)  # fmt: skip

CERTIFICATE = table(
    Known(
        "tls-self-signed", "fail", "Twilio refuses the certificate (11237, for a stream 31910).",
        "The certificate is signed by itself or by an authority that nobody else knows.",
        "Get a certificate of a public authority (Let's Encrypt, by Caddy or certbot); browsers' exceptions do not count.",
    ),
    Known(
        "tls-expired", "fail", "Twilio refuses the certificate (11236).",
        "The certificate has expired, or the renewed one was not loaded.",
        "Renew it, reload the proxy, and let the renewal run by itself (certbot's timer, Caddy).",
    ),
    Known(
        "tls-not-yet-valid", "fail", "Twilio refuses the certificate (11236).",
        "The certificate is not valid yet, or a clock is wrong.",
        "Compare the clocks (`stella doctor`), then the certificate's dates.",
    ),
    Known(
        "tls-wrong-host", "fail", "Twilio refuses the certificate (11235).",
        "The certificate is for another name: another site of the same proxy answers, or this name is not in it.",
        "Get a certificate for exactly this host name, and let the proxy serve it for that name.",
    ),
    Known(
        "tls-incomplete-chain", "fail", "Twilio refuses the certificate (11237), although browsers may show the page.",
        "The server sends its own certificate without the intermediate one; browsers fetch that by themselves, Twilio does not.",
        "Let the proxy serve the full chain (nginx: ssl_certificate fullchain.pem).",
    ),
    Known(
        "tls-unknown-authority", "fail", "Twilio refuses the certificate (11237).",
        "The chain ends at an authority that is not publicly trusted: a company's own, or a proxy that inspects TLS.",
        "Use a certificate of a public authority; from inside a company network, check from outside as well.",
    ),
    Known(
        "tls-plain", "fail", "Twilio cannot begin TLS (11220, for a stream 31910).",
        "What answers on this port speaks plain http: the wrong port, or TLS is not switched on.",
        "Let the proxy end TLS on this port, or use the port where it does (443).",
    ),
    Known(
        "tls-old", "fail", "No common TLS version (11220).",
        "The server offers less than TLS 1.2.",
        "Allow TLS 1.2 and 1.3 in the proxy.",
    ),
    Known(
        "tls-handshake", "fail", "TLS fails (11220, for a stream 31910).",
        "The server breaks the handshake off: no certificate for this name (SNI), no common cipher, or a client "
        "certificate is demanded.",
        "Look into the proxy's error log for this moment; serve this name; demand no client certificate of Twilio.",
    ),
    Known(
        "tls-expires-soon", "warn", "In a few days nobody will get through.",
        "The certificate was not renewed in time.",
        "Renew it now and see why the renewal does not run by itself.",
    ),
)  # fmt: skip

ROUTE = table(
    Known(
        "answer-never", "fail", "Twilio waits 15 s, then callers hear an application error (11200).",
        "The server took the connection and did not answer in time: it hangs, or waits for something that hangs.",
        "Look into the server's log at this moment; the proxy's time limits; the load of the machine.",
    ),
    Known(
        "connection-cut", "fail", "Twilio has no answer (11200, 11206).",
        "The connection was closed in the middle: the server fell over, a proxy cut it, or this is not an HTTP port.",
        "Look into the logs of server and proxy at this moment, and check that the port is the one of HTTP.",
    ),
    Known(
        "redirected", "fail", "Twilio follows a 301, 302 or 303 with GET and loses the call's fields; the webhook answers 405.",
        "The address in the number's settings is not the final one: http instead of https, another host, a slash more or less.",
        "Put the final address into the number's settings.",
    ),
    Known(
        "redirected-307", "warn", "Every request costs a second one, and the signature is for another address.",
        "The address in the number's settings is redirected, method kept.",
        "Put the final address into the number's settings.",
    ),
    Known(
        "redirect-loop", "fail", "Twilio gives up after ten redirects (11215).",
        "Proxy and server send the request to each other, mostly because each wants the other spelling (http/https, slash).",
        "Switch one of the two redirects off; a proxy that ends TLS must not be told to go to https again.",
    ),
    Known(
        "route-missing", "fail", "Twilio gets 404 (11200); callers hear an application error.",
        "The server or proxy knows no such path: another path prefix, an older deployment, or another program answers.",
        "The path ends with /api/stella/call/voice; let the proxy pass it on unchanged, and see that STELLA is deployed there.",
    ),
    Known(
        "method-refused", "fail", "Twilio's POST is refused (11200).",
        "What answers here takes no POST: a static site, a page of another program, or a proxy that allows GET only.",
        "Let the proxy pass POST for /api/stella/ on to STELLA, and keep HTTP POST in the number's settings.",
    ),
    Known(
        "login-wall", "fail", "Twilio is asked to log in and cannot.",
        "A password or login page stands before the deployment (basic auth, preview protection of a host, a company login).",
        "Except /api/stella/call/ from it: Twilio's signature is the lock there.",
    ),
    Known(
        "rate-limited", "fail", "Some calls are refused (11200).",
        "A rate limit of the proxy or host counts Twilio's few addresses as one visitor.",
        "Except /api/stella/call/ from rate limits.",
    ),
    Known(
        "gateway", "fail", "Twilio gets 502, 503 or 504 (11200).",
        "The proxy is there, the server behind it is not: it is down, starts, drains, or the proxy looks at the wrong port.",
        "Start the server, and let the proxy pass to the port on which it listens (STELLA_SERVER_PORT, 3001).",
    ),
    Known(
        "server-error", "fail", "Twilio gets a 5xx (11200); callers hear an application error.",
        "The program behind this address failed. STELLA answers a caller with words even then, so it may be another program.",
        "Look into the log of the server that answers here.",
    ),
    Known(
        "tunnel-gone", "fail", "The tunnel's address leads nowhere.",
        "The tunnel was closed or got another address when it was started again.",
        "Start the tunnel and put its present address into STELLA_PUBLIC_URL and the number's settings.",
    ),
    Known(
        "tunnel-page", "fail", "Twilio gets a page of the tunnel's, not TwiML.",
        "The tunnel shows a warning page to first-time visitors.",
        "Use another tunnel (cloudflared, a paid ngrok address) or switch the page off.",
    ),
    Known(
        "request-refused", "fail", "Twilio gets an error (11200).",
        "The request was refused before anybody looked at its signature: a firewall rule, a limit, or another program.",
        "Look into the logs of proxy and server for the reason of this status.",
    ),
)  # fmt: skip

LOCKS = table(
    Known(
        "unsigned-accepted", "fail", "Anybody can start calls at your cost and read what the agent says.",
        "The server does not check X-Twilio-Signature.",
        "Set TWILIO_AUTH_TOKEN and run `stella serve`; nothing else may answer this path.",
    ),
    Known(
        "forged-accepted", "fail", "Anybody can start calls at your cost.",
        "The server asks for a signature but does not compare it.",
        "Set TWILIO_AUTH_TOKEN and run `stella serve`; nothing else may answer this path.",
    ),
    Known(
        "signed-for-other", "fail", "Twilio signs the address in the number's settings; the server expects another and refuses.",
        "STELLA_PUBLIC_URL is not, letter by letter, the address that is called.",
        "Make STELLA_PUBLIC_URL and the number's settings the same.",
    ),
    Known(
        "signed-for-public", "warn", "Nothing, as long as Twilio calls the public address.",
        "This is the server's local address; its STELLA_PUBLIC_URL is another, and signatures are for that one.",
        "Verify the public address as well.",
    ),
    Known(
        "signature-header-lost", "fail", "Every call is refused.",
        "A proxy takes the X-Twilio-Signature header away, doubles it, or changes it.",
        "Let the proxy pass the header on as it came.",
    ),
    Known(
        "signature-refused", "fail", "If Twilio's token is this one, every call is refused.",
        "The server has another TWILIO_AUTH_TOKEN than the one used here, another STELLA_PUBLIC_URL than any usual "
        "spelling of this address, or a proxy changes the body.",
        "Compare TWILIO_AUTH_TOKEN (the primary one of the account that owns the number) and STELLA_PUBLIC_URL on the "
        "server; its log names the mistake. For other secrets use --auth-token-env.",
    ),
    Known(
        "foreign-account", "fail", "Calls of this account are refused.",
        "The server's TWILIO_ACCOUNT_SID is another account than the one used here.",
        "Pass the server's account with --account-sid; on the server, set the account that owns the number.",
    ),
    Known(
        "blocked", "fail", "Twilio gets a page of a firewall, not TwiML (11200).",
        "A web firewall or bot protection refuses requests that do not come from a browser.",
        "Except /api/stella/call/ from it: Twilio's signature is the lock there.",
    ),
)  # fmt: skip
