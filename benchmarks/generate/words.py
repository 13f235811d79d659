"""The made-up language: words in the mixture of scripts that financial news has, with frequencies
like its own, few characters and words in nearly all texts and most of them rare.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

_LATIN = (
    "GDP", "CPI", "PMI", "A股", "H股", "B站", "ETF", "IPO", "LPR", "ST", "WTI", "OPEC", "AI", "5G",
    "SUV", "iPhone", "Tesla", "NVIDIA", "TCL", "KKR", "ＧＤＰ", "Ａ股", "３００", "e.g.", "U.S.",
    "S&P500", "3M", "20Q1",
)  # fmt: skip
_STOPS = "，，，，，，，，，，。。。。、、；：“”（）！—…·％%"
_TRADITIONAL = ["證券", "銀行", "滬深", "漲停", "億元", "財經", "國務院", "貨幣", "經濟", "個股"]
# The common ones, as GB 2312 lists them.
_HAN = [
    bytes((row, cell)).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF)
]
_CLAUSE = 7  # words between two commas
_POOL = 200_000  # drawn once by weight, then by chance alone: ten times as fast


def sentence(chance: random.Random, words: int) -> str:
    """So many words of Chinese, in clauses, without a full stop."""
    chosen = chance.choices(_chinese(), k=words)
    return "，".join("".join(chosen[at : at + _CLAUSE]) for at in range(0, words, _CLAUSE))


def texts(count: int, *, seed: int = 20220601, length: int = 850) -> Iterator[str]:
    """So many texts of about that many characters in all scripts, brackets and figures among
    them.
    """
    chance = random.Random(seed)
    words, weights = _vocabulary(chance)
    often = chance.choices(words, cum_weights=weights, k=_POOL)
    for _ in range(count):
        size = chance.randint(length // 5, length * 9 // 5) * 10 // 19  # words have 1.9 characters
        topic = chance.choices(words, k=6) * 4  # words that this one repeats
        chosen = chance.choices(often, k=size)
        for word in topic:
            chosen[chance.randrange(size)] = word
        yield "".join(chosen)


def queries(texts: list[str], count: int, *, seed: int = 5) -> list[str]:
    """Parts of one to eight characters from random places of random texts."""
    chance = random.Random(seed)
    found: list[str] = []
    while len(found) < count:
        text, size = chance.choice(texts), 1 + len(found) % 8
        at = chance.randrange(max(len(text) - size, 1))
        part = text[at : at + size]
        if part == part.strip() and len(part.split()) == 1:  # one word of a query
            found.append(part)
    return found


@cache
def _chinese() -> list[str]:
    """Words of hanzi alone, each as often as it is used."""
    chance = random.Random(20220601)
    words, weights = _hanzi(chance)
    return chance.choices(words, weights, k=_POOL)


def _hanzi(chance: random.Random) -> tuple[list[str], list[float]]:
    han = _HAN[:]
    chance.shuffle(han)
    often = list(accumulate(1 / (rank + 8) for rank in range(len(han))))
    words = {
        "".join(chance.choices(han, cum_weights=often, k=size))
        for size in chance.choices((1, 2, 3, 4), (1, 12, 3, 2), k=40_000)
    }
    # Short ones are frequent, as they are.
    ranked = sorted(sorted(words), key=lambda word: len(word) + 2 * chance.random())
    return ranked, [1 / (rank + 3) for rank in range(len(ranked))]


def _vocabulary(chance: random.Random) -> tuple[list[str], list[float]]:
    """All words, and the sum of the weights up to each."""
    words, weights = _hanzi(chance)
    weighted = list(zip(words, weights, strict=True))
    total = sum(weights)
    numbers = [f"{chance.random() * 100:.2f}%" for _ in range(5000)]
    numbers += [str(chance.randint(1, 3000)) for _ in range(3000)]
    numbers += [f"({chance.choice((300, 600, 688))}{chance.randint(0, 999):03})" for _ in words][
        :900
    ]
    for share, others in (
        (0.14, list(_STOPS)),
        (0.05, numbers),
        (0.02, _LATIN),
        (0.003, _TRADITIONAL),
    ):
        weighted += [(each, total * share / len(others)) for each in others]
    return [word for word, _ in weighted], list(accumulate(weight for _, weight in weighted))
