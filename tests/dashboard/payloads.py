"""What an attacker types: SQL, HTML and control characters, made from parts so that they are many.

Knows no page. Every HTML payload that a browser ran would call `alert`, ask for something at
evil.example, or put an element of its own into the page.
"""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Final

_ENDS: Final = ("'", '"', "')", '")', "'))", "", "%' ", "1", "\\'", "`")
_SQL: Final = (
    " OR 1=1",
    " OR '1'='1",
    " UNION SELECT * FROM journal",
    " UNION SELECT name, sql FROM sqlite_schema",
    "; DROP TABLE events",
    "; DELETE FROM persons",
    "; UPDATE events SET person_name = 'x'",
    "; INSERT INTO events (id) VALUES (9)",
    "; ATTACH DATABASE '/tmp/x' AS x",
    "; PRAGMA writable_schema = 1",
    " AND (SELECT count(*) FROM sqlite_schema) > 0",
    " AND randomblob(1000000)",
    " ORDER BY 99",
    " LIMIT -1",
    " LIKE '%",
    " || load_extension('x')",
    " COLLATE x",
    " GLOB '*'",
)
_TAILS: Final = ("", " --", "/*", "\0")
_COMMON: Final = ["\0", "%", "*", "\\", "{{7*7}}", "a" * 256]
_MADE: Final = ["".join(parts) for parts in product(_ENDS, _SQL, _TAILS)]
SQL: Final = [*_COMMON, *Random(5).sample(_MADE, 500 - len(_COMMON))]

_BEFORE: Final = ("", '">', "'>", "</title>", "</script>", "--></style>")
_HTML: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<iframe src=javascript:alert(1)>",
    "<img src=//evil.example/x>",
    "<a href=javascript:alert(1) autofocus>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<style>@import'//evil.example'</style>",
    "<meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=//evil.example>",
    "<base href=//evil.example>",
    "<p data-more=//evil.example>",
)
_WITHOUT_TAGS: Final = (
    "javascript:alert(1)",
    '" onmouseover=alert(1) x="',
    "' autofocus onfocus=alert(1) x='",
    "';alert(1);//",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "<\0script>alert(1)</script>",
)
HTML: Final = [*map("".join, product(_BEFORE, _HTML)), *_WITHOUT_TAGS]
HTML_MAX: Final = 64  # characters of a name

FORMULAS: Final = ("=1+1", "+1", "-1", "@x", "\t=1", "=cmd|' /C calc'!A0", '=HYPERLINK("//x")')

_CONTROL: Final = ("\n", "\r\n", "\r", "\x1b[31m", "\x1b]0;x\x07", "\x08", "\x7f", "\x9b31m")
_AROUND: Final = (("a", "b"), ("", "x"), ("x", ""), ("eventlog: ", " ERROR"), ("🙂", "é"))
CONTROLS: Final = [
    f"{before}{control}{after}"
    for control in (*_CONTROL, "\u2028", "\u202e")
    for before, after in _AROUND
]
