"""The stories of the demo, awkward on purpose; companies, people and codes name nobody."""

from __future__ import annotations

from datetime import datetime

from crawler.demo.eastmoney.markup import (
    ADVERT,
    END,
    SPACER,
    START,
    again,
    centred,
    chart,
    heading,
    headline,
    paragraph,
    picture,
    stock,
    table,
)
from crawler.demo.eastmoney.story import Story
from crawler.parsers.dates import SHANGHAI

_LITHIUM = "202609189100000101"
_SUBSIDY = "202609189100000202"
_SHIPPING = "202609189100000303"
_NOTICE = "202205319100001010"


def bundled_stories() -> list[Story]:
    """Eight stories in the order of the lists, which is not quite that of time."""
    return [
        _lithium(),
        _standard(),
        _subsidy(),
        _shipping(),
        _fast(),
        _morning(),
        _inn(),
        _bridge(),
    ]


def _lithium() -> Story:
    """In two columns and the 7×24 news; a chart, automatic links, an advert at the end."""
    lithium, partner = stock("0.009871", "晨星锂业"), stock("0.309321", "蓝岸电池")
    body = (
        f"{SPACER}{START}{chart('0.009871')}{END}",
        paragraph(
            f"锂盐企业{lithium}(009871)9月18日晚间披露三季报预告，",
            "预计前三季度净利润为8.2亿元至8.8亿元，同比增长62%至74%。<br />",
        ),
        paragraph(
            f"公司表示，{again('0.009871', '晨星锂业')}与{partner}共建的3万吨锂盐项目于7月达产，",
            f"{stock('90.BK9473', '锂电池')}级产品占收入的比重升至55%。",
        ),
        paragraph("<strong>四季度订单已排满</strong>"),
        paragraph("管理层在交流会上称，四季度订单已经排满，暂无涨价计划。"),
        ADVERT,
    )
    return Story(
        code=_LITHIUM,
        title="晨星锂业：预计前三季度净利润增长62%至74%",
        shown=_at("2026-09-18 20:31:05"),
        body="".join(body),
        source="近水证券报",
        summary="【晨星锂业：预计前三季度净利润增长62%至74%】晨星锂业公告，3万吨锂盐项目于7月达产。",
        columns=("349", "344"),
        fast=("102", "103"),
        keywords=("晨星锂业", "锂盐", "三季报"),
        stocks=("0.009871", "0.309321", "90.BK9473"),
    )


def _standard() -> Story:
    """Years old and near the top; the public finews site has it too, under the same number."""
    link = f'<a href="https://finance.eastmoney.com/a/{_NOTICE}.html" target="_blank">'
    body = (
        f"{SPACER}{START}{chart('106.XQJT')}{END}",
        paragraph(
            f"车联网通信新标准14日发布，{stock('106.XQJT', '星云网络')}等12家单位参与制定，",
            "将于10月1日起实施。",
        ),
        heading("三项指标明显收紧"),
        paragraph(f"通信时延由50毫秒降至20毫秒，详见{link}澜州市的补贴公告</a>附件。"),
        picture("9100001616000000003", 480, 270, "标准文本"),
    )
    return Story(
        code="202206149100001616",
        title='车联网"新标准"发布 星云网络等参与制定',
        shown=_at("2022-06-14 09:46:31"),
        body="".join(body),
        source="央视新闻客户端",
        summary="车联网通信新标准14日发布，星云网络等12家单位参与制定。",
        columns=("355", "344", "345"),
        keywords=("车联网", "标准"),
        stocks=("106.XQJT",),
    )


def _subsidy() -> Story:
    """A table, a signature, and a title that was another once."""
    rows = [("10(含)以下", "3000"), ("10至25(含)", "6000"), ("25以上", "8000")]
    right = '<p style="text-align:right;">'
    body = (
        paragraph(
            "澜州市财政局18日公告，自10月1日起提高新能源乘用车购置补贴，",
            "申领流程由5步减为2步。",
        ),
        paragraph("补贴按车价分为三档，每辆标准如下："),
        table(("车价(万元)", "补贴(元)"), rows),
        paragraph("补贴资金由市、区两级各担一半，符合《&lt;蓝岸公约&gt;修正案》要求。"),
        f"{right}澜州市财政局</p>{right}2026年9月18日</p>",
    )
    return Story(
        code=_SUBSIDY,
        title="澜州市提高购车补贴：最高每辆8000元",
        shown=_at("2026-09-18 18:20:00"),
        body="".join(body),
        source="澜州市财政局网站",
        summary="澜州市财政局18日公告，自10月1日起提高新能源乘用车购置补贴。",
        columns=("350", "345"),
        keywords=("澜州市", "补贴", "新能源"),
        editor="27",
        original_title="澜州市财政局关于提高新能源乘用车购置补贴的公告",
    )


def _shipping() -> Story:
    """Charts whose comments do not pair, one inside a paragraph; a summary of another story."""
    lines, port = stock("1.609002", "远洲航运"), stock("0.009655", "东帆港口")
    body = (
        f"{SPACER}{START}{START}{chart('1.609002')}{SPACER}{START}{chart('0.009655')}{END}",
        paragraph(
            f"航运板块18日午后走强，截至收盘，{lines}涨6.3%，",
            f"{port}(009655.SZ)涨4.1%。{START}",
        ),
        f"{chart('100.BHX')}{END}{END}",
        paragraph(
            f"北海航运指数连升五周，{again('1.609002', '远洲航运')}预计旺季运价高于去年同期。",
        ),
        END,
        paragraph(
            "机构提醒，新船交付将在明年一季度集中到来，",
            f"培育壮{again('1.609519', '大明')}确航线仍需时日。",
        ),
    )
    return Story(
        code=_SHIPPING,
        title="航运股午后拉升 北海航运指数连升五周",
        shown=_at("2026-09-18 15:12:44"),
        body="".join(body),
        source="高峰财经网",
        summary="多只稳健型债券基金提前结束募集，九月新发规模环比增长约三成。",
        columns=("353", "345", "344"),
        keywords=("航运", "运价"),
        stocks=("1.609002", "0.009655"),
    )


def _fast() -> Story:
    """All that there is of it is its item in the 7×24 news."""
    return Story(
        code="202609189100000404",
        title="云岭铜业：三号矿井检修完毕 恢复满产",
        shown=_at("2026-09-18 14:05:09"),
        summary="【云岭铜业：三号矿井检修完毕 恢复满产】三号矿井18日起恢复满产。（远山日报）",
        fast=("102",),
        stocks=("1.609362",),
        own_page=False,
    )


def _morning() -> Story:
    """A digest of links to the other stories, which are text of this one; shown after midnight."""
    body = [
        heading("公司新闻"),
        headline(_LITHIUM, "晨星锂业预计前三季度净利润增长六成以上"),
        paragraph("晨星锂业(009871)披露三季报预告，四季度订单已经排满。"),
        headline(_SHIPPING, "航运股午后拉升", host="stock.eastmoney.com"),
        heading("地方要闻"),
        headline(_SUBSIDY, "澜州市提高购车补贴"),
        paragraph("自10月1日起，车价25万元以上的每辆补贴8000元。"),
        '<p style="text-align:center;"><strong></strong></p>',
        ADVERT,
    ]
    return Story(
        code="202609189100000505",
        title="东岭财经早餐 9月19日周六",
        shown=_at("2026-09-19 00:31:00"),
        body="".join(body),
        source="东岭数据",
        summary="1、晨星锂业披露三季报预告。2、航运股午后拉升。3、澜州市提高购车补贴。",
        columns=("344", "345"),
        fast=("102",),
        keywords=("财经早餐",),
    )


def _inn() -> Story:
    """From the Hong Kong pages, with an author, and a source with brackets in its name."""
    inn = stock("116.09794", "青禾酒馆")
    body = (
        f"{START}{chart('116.09794')}{END}",
        paragraph(f"{inn}(9794.HK)16日公布中期业绩，收入同比增长18%，拟派中期息每股0.12港元。"),
        paragraph("公司上半年净增门店46家，单店日均收入约1.3万港元。"),
    )
    return Story(
        code="202609169100000606",
        title="青禾酒馆中期收入增长18% 拟派息0.12港元",
        shown=_at("2026-09-16 17:46:20"),
        body="".join(body),
        source="海汇证券(香港)",
        summary="青禾酒馆公布中期业绩，收入同比增长18%。",
        columns=("532", "351"),
        keywords=("青禾酒馆", "中期业绩"),
        author="林一舟",
        stocks=("116.09794",),
        host="hk.eastmoney.com",
    )


def _bridge() -> Story:
    """An editorial picture with its caption; no keywords, no editor."""
    body = [
        paragraph("“北岸之光”跨海大桥17日通车，全长18.6公里，两岸车程由2小时缩短至25分钟。"),
        picture("9202609179100000707", 800, 555, "大桥通车"),
        centred("图片来源：北岸市交通局"),
        paragraph("首周小客车免收通行费，&nbsp;货车通行费减半。"),
    ]
    return Story(
        code="202609179100000707",
        title="“北岸之光”跨海大桥通车",
        shown=_at("2026-09-17 09:30:00"),
        body="".join(body),
        source="远山日报",
        summary="“北岸之光”跨海大桥17日通车，全长18.6公里。",
        columns=("350", "344"),
        editor="",
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
