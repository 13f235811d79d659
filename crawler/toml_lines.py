"""On which line of a TOML file a key stands, which :mod:`tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

#: Names of tables and keys from the outermost on; an item of a list by its number.
Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'''"""(?:[^\\]|\\.)*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})'''
    r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#[^\n]*|[\[\]{}=,.\n]|[^\s\[\]{}=,."'#]+""",
    re.DOTALL,
)


def lines(text: str) -> dict[Path, int]:
    """The line, from 1, of each table, key and item of a list; of a table its first mention.

    ``text`` must be valid TOML: this looks for keys and tells no errors. Items of
    ``[[table]]`` are not told apart.

    >>> lines('[a]\\nb.c = [\\n  1,\\n]')
    {('a',): 1, ('a', 'b'): 2, ('a', 'b', 'c'): 2, ('a', 'b', 'c', 0): 3}
    """
    return _Scan(text).statements()


class _Scan:
    """Walks the tokens of a text once, with the one at hand in ``here``, "" at the end."""

    def __init__(self, text: str) -> None:
        self._tokens = self._split(text)
        self._found: dict[Path, int] = {}
        self.here = ""
        self.line = 1
        self._next()

    @staticmethod
    def _split(text: str) -> Iterator[tuple[str, int]]:
        line, seen = 1, 0
        for match in _TOKEN.finditer(text):
            line += text.count("\n", seen, match.start())
            seen = match.start()
            if not match[0].startswith("#"):
                yield match[0], line

    def _next(self) -> str:
        """The token at hand; goes on to the one behind it."""
        token = self.here
        self.here, self.line = next(self._tokens, ("", self.line))
        return token

    def statements(self) -> dict[Path, int]:
        table: Path = ()
        while self.here:
            if self.here == "\n":
                self._next()
            elif self.here == "[":
                while self.here == "[":
                    self._next()
                table = self._key(())
                while self.here == "]":
                    self._next()
            else:
                self._pair(table)
        return self._found

    def _pair(self, table: Path) -> None:
        path = self._key(table)
        self._next()  # =
        self._value(path)

    def _key(self, path: Path) -> Path:
        """A key of parts apart by dots, below ``path``; each part is noted."""
        while True:
            line, part = self.line, self._next()
            path = (*path, str(tomllib.loads(f"k={part}")["k"]) if part[:1] in "\"'" else part)
            self._found.setdefault(path, line)
            if self.here != ".":
                return path
            self._next()

    def _value(self, path: Path) -> None:
        if self.here == "{":
            self._items("}", path)
        elif self.here == "[":
            self._items("]", path)
        else:
            # No value but these two has such a token outside of quotes.
            while self.here not in ("", "\n", ",", "]", "}"):
                self._next()

    def _items(self, end: str, path: Path) -> None:
        """What stands in a list or an inline table."""
        self._next()
        number = 0
        while self.here not in ("", end):
            if self.here in ("\n", ","):
                self._next()
            elif end == "}":
                self._pair(path)
            else:
                self._found.setdefault((*path, number), self.line)
                self._value((*path, number))
                number += 1
        self._next()
