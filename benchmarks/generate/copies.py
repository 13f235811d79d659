"""Made-up texts with planted near-copies, and with texts that only look like copies."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: Near-copies of ordinary texts, a text each: how many of each kind.
COPIES = 1_000
_WORDS = 3_000


@dataclass(frozen=True, slots=True)
class Planted:
    """A text; those of the same ``family`` are near-copies, by the ``kind`` of the later."""

    text: str
    family: int
    kind: str


def texts(count: int = 50_000, *, seed: int = 20220601) -> list[Planted]:
    """So many texts of some 800 characters in a mixed order, the same for the same seed."""
    return _Maker(seed).made(count)


class _Maker:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        hanzi = [chr(0x4E00 + each) for each in range(4_000)]
        self._words = ["".join(self._chance.choices(hanzi, k=2)) for _ in range(_WORDS)]
        self._found: list[Planted] = []
        self._families = 0

    def made(self, count: int) -> list[Planted]:
        disclaimer = [self._sentence(24), self._sentence(22)]
        ordinary = [self._story() for _ in range(5 * COPIES)]
        for story in ordinary:
            self._add(self._text(story), "ordinary")
        changes = (self._changed, self._led, self._attributed, self._reordered)
        names = ("paragraph changed", "lead added", "other attribution", "reordered")
        for at, (change, name) in enumerate(zip(changes, names, strict=True)):
            for family in range(at * COPIES, (at + 1) * COPIES):
                self._add(self._text(change(ordinary[family])), name, family)
        self._short(disclaimer)
        self._viral()
        self._templates()
        for at in range(0, 2 * COPIES, 4):
            self._add("\n".join(map(self._text, ordinary[at : at + 4])), "roundup")
        for story in ordinary[:COPIES]:
            self._add(self._text([story[3], *self._story()]), "follow-up")
        for _ in range(3 * COPIES):
            self._add(self._text([*self._story(), disclaimer]), "disclaimer")
        while len(self._found) < count:
            self._add(self._text(self._story()), "ordinary")
        self._chance.shuffle(self._found)
        return self._found

    def _short(self, disclaimer: list[str]) -> None:
        closing = self._sentence(6)
        for _ in range(COPIES):
            item = [self._sentence(24), self._sentence(20)]
            self._add(self._text([item]), "short")
            more = self._text([[*item, self._sentence(12)]])
            self._add(more, "short, a sentence added", self._families - 1)
            own = [self._sentence(25), self._sentence(20)]
            self._add(self._text([own, disclaimer]), "short with a disclaimer")
            self._add(self._text([[self._sentence(25), closing]]), "short with a closing")

    def _viral(self) -> None:
        for _ in range(COPIES // 20):
            story = self._story()
            self._add(self._text(story), "viral")
            family = self._families - 1
            for _ in range(19):
                self._add(self._text(self._led(story)), "viral", family)

    def _templates(self) -> None:
        for _ in range(5):
            frame = [[self._sentence(9)[:-1] for _ in range(2)] for _ in range(9)]
            for _ in range(COPIES // 2):
                figures = [[f"{each}{self._figure()}。" for each in part] for part in frame]
                self._add(self._text(figures), "template, other figures")
        fixed = [[self._sentence(18)] for _ in range(8)]
        for _ in range(COPIES):
            own = [[self._sentence(18)] for _ in range(7)]
            self._add(self._text([*own, *fixed]), "template, half fixed")

    def _add(self, text: str, kind: str, family: int | None = None) -> None:
        if family is None:
            family = self._families
            self._families += 1
        self._found.append(Planted(text, family, kind))

    def _story(self) -> list[list[str]]:
        return [
            [
                self._sentence(self._chance.randint(14, 26))
                for _ in range(self._chance.choice((2, 3)))
            ]
            for _ in range(8)
        ]

    def _sentence(self, words: int) -> str:
        half = words // 2
        parts = self._chance.choices(self._words, k=half), self._chance.choices(self._words, k=half)
        return "，".join(map("".join, parts)) + "。"

    def _figure(self) -> str:
        return f"{self._chance.randint(1, 10**6) / 100}亿元"

    def _changed(self, story: list[list[str]]) -> list[list[str]]:
        at = self._chance.randrange(len(story))
        return [*story[:at], [self._sentence(20), self._sentence(20)], *story[at + 1 :]]

    def _led(self, story: list[list[str]]) -> list[list[str]]:
        return [[self._sentence(20), self._sentence(16)], *story]

    def _attributed(self, story: list[list[str]]) -> list[list[str]]:
        return [[f"远山日报记者{self._sentence(4)}"], *story, ["（来源：近水证券报客户端）"]]

    def _reordered(self, story: list[list[str]]) -> list[list[str]]:
        return self._chance.sample(story, len(story))

    @staticmethod
    def _text(story: list[list[str]]) -> str:
        return "\n".join(map("".join, story))
