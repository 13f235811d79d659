"""The pieces that bodies are made of, as Eastmoney's editor writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: The site's charts stand between these two, not always in pairs.
START, END = "<!-- EM_StockImg_Start -->", "<!-- EM_StockImg_End -->"
SPACER = '<p style="display:none;height:1px;overflow:hidden;"><br /></p>'
ADVERT = (
    '<p style="text-align:center;"><a href="https://acttg.eastmoney.com/pub/made_up_random_0001">'
    '<img src="https://np-newspic.dfcfw.com/download/D9000000000000000009_w690h389.jpg"'
    ' class="em_handle_adv_close" /></a></p>'
)

_QUOTE = "http://quote.eastmoney.com/unify/r/"
_TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105
_MARKS = {"100": "_UI", "105": "7", "106": "7"}


def paragraph(*pieces: str) -> str:
    """A paragraph with the indent that pages and answers have, and posts have not."""
    return f"<p>　　{''.join(pieces)}</p>"


def heading(text: str) -> str:
    """A heading between sections."""
    return f'<h3 class="emh3">　　{text}</h3>'


def centred(text: str) -> str:
    """A caption."""
    return f'<p style="text-align:center;">{text}</p>'


def chart(security: str) -> str:
    """The paragraph of a live chart of ``0.009871``; the comments around it are the caller's."""
    market, _, code = security.partition(".")
    mark = _MARKS.get(market, "2")
    link = f"http://quote.eastmoney.com/us/{code}.html" if mark == "7" else f"{_QUOTE}{security}"
    return centred(
        f'<a href="{link}" data-code="{code}|{market}|{mark}" data-code2="{code}|{market}|0|"'
        f' class="EmImageRemark" target="_blank"><img src="https://webquotepic.eastmoney.com/'
        f'GetPic.aspx?nid={security}&imageType=r&token={_TOKEN}" border="0" alt="R图 {code}_0"'
        f' data-code="R {code}|{market}|{mark}" data-code2="R {code}|{market}|0|"'
        ' style="border:#d1d1d1 1px solid;" width="578" height="276" /></a>'
    )


def stock(security: str, name: str) -> str:
    """The automatic link at the first mention of a stock or a board."""
    market, _, code = security.partition(".")
    kind, quote = {"90": ("bk_", "bkquote_"), "116": ("Info.", "")}.get(
        market, ("stock_", "quote_")
    )
    after = f'<span id="{quote}{security}"></span>' if quote else ""
    return (
        f'<span id="{kind}{security}"><a href="{_QUOTE}{security}" class="keytip"'
        f' data-code="{market},{code}">{name}</a></span>{after}'
    )


def again(security: str, name: str) -> str:
    """The automatic link at any later mention: a span with an address."""
    return (
        f'<span web="1" href="{_QUOTE}{security}" class="em_stock_key_common"'
        f' data-code="{security.replace(".", ",")}">{name}</span>'
    )


def headline(code: str, text: str, host: str = "finance.eastmoney.com") -> str:
    """A paragraph that is a link to another article, and text of this one."""
    return paragraph(f'<a href="http://{host}/a/{code}.html"><strong>{text}</strong></a>')


def picture(number: str, width: int, height: int, alt: str) -> str:
    """An editorial picture; ``number`` has 19 digits."""
    return (
        f'<center><img src="https://np-newspic.dfcfw.com/download/D{number}_w{width}h{height}.jpg"'
        f' alt="{alt}" width="580" style="border:#d1d1d1 1px solid;padding:3px;margin:5px 0;" />'
        "</center>"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its first row are headings."""
    cells = [f"<th>{'</th><th>'.join(head)}</th>"]
    cells += (f"<td>{'</td><td>'.join(row)}</td>" for row in rows)
    return f'<table border="0"><tbody><tr>{"</tr><tr>".join(cells)}</tr></tbody></table>'
