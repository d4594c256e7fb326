"""Turns an error into a response: a status, a name and a sentence, never a path or SQL.

The API gets JSON, a page gets a page. Errors of the disk are reported by their kind only, because
their own sentences name files.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException

from eventlog.dashboard.api import conversion, responses
from eventlog.dashboard.api.endpoints import FactAt
from eventlog.dashboard.api.token_rules import HiddenConflict, NotAllowed
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.server.limits import TooMany
from eventlog.errors import (
    BadFact,
    BadPayload,
    CallerError,
    DatabaseError,
    DiskFull,
    EventLogError,
    KeyConflict,
    LockTimeout,
    ReadOnly,
    UnknownEvent,
)
from eventlog.storage.error_site import whereabouts

log: Final = logging.getLogger("eventlog")

_SENTENCES: Final[dict[int, tuple[str, str]]] = {
    400: ("BadRequest", "The request is not what it should be."),
    404: ("NotFound", "There is nothing here."),
    405: ("MethodNotAllowed", "This method is not used here."),
    413: ("TooLarge", "The request is too large."),
}
_OURS: Final = ("InternalError", "Something went wrong here; the log of the dashboard says what.")
_HEADINGS: Final = {404: "There is nothing here", 500: "Something went wrong"}
_OURS_FROM: Final = 500
_DISK: Final[tuple[tuple[type[DatabaseError], int, str], ...]] = (
    (DiskFull, 507, "No room is left on the disk; nothing was written."),
    (ReadOnly, 503, "The log can be read, not written, at the moment."),
    (LockTimeout, 503, "The log is busy; try again."),
    (DatabaseError, 503, "The disk did not do what it was asked."),
)


def of_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """The framework's own errors, in our words."""
    word, sentence = _SENTENCES.get(error.status_code, _SENTENCES[400])
    if error.status_code >= _OURS_FROM:
        return of_any_error(request, error)
    answer = _answer(request, error.status_code, responses.Failure(error=word, message=sentence))
    if error.headers and "Allow" in error.headers:
        answer.headers["allow"] = error.headers["Allow"]
    return answer


def of_our_error(request: Request[Any, Any, Any], error: EventLogError) -> Response[Any]:
    """Errors that the package raises on purpose."""
    if isinstance(error, DatabaseError):
        log.error("%s %r: %s", request.method, request.url.path, error)
        status, sentence = next((s, t) for kind, s, t in _DISK if isinstance(error, kind))
        return _answer(
            request, status, responses.Failure(error=type(error).__name__, message=sentence)
        )
    if isinstance(error, TooMany):
        failure = responses.Failure(error="TooMany", message=str(error))
        answer = _answer(request, 429, failure)
        answer.headers["retry-after"] = str(max(1, round(error.wait_s)))
        return answer
    if isinstance(error, HiddenConflict):
        return _answer(request, 409, responses.Failure(error="KeyConflict", message=str(error)))
    if isinstance(error, NotAllowed):
        failure = responses.Failure(error="Forbidden", message=str(error), fact=error.index)
        return _answer(request, 403, failure)
    if not isinstance(error, CallerError | BadPayload):
        return of_any_error(request, error)
    return _answer(request, _status(error), _failure(error))


def of_any_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Unexpected errors: kind and place go to the log, and neither to the browser."""
    log.error("%s %r failed: %s", request.method, request.url.path, whereabouts(error))
    return _answer(request, 500, responses.Failure(error=_OURS[0], message=_OURS[1]))


def _status(error: EventLogError) -> int:
    if isinstance(error, KeyConflict):
        return 409
    return 404 if isinstance(error, UnknownEvent) else 400


def _failure(error: EventLogError) -> responses.Failure:
    name = "BadFact" if isinstance(error, BadFact) else type(error).__name__
    return responses.Failure(
        error=name,
        message=str(error),
        fact=error.index if isinstance(error, FactAt) else None,
        field=error.field or None if isinstance(error, BadFact) else None,
        receipt=conversion.receipt(error.receipt) if isinstance(error, KeyConflict) else None,
    )


def _answer(
    request: Request[Any, Any, Any], status: int, failure: responses.Failure
) -> Response[Any]:
    if request.url.path.startswith("/api/") or "visitor" not in request.scope.get("state", {}):
        return Response(failure, status_code=status, media_type="application/json")
    heading = _HEADINGS.get(status, "That can't be done" if status < _OURS_FROM else "Not now")
    said = "" if status == 404 else _sentence(failure.message)  # noqa: PLR2004 - not found
    return page(request, "error.html", status=status, heading=heading, sentence=said)


def _sentence(text: str) -> str:
    """A message for programs as a page has it."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
