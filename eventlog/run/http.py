"""HTTP requests in a worker thread, with limits of time and size.

Nothing is redirected: an answer that points elsewhere would carry a token there.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO, Final

from eventlog.reactors.alerts.channels import Answer
from eventlog.reactors.alerts.daemon_thread import in_daemon_thread

TIMEOUT_S: Final = 20.0
BODY_MAX: Final = 64 * 1024 * 1024


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Answers a redirect as it came."""

    def redirect_request(  # noqa: PLR0917 - the standard library's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Refuse to follow."""
        del req, fp, code, msg, headers, newurl


_OPENER: Final = urllib.request.build_opener(
    _NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context())
)


async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """POST. Raises OSError if nothing was sent, TimeoutError if no answer came in time."""
    return await _request("POST", url, headers, body)


async def get(url: str, headers: Mapping[str, str]) -> Answer:
    """GET. Raises OSError, TimeoutError."""
    return await _request("GET", url, headers, None)


async def _request(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    if not url.startswith(("http://", "https://")):
        raise OSError(f"{url.partition(':')[0]} is not an address that can be requested")
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310 - http and https only, see above

    def ask() -> Answer:
        try:
            with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
                return Answer(answer.status, answer.read(BODY_MAX))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(BODY_MAX))
        except (HTTPException, ValueError) as error:
            raise TimeoutError("the answer is not HTTP") from error

    return await in_daemon_thread(ask)
