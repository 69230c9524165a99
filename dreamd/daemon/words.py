"""What clients and the performer are told of an error: a code and one short line."""

import logging

from dreamd.errors import DreamError

LONGEST_WORDS = 400
"""Letters of what is told of an error."""


def in_words(error: Exception) -> tuple[str, str]:
    """Code and line of an error; one that is dreamd's own is for the log."""
    if not isinstance(error, DreamError):
        logging.error("a request failed", exc_info=error)
        error = DreamError(f"an error inside dreamd ({error}); see its log")
    return error.code, in_one_line(str(error))


def in_one_line(text: str) -> str:
    """Whatever a client sent may be quoted in it.

    >>> in_one_line("no such" + chr(10) + "voice: " + 9999 * "x")[-9:]
    'xxxxxxx …'
    """
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_WORDS else f"{line[:LONGEST_WORDS]} …"
