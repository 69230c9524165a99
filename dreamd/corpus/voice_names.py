"""What a folder's voice is called: as far as Tidal's mini-notation can say it, like the folder.

The watcher asks :func:`voice_names` for the names of all folders at once: two of them never become
one voice. A seed's words are looked up with :func:`voice_called`. A voice that somebody else of a
cluster shares has its owner's name before its own, ``ada/guitar``.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping

DEFAULT = "default"
"""The voice of the recordings that lie in no folder of their own."""

PUNCTUATION = "._-"


def voice_name(folder: str) -> str:
    """A voice's name from its folder's: a letter or digit, then letters, digits, ``. - _``.

    Letters of any alphabet, composed as Unicode's NFC has it; marks that belong to no letter there
    are left out, everything else becomes a hyphen.

    >>> voice_name("guitar"), voice_name("my guitar (new)"), voice_name("ギター"), voice_name("…")
    ('guitar', 'my-guitar-new', 'ギター', 'voice')
    """
    plain = "".join(map(_sayable, unicodedata.normalize("NFC", folder)))
    words = "-".join(filter(None, plain.split(" ")))
    return words.strip(PUNCTUATION) or "voice"


def performer_name(words: str) -> str:
    """A performer's, for others: a voice's name without dots, which part it from its voices'.

    >>> performer_name("ada.local"), performer_name("Ada's laptop")
    ('ada-local', 'Ada-s-laptop')
    """
    return voice_name(words).replace(".", "-")


def is_shared(voice: str) -> bool:
    """Whether it is somebody else's.

    >>> is_shared("ada/guitar"), is_shared("guitar")
    (True, False)
    """
    return "/" in voice


def _sayable(letter: str) -> str:
    if letter.isalpha() or letter in "0123456789" or letter in PUNCTUATION:
        return letter
    return "" if unicodedata.category(letter).startswith("M") else " "


def voice_called(name: str, voices: Collection[str]) -> str:
    """The voice that a client means; the name as it came where there is none.

    Letters may come in parts, as macOS writes them, and Tidal's OSC library sends nothing but the
    lowest byte of each. In its mini-notation a slash makes a pattern slow, so that a shared voice
    may be called with a dot.

    >>> voice_called("u\\u0308", {"ü"}), voice_called("\\udcae\\udcbf\\udcfc", {"ギター"})
    ('ü', 'ギター')
    >>> voice_called("ada.guitar", {"ada/guitar"}), voice_called("a.b", {"a/b", "a.b"})
    ('ada/guitar', 'a.b')
    """
    plain = unicodedata.normalize("NFC", name)
    spelt = (plain, plain.replace(".", "/", 1))
    if found := next((each for each in spelt if each in voices), None):
        return found
    sent = {each.encode("utf-8", "surrogateescape") for each in (name, name.replace(".", "/", 1))}
    return next((each for each in voices if _lowest_bytes(each) in sent), name)


def _lowest_bytes(name: str) -> bytes:
    return bytes(ord(letter) & 0xFF for letter in name)


def voice_names(folders: Iterable[str], taken: Iterable[str] = ()) -> Mapping[str, str]:
    """The voice of each folder. Where two names would be the same, the folder that is called just
    so keeps it, the others get numbers.

    >>> voice_names(["voice", "-voice", "voice!"])
    {'voice': 'voice', '-voice': 'voice-2', 'voice!': 'voice-3'}
    """
    used, names = set(taken), {}
    for folder in sorted(folders, key=lambda each: (voice_name(each) != each, each)):
        plain, number = voice_name(folder), 1
        name = plain
        while name in used:
            number += 1
            name = f"{plain}-{number}"
        used.add(name)
        names[folder] = name
    return names
