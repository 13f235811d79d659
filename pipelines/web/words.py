"""Every label of the pages, in English and Chinese: ``words.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

_FILE: Mapping[str, Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
)
WORDS = {name: _FILE[name] for name in ("en", "zh")}
#: Sentences of errors, which the library has in English only, and the same in Chinese.
MISTAKES = _FILE["mistakes"]
_ASKED = re.compile(r"\s*([a-zA-Z]{1,8}|\*)[^;,]*(?:;\s*q=([0-9.]{1,5}))?\s*\Z")


def _pattern(sentence: str) -> re.Pattern[str]:
    """What finds a sentence and its ``{parts}``; Python may quote texts in either way."""
    quoted = re.escape(sentence).replace("'", "['\"]")
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", quoted), re.DOTALL)


_MISTAKES = [(_pattern(sentence), text) for sentence, text in MISTAKES.items()]


def language(accepted: str) -> str:
    """``zh`` or ``en``, by an Accept-Language header; English where it wants neither.

    >>> language("zh-CN,zh;q=0.9,en;q=0.8"), language("de, zh;q=0.3, en;q=0.5"), language("")
    ('zh', 'en', 'en')
    """
    wanted = {"zh": 0.0, "en": 0.0}
    for part in accepted[:500].split(","):
        if (found := _ASKED.match(part)) and (name := found[1].lower()) in wanted:
            wanted[name] = max(wanted[name], _weight(found[2]))
    return "zh" if wanted["zh"] > wanted["en"] else "en"


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:  # such as 0.1.2
        return 0.0


class Words:
    """The labels in one language: ``words("more", number=3)``."""

    def __init__(self, language: str) -> None:
        self.language = language
        #: The same, for an attribute ``lang``.
        self.spoken = "zh-CN" if language == "zh" else "en"
        self._words = WORDS[language]

    def __call__(self, label: str, /, **values: object) -> str:
        return self._words[label].format(**values)

    def get(self, label: str) -> str:
        """A label that may be unknown, such as of an outcome: what it is of then."""
        return self._words.get(label, label.partition("_")[2])

    def told(self, sentence: str) -> tuple[str, str]:
        """The sentence of an error, and the language it is in: English where it is not known.

        >>> Words("zh").told("the query is empty")
        ('搜索内容为空', 'zh-CN')
        """
        if self.language == "zh":
            for pattern, text in _MISTAKES:
                if found := pattern.fullmatch(sentence):
                    parts = found.groupdict()
                    parts |= {"known": parts.get("known", "").replace(", ", self("list_comma"))}
                    return text.format(**parts), self.spoken
        return sentence, "en"
