"""The operator API: the records of calls, live and past. It stands behind the gate, which `Site` keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException as AnyHTTPException

from stella import __version__
from stella.domain.call import CallRecord
from stella.ports.failure import ProviderError
from stella.ports.store import CallStore
from stella.web.answers import Receive, Scope, Send, problem
from stella.web.inside import EventSource

CallSid = Annotated[str, Path(pattern=r"^[A-Za-z0-9]{2,64}$", description="`CA` and 32 hex digits.")]
_HEARTBEAT_S, _POLL_S = 15.0, 0.5
_SAFE = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), (b"cache-control", b"no-store"),
         (b"x-frame-options", b"DENY"))  # fmt: skip


def operator_api(
    store: CallStore, events: EventSource | None, most_readers: int, ending: Callable[[], bool],
    refused: Callable[[], list[dict[str, Any]]] = list,
) -> FastAPI:  # fmt: skip
    """The application. `ending` tells event readers that the process is going; at most `most_readers` read at once;
    `refused` is what the doors turned away lately."""
    app = FastAPI(title="STELLA operator API", version=__version__, docs_url="/docs", redoc_url=None)
    app.add_exception_handler(AnyHTTPException, _as_problem)
    app.add_exception_handler(RequestValidationError, _as_bad_request)
    app.add_exception_handler(ProviderError, _as_unavailable)
    readers: set[object] = set()

    @app.get("/api/stella/v1/calls", summary="The newest calls first, without their turns")
    async def calls(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[str, Query(max_length=40, description="`created_at` of the last one seen")] = "",
    ) -> Response:
        records = await store.list(limit, before)
        return _json({"calls": [_without_turns(record) for record in records]})

    @app.get("/api/stella/v1/calls/{call_sid}", summary="One call, with everything")
    async def call(call_sid: CallSid) -> Response:
        return _json((await _found(store, call_sid)).public())

    @app.get("/api/stella/v1/calls/{call_sid}/recording.wav", summary="The call's sound, where it was kept")
    async def recording(call_sid: CallSid) -> Response:
        await _found(store, call_sid)
        raise HTTPException(404, "no sound of this call was kept; the agent's preset decides what is")

    @app.get("/api/stella/v1/calls/{call_sid}/events", summary="The call's record after every change, as SSE")
    async def follow(call_sid: CallSid) -> Response:
        await _found(store, call_sid)
        if len(readers) >= most_readers:
            raise HTTPException(429, f"{most_readers} readers follow calls already")
        source = events(call_sid) if events is not None else _poll(store, call_sid)
        return StreamingResponse(_sse(source, readers, ending), media_type="text/event-stream")

    @app.get("/api/stella/v1/refusals", summary="What the doors turned away lately, and how to mend it")
    async def refusals() -> Response:
        return _json({"refusals": refused()})

    return app


def with_safe_headers(app: FastAPI) -> Callable[[Scope, Receive, Send], Any]:
    """The application with the headers every answer of ours has."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def guarding(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_SAFE]
            await send(message)

        await app(scope, receive, guarding)

    return guarded


async def _found(store: CallStore, call_sid: str) -> CallRecord:
    record = await store.get(call_sid)
    if record is None:
        raise HTTPException(404, "no such call")
    return record


async def _poll(store: CallStore, call_sid: str) -> AsyncIterator[dict[str, Any]]:
    """The record whenever the store has it changed, until the call is over."""
    last = b""
    while (record := await store.get(call_sid)) is not None:
        shown = record.public()
        if (now := msgspec.json.encode(shown)) != last:
            last = now
            yield shown
        if record.status.terminal:
            return
        await asyncio.sleep(_POLL_S)


async def _sse(
    source: AsyncIterator[dict[str, Any]], readers: set[object], ending: Callable[[], bool]
) -> AsyncIterator[bytes]:
    mine = object()
    readers.add(mine)
    pending: asyncio.Future[dict[str, Any]] | None = None
    quiet = 0.0
    try:
        while not ending():
            # Awaited in slices, so that the end of the process and the heartbeat have their say.
            pending = pending or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait((pending,), timeout=1.0)
            if not done:
                quiet += 1.0
                if quiet >= _HEARTBEAT_S:
                    quiet = 0.0
                    yield b": still here\n\n"
                continue
            try:
                record = pending.result()
            except StopAsyncIteration:
                break
            pending, quiet = None, 0.0
            yield b"event: record\ndata: " + msgspec.json.encode(record) + b"\n\n"
        yield b"event: end\ndata: {}\n\n"
    finally:
        readers.discard(mine)
        if pending is not None:
            pending.cancel()


def _without_turns(record: CallRecord) -> dict[str, Any]:
    shown = record.public()
    del shown["turns"]
    return shown


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _problem(status: int, title: str, detail: str) -> Response:
    return Response(msgspec.json.encode(problem(status, title, detail)), status, media_type="application/problem+json")


async def _as_problem(_request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    return _problem(
        status,
        {404: "Not found", 405: "Method not allowed", 429: "Too many"}.get(status, "Error"),
        str(getattr(error, "detail", "")),
    )


async def _as_bad_request(_request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    detail = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults)
    return _problem(400, "Bad request", detail)


async def _as_unavailable(_request: Request, _error: Exception) -> Response:
    return _problem(503, "Database unavailable", "the records cannot be read now; try again")
