"""Made-up posts in all real shapes, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from crawler.demo.site import Post, post

_TEXT = (
    "市场资金公司同比增长机构认为预计板块业绩需求产能行业价格回升下滑政策支持投资消费出口订单交易指数收盘上涨"
    "回落项目建设能源汽车银行利率债券基金持仓"
)
_WORDS = [_TEXT[at : at + 2] for at in range(0, len(_TEXT), 2)]
SOURCES = ("远山日报", "近水证券报", "高峰财经网", "平湖客户端")
_NAMES = ("远山股份", "近水科技", "高峰电气", "平湖医药")


def posts(count: int, *, seed: int = 20220601) -> Iterator[Post]:
    """``count`` posts with different codes: plain, with digest and links, and of named sources."""
    chance = random.Random(seed)
    for number in range(count):
        day, second = 1 + number % 28, number % 86400
        date = f"2022-06-{day:02} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} +0800"
        code, title = f"202206{day:02}{number:010}", sentence(chance, 6)
        source = chance.choice(SOURCES)
        shape = number % 4
        if shape == 0:
            body = f"{sentence(chance, 40)}。（{source}）"
            yield post(code, title=title, date=date, body=body, source=None)
        elif shape in (1, 2):
            body = _html(chance, linked=True)
            digest = f"{sentence(chance, 30)}。（{source}）"
            yield post(code, title=title, date=date, body=body, digest=digest, source=source)
        else:
            body = _html(chance, linked=False)
            yield post(
                f"NW{code}", title=title, date=date, category=f"yuan{number % 7}",
                tag=f"{source}新闻", body=body, source=source,
            )  # fmt: skip


def _html(chance: random.Random, *, linked: bool) -> str:
    paragraphs = [f"<p>{sentence(chance, chance.randint(20, 60))}。</p>" for _ in range(8)]
    paragraphs[3] = f"<p><strong>{sentence(chance, 5)}</strong></p>"
    if linked:
        number = chance.randrange(4)
        code = f"00{number}002"
        link = (
            f'<span id="stock_0.{code}"><a href="http://quote.eastmoney.com/unify/r/0.{code}"'
            f' class="keytip" data-code="0,{code}">{_NAMES[number]}</a></span>'
            f'<span id="quote_0.{code}"></span>({code})'
        )
        chart = (
            '<!-- EM_StockImg_Start --><p style="text-align:center;"><img src="https://'
            f'webquoteklinepic.eastmoney.com/GetPic.aspx?nid=0.{code}&imageType=k&at=1" /></p>'
            "<!-- EM_StockImg_End -->"
        )
        paragraphs[1] = f"<p>{sentence(chance, 9)}，{link}{sentence(chance, 20)}。<br /></p>"
        paragraphs.insert(0, chart)
    return "".join(paragraphs)


def sentence(chance: random.Random, words: int) -> str:
    """So many made-up words in a row, without a full stop."""
    return "".join(chance.choices(_WORDS, k=words))
