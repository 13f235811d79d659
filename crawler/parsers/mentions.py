"""The securities that an article names, each with the evidence for it.

Four kinds of evidence (formats seen on real posts and articles):

- ``chart``: a quote chart stands in the article, ``GetPic.aspx?nid=0.002752``; certain.
- ``code``: the code in brackets behind the name, 「昇兴股份(002752)」, 「海伦司(9869.HK)」.
- ``link``: an automatic link. Often false: 「C<a>PPI</a>B」, 「加<a>强生</a>态」.
- ``tag``: the site's own list of securities beside the article names it, and nothing in it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from crawler.items import Mention, Paragraph


class Security(NamedTuple):
    """Market number and code as Eastmoney writes them: ``("0", "002752")``."""

    market: str
    code: str


class Found(NamedTuple):
    """A mention and where it stands: paragraph index, then offset in its text."""

    paragraph: int
    offset: int
    mention: Mention


_SECURITY = re.compile(r"([0-9]+)\.([0-9A-Za-z_]+)")
_DATA_CODE = re.compile(r"([0-9]+),([0-9A-Za-z_]+)\Z")
_QUOTE_URL = re.compile(
    r"quote\.eastmoney\.com/(?:unify/)?(?:r/([0-9]+)\.([0-9A-Za-z_]+)|(sh|sz)([0-9]{6})\.html)"
)
_CHART_URL = re.compile(r"/GetPic\.aspx\?(?:[^#]*&)?nid=([0-9]+)\.([0-9A-Za-z_]+)")
_EXCHANGE = {"sh": "1", "sz": "0"}

_BRACKET = re.compile(r"[（(]\s*([0-9A-Z][^（()）]{3,60})[)）]")
_AMOUNT = re.compile(r"[0-9]+\s+[\u4e00-\u9fff]")  # 「(600000 元)」
_BETWEEN = re.compile(r"[，,、;；/\s]+")
# Six digits are a security only with a prefix that belongs to an exchange: 「(202205)」
# is a month, and 「(200805)」 may be one.
_SHANGHAI = re.compile(r"(?:60[0-9]|68[0-9]|900|5[01268][0-9]|11[0138])[0-9]{3}\Z")
_SHENZHEN = re.compile(
    r"(?:00[0-9]|200|30[0-9]|399|1[568][0-9]|12[378]|43[0-9]|8[378][0-9]|920)[0-9]{3}\Z"
)
_MONTH = re.compile(r"20(?!00)[0-9]{2}(?:0[1-9]|1[0-2])\Z")
_SUFFIXED = re.compile(r"([0-9]{1,6}|[A-Z]{1,5})\.(SH|SS|SZ|BJ|HK|O|N)\Z")
_PREFIXED = re.compile(r"(SH|SZ|BJ|HK|NASDAQ|NYSE)[:：]?([0-9]{4,6}|[A-Z]{1,5})\Z")
_MARKETS = {
    "SH": "1", "SS": "1", "SZ": "0", "BJ": "0", "HK": "116",
    "O": "105", "NASDAQ": "105", "N": "106", "NYSE": "106",
}  # fmt: skip
_APART = re.compile(r"\b(SH|SZ|BJ|HK|NASDAQ|NYSE)([:：]?)\s+(?=[0-9A-Z])")
_RUN = re.compile(r"[\u3400-\u9fffA-Za-z*·\-]+")
_WITHIN_A_NAME = re.compile(r"[\w*·\-]\Z")
_LONGEST_NAME = 8
_SHORTEST_SUFFIX = 3  # 「科技」 of 「TCL科技」 begins many a clause


def read_security(text: str) -> Security | None:
    """The security that a list of the site names: ``105.NVDA``, ``116.00700``.

    >>> read_security("116.00700")
    Security(market='116', code='00700')
    """
    found = _SECURITY.fullmatch(text.strip())
    return Security(found[1], found[2]) if found else None


def read_link(data_code: str | None, href: str | None) -> Security | None:
    """The security of an automatic link, from its ``data-code`` or its quote page."""
    if data_code and (found := _DATA_CODE.match(data_code)):
        return Security(found[1], found[2])
    if href and (found := _QUOTE_URL.search(href)):
        if found[1]:
            return Security(found[1], found[2])
        return Security(_EXCHANGE[found[3]], found[4])
    return None


def read_chart(src: str) -> Security | None:
    """The security of a quote chart by its picture's URL; None for any other picture."""
    found = _CHART_URL.search(src)
    return Security(found[1], found[2]) if found else None


def read_code(token: str) -> Security | None:
    """The security that a token in brackets names: ``002752``, ``9869.HK``, ``SH600519``.

    >>> read_code("9869.HK")
    Security(market='116', code='09869')
    >>> read_code("202205") is None
    True
    """
    if _SHANGHAI.match(token):
        return Security("1", token)
    if _SHENZHEN.match(token):
        return None if _MONTH.match(token) else Security("0", token)
    if found := _SUFFIXED.match(token):
        code, exchange = found.groups()
    elif found := _PREFIXED.match(token):
        exchange, code = found.groups()
    else:
        return None
    if code.isdigit() is (exchange in ("O", "N", "NASDAQ", "NYSE")):
        return None  # letters belong to the American exchanges, digits to the others
    if exchange == "HK":
        return Security("116", code.zfill(5)) if len(code) <= 5 else None
    if code.isdigit() and len(code) != 6:
        return None
    return Security(_MARKETS[exchange], code)


def collect(
    paragraphs: Sequence[Paragraph],
    found: list[Found],
    *,
    title: str | None,
    digest: str | None,
) -> tuple[Mention, ...]:
    """All mentions of an article in reading order, charts and links in ``found`` included.

    One mention a paragraph for the same security and evidence. A code that only the
    title or the digest names has ``paragraph`` None and comes last.
    """
    texts = [p.plain() for p in paragraphs]
    heads = [head for head in (title, digest) if head]
    whole = "\n".join((*heads, *texts))
    if "(" in whole or "（" in whole:
        links = {Security(m.market, m.code): m.name for _, _, m in found if m.evidence == "link"}
        namer = _namer(links, whole)
        for index, text in enumerate(texts):
            if "(" in text or "（" in text:
                found += (
                    Found(index, offset, Mention(*security, name, "code", index))
                    for offset, security, name in _bracketed(text, namer)
                )
        named = {(m.market, m.code) for _, _, m in found if m.evidence == "code"}
        found += (
            Found(len(texts), 0, Mention(*security, name, "code", None))
            for head in heads
            for _, security, name in _bracketed(head, namer)
            if security not in named
        )
    if not found:
        return ()
    found.sort(key=lambda each: each[:2])
    unique: dict[tuple[str, str, str, int | None], Mention] = {}
    for _, _, m in found:
        unique.setdefault((m.market, m.code, m.evidence, m.paragraph), m)
    return tuple(unique.values())


def tagged(
    mentions: tuple[Mention, ...], securities: Iterable[Security | None]
) -> tuple[Mention, ...]:
    """``mentions``, and behind them those of the site's own list that they do not name."""
    named = {Security(m.market, m.code) for m in mentions}
    others = (each for each in dict.fromkeys(securities) if each and each not in named)
    return (*mentions, *(Mention(*each, None, "tag", None) for each in others))


_Namer = Callable[[str, Security], str | None]


def _bracketed(text: str, namer: _Namer) -> Iterator[tuple[int, Security, str | None]]:
    for bracket in _BRACKET.finditer(text):
        name: str | None = None
        if _AMOUNT.match(bracket[1]):
            continue
        inner = _APART.sub(r"\1\2", bracket[1].strip())  # 「NYSE: ABC」
        for position, token in enumerate(_BETWEEN.split(inner)):
            security = read_code(token)
            if security is None:
                break  # 「(002572.SZ，最新价：23.21元)」: what follows the code is prose
            if position == 0:
                name = namer(text[: bracket.start()], security)
            yield bracket.start(), security, name


def _namer(links: Mapping[Security, str | None], whole: str) -> _Namer:
    """How to name a bracketed code: by the text before it, in the light of the ``whole`` text."""

    def name(before: str, security: Security) -> str | None:
        linked = links.get(security)
        if linked and before.endswith(linked):
            return linked
        found = _RUN.match(before[: -4 * _LONGEST_NAME - 1 : -1])  # backwards, from the bracket
        if not found:
            return None
        run = found[0][::-1]
        # 「…，维持索菲亚(002572」: the name alone begins a clause elsewhere, 「：索菲亚近一个月」.
        for length in range(min(len(run) - 1, _LONGEST_NAME), _SHORTEST_SUFFIX - 1, -1):
            if _begins_clause(run[-length:], whole):
                return run[-length:]
        clean = not _WITHIN_A_NAME.match(before[-len(run) - 1 : -len(run)])
        return run if clean and 2 <= len(run) <= _LONGEST_NAME else None

    return name


def _begins_clause(name: str, whole: str) -> bool:
    at = whole.find(name)
    while at >= 0:
        if at == 0 or not _WITHIN_A_NAME.match(whole[at - 1]):
            return True
        at = whole.find(name, at + 1)
    return False
