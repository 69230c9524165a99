"""What the values of a request may be: each check gives the value, or raises :class:`BadRequest`.

:mod:`dreamd.osc.requests` has one of them for each key.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

from dreamd.errors import BadRequest
from dreamd.settings import HIGHEST_RATE, LOWEST_RATE

LARGEST_INTEGER = 2.0**63
"""OSC's integers are smaller, and so must be what replies and random generators are given."""

LONGEST_TEXT = 4096
"""Letters in a name or a path; the system's paths are no longer."""


def check_number(key: str, value: object) -> float:
    """``value`` as a finite float; OSC clients send ints, floats or digits."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise BadRequest(f"{key} must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise BadRequest(f"{key} must be a finite number, got {value!r}")
    return number


def check_integer(key: str, value: object) -> int:
    number = check_number(key, value)
    if number != int(number) or abs(number) >= LARGEST_INTEGER:
        raise BadRequest(f"{key} must be a whole number, got {value!r}")
    return int(number)


def check_text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"{key} must be a name, got {value!r}")
    if len(value) > LONGEST_TEXT:
        raise BadRequest(f"{key} is {len(value)} letters long, of at most {LONGEST_TEXT}")
    return value.strip()


def check_one_of(words: Sequence[str]) -> Callable[[str, object], str]:
    def check(key: str, value: object) -> str:
        if value not in words:
            raise BadRequest(f"{key} must be one of {', '.join(words)}; got {value!r}")
        return str(value)

    return check


def check_between(low: float, high: float) -> Callable[[str, object], float]:
    def check(key: str, value: object) -> float:
        number = check_number(key, value)
        if not low <= number <= high:
            raise BadRequest(f"{key} must be from {low:g} to {high:g}, got {number:g}")
        return number

    return check


def check_positive_integer(key: str, value: object) -> int:
    number = check_integer(key, value)
    if number < 1:
        raise BadRequest(f"{key} must be 1 or more, got {number}")
    return number


def check_hertz(key: str, value: object) -> int:
    """A sample rate in whole Hz; an audio server may tell 44099.7."""
    return round(check_between(LOWEST_RATE, HIGHEST_RATE)(key, value))


def check_more_than_0(key: str, value: object) -> float:
    number = check_number(key, value)
    if number <= 0:
        raise BadRequest(f"{key} must be more than 0 seconds, got {number:g}")
    return number


def check_secs(key: str, value: object) -> float:
    """A length; infinite where it is ``inf``, the number or the word, or 0.

    >>> check_secs("secs", "2.5"), check_secs("secs", "inf"), check_secs("secs", 0)
    (2.5, inf, inf)
    """
    if str(value).strip().lower() == "inf":
        return math.inf
    return check_more_than_0(key, value) if check_number(key, value) else math.inf


def check_notes(key: str, value: object) -> tuple[float, ...]:
    """MIDI note numbers: ``60``, ``[60, 64]``, ``"60 64 67"``, ``"60:64:67"``."""
    if isinstance(value, str):  # with colons in mini-notation, where spaces part events
        items: Sequence[object] = value.replace(",", " ").replace(":", " ").split()
    elif isinstance(value, list | tuple):
        items = value
    else:
        items = [value]
    notes = tuple(check_between(0, 127)(key, item) for item in items)
    if not 1 <= len(notes) <= 64:
        raise BadRequest(f"{key} must hold 1 to 64 MIDI note numbers, got {value!r}")
    return notes


WORDS_ALIKE = 0.6
"""How many of their letters two words share, for one to be told for the other."""


def likest_word(word: str, known: Iterable[str], like: float = WORDS_ALIKE) -> str | None:
    """The one of the ``known`` words that was meant, if it is alike; ``like``: from 0 to 1.

    >>> likest_word("temprature", ["secs", "temperature"]), likest_word("xyzzy", ["secs"])
    ('temperature', None)
    """
    found = get_close_matches(word, list(known), 1, like)
    return found[0] if found else None
