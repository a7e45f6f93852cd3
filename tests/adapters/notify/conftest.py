"""A small mail server that says what its script says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest


class MailSink:
    """SMTP enough for the standard library's client. `replies` maps a command to what is answered instead of yes."""

    def __init__(self) -> None:
        self.replies: dict[str, str] = {}
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self.port = 0
        self.hang = asyncio.Event()
        self.hang.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation."""
        try:
            writer.write(b"220 sink\r\n")
            while line := (await reader.readline()).decode().rstrip("\r\n"):
                await self.hang.wait()
                self.commands.append(line)
                word = line.split(" ")[0].split(":")[0].upper()
                answer = self.replies.get(word) or self._yes(word)
                writer.write(answer.encode() + b"\r\n")
                if word == "DATA" and answer.startswith("354"):
                    body = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
                    writer.write(self.replies.get("BODY", "250 taken").encode() + b"\r\n")
                    if "BODY" not in self.replies:
                        self.messages.append(body)
                if word == "QUIT":
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @staticmethod
    def _yes(word: str) -> str:
        return {
            "EHLO": "250-sink\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "DATA": "354 go on",
            "AUTH": "235 in",
            "QUIT": "221 bye",
        }.get(word, "250 ok")


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    """A mail server on a free port."""
    found = MailSink()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    found.hang.set()
    server.close()
    await server.wait_closed()
