"""The composition root: the one place where the deployment's config meets eventlog.

Knows no command: `eventlog/cli/` does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path


def main() -> None:
    """Run the command line, and leave with its exit code."""
    from eventlog.cli.demo import demo

    if sys.argv[1:] != ["demo"]:
        sys.exit("usage: eventlog demo")
    sys.exit(asyncio.run(demo(Path("run/demo"))))


if __name__ == "__main__":
    main()
