"""Stories as the JSON interfaces tell them (seen on real answers of 2026-09)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from crawler.demo.eastmoney.story import Story

Value = dict[str, Any]

#: However many articles a column has, its list says no more.
MOST_HITS = 5000

# The keys of an article that say nothing here, by what they hold.
_SILENT = {
    "": (
        "ShareImg AiSummary Art_Sim_Reader TopAdvHtml Art_SimRelationJson Art_Stock_Editor"
        " EndAdvHtml Art_BlogRelationJson Art_AudioTitle RelatedUid Art_MVideo_Url AiCont"
        " Art_TopicRelationJson CardImg Art_Audio Art_Author_PinYin Art_LKSPShowLogo Art_LKSPData"
        " Art_QrImg RecommendLabel Art_Media_PinYin Art_MVideo_Img Art_OriginalUrl"
        " Art_ArtRelationJson AdvTag Art_Tags Art_Cards Art_SimTitle Art_Key Art_Modules"
        " Art_Block_Clients Art_LKSPShowIm AiContUrl Art_Fund_Info"
    ),
    "0": (
        "Art_Content_VideoCount Art_EnableStocks Art_Media_Type VideoAdvSwitch Art_Sim_Type"
        " Art_AudioTime GlobalGray AiContBarType DisableAdv Art_VoteGroup_Id Art_App_Page"
        " Art_SelectedComment DisableAdvComm Art_Author_Type Art_OpMod_Count Art_Robot_News"
        " Art_LKSPData_Count Art_Fast"
    ),
    "1": (
        "TopStockMapToETFSwitch Art_Share Art_EnableLink Art_Like Art_EnableCrawl MxAiSwitch"
        " RecogImg Art_IsComment AddAdvBySZGL Art_ApprovalFirst AddAdvByTopicOrColumn Art_ShowAd"
        " Art_Original Art_EnableFutures Art_ShowVideo Art_AddAdv Art_StockView AddAdvByKey"
    ),
    "2": "RecogStock",
    "8": "Art_Channel_Id",
    "30": "ShareTitleFontSize",
    "[]": "Pe Funds FootStocks TopStocks Comment Art_Fund_InfoV2",
    "[Null]": "Art_Auto_Article Extend",
}
# The kinds of ``Art_Tip_Info``, by the market of what they name.
_TIPS = {"0": 999, "1": 999, "90": 1001}
_TIP_ABROAD = 1005


def as_json(value: Value) -> bytes:
    """An answer as the bytes that a server sends."""
    return json.dumps(value, ensure_ascii=False).encode()


def column_answer(stories: Iterable[Story], page_index: int, page_size: int, total: int) -> Value:
    """A page of ``getNewsByColumns``: the stories of that page, of a column of ``total``."""
    items = [
        {
            "summary": story.summary,
            "image": story.image,
            "code": story.code,
            "np_dst": "CMS",
            "showTime": f"{story.shown:%Y-%m-%d %H:%M:%S}",
            "uniqueUrl": story.url,
            "title": story.title,
            "mediaName": story.source,
            "url": story.column_url,
        }
        for story in stories
    ]
    return _listed(
        page_index=page_index, list=items, totle_hits=min(total, MOST_HITS), page_size=page_size
    )


def fast_answer(stories: Sequence[Story], sort_end: str, page_size: int) -> Value:
    """``getFastNewsList``: of all these stories, the next ``page_size`` after the cursor."""
    found = sorted(stories, key=_sort, reverse=True)
    if sort_end:
        found = [story for story in found if _sort(story) < sort_end]
    page = found[:page_size]
    items = [
        {
            "summary": story.summary or None,
            "code": story.code,
            "titleColor": 3 if story.stocks else 0,
            "realSort": _sort(story),
            "showTime": f"{story.shown:%Y-%m-%d %H:%M:%S}",
            "title": story.title,
            "share": 0,
            "pinglun_Num": 0,
            "stockList": list(story.stocks),
            "image": [],
        }
        for story in page
    ]
    end = _sort(page[-1]) if page else ""
    return _listed(sortEnd=end, index=0, total=len(stories), size=page_size, fastNewsList=items)


def article_answer(story: Story) -> Value:
    """An article with all its keys, every value a string; some hold JSON."""
    data = {key: value for value, keys in _SILENT.items() for key in keys.split()}
    # What ordered it once; hours older than what readers are shown.
    ordered = story.shown - timedelta(hours=4, minutes=8, seconds=31)
    tags = dict.fromkeys(("mkdayType", "source", "contentType", "market", "style"))
    data |= {
        "Art_Code": story.code,
        "Art_Title": story.title,
        "Art_OriginalTitle": story.original_title,
        "Art_ShowTime": f"{story.shown:%Y/%m/%d %H:%M:%S}",
        "Art_OrderTime": f"{ordered:%Y/%m/%d %H:%M:%S}",
        "Art_Media_Name": story.source,
        "Art_Author_Name": story.author,
        "Art_Editor_Code": story.editor,
        "Art_Content": story.body,
        "Art_Description": story.summary,
        "Art_Digest": story.summary,
        "Art_Guidance": story.summary,
        "Art_Docu_Reader": story.summary,
        "Art_Keyword": ",".join(story.keywords),
        "Art_UniqueUrl": story.url,
        "Art_Url": story.column_url,
        "Art_Image": story.image,
        "Art_Column_List": ",".join((*story.columns, "1379", "745", "1065")),
        "Art_HandleTags": json.dumps(tags, separators=(",", ":")),
        "Art_Tip_Info": _tips(story.stocks),
        "AiMd5": f"{int(story.code):032X}",
    }
    return {"data": data, "errorcode": 0, "id": "0", "message": "", "success": 1}


def gone_answer(code: str) -> Value:
    """What is said of an article that was taken down."""
    told = f"article {code} does not exist"
    return {"data": None, "errorcode": 1, "id": "0", "message": told, "success": 0}


def _listed(**data: object) -> Value:
    return {"req_trace": "1", "code": "1", "message": "success", "data": data}


def _sort(story: Story) -> str:
    """The key of the 7×24 news: the second it was shown, then the end of its code."""
    return f"{int(story.shown.timestamp())}0{story.code[-5:]}"


def _tips(stocks: Iterable[str]) -> str:
    kinds: dict[int, list[str]] = {}
    for security in stocks:
        kind = _TIPS.get(security.partition(".")[0], _TIP_ABROAD)
        kinds.setdefault(kind, []).append(security)
    tips = [{"Type": kind, "Code": ",".join(found)} for kind, found in kinds.items()]
    return json.dumps(tips, separators=(",", ":")) if tips else ""
