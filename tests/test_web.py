"""The pages of ``finews serve`` over the demo's corpus: what each shows, and in which forms."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pipelines.database.search import Found
from pipelines.fields import COLUMNS
from pipelines.web import calendar
from pipelines.web.charts import bars
from pipelines.web.diff import steps
from pipelines.web.results import EVIDENCE, Listed, shown
from pipelines.web.wanted import NAMES, Asked
from pipelines.web.words import MISTAKES, WORDS, Words
from tests.conftest import BIN, ROOT, Program
from tests.web import CHANGED, COPY, Page, Served, serving

CODE = "NW202205209100000505"
TABLE = "NW202205319100001010"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def program(web_program: Program) -> Program:
    return web_program


@pytest.fixture
def site(web_site: Served) -> Served:
    return web_site


def page(site: Served, path: str, language: str = "en") -> Page:
    answer = site.get(path, accept_language=language)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


def codes(site: Served, query: str) -> list[str]:
    return [each["info_code"] for each in site.get(f"/search.json?{query}").json()["articles"]]


class TestHome:
    def test_it_has_a_search_box_and_how_much_is_stored(self, site: Served) -> None:
        home = page(site, "/")
        assert home.all("input", type="search", name="q")
        assert "25 articles" in home.text

    def test_the_chart_is_a_picture_of_our_own_with_its_figures_beside_it(
        self, site: Served
    ) -> None:
        home = page(site, "/")
        (picture,) = home.all("img", src="/chart/days.svg")
        assert "from 2026-09-06 to 2026-09-19" in str(picture["alt"])
        assert "高峰财经网" in home.text
        svg = site.get("/chart/days.svg")
        assert svg.headers["content-type"].startswith("image/svg+xml")
        assert "<script" not in svg.text
        assert "高峰财经网" in svg.text

    @pytest.mark.parametrize("number", range(2, 9))
    @pytest.mark.parametrize("narrow", [True, False])
    def test_the_legend_is_inside_the_chart(self, number: int, narrow: bool) -> None:
        series = [(f"来源{at}", [at, 1]) for at in range(number)]
        root = ET.fromstring(bars(series, ["06-01", "06-02"], narrow=narrow))
        shifted = {"legends": 0.0, "graph": 0.0}
        lowest = 0.0
        for each in root.iter():
            for name in set((each.get("class") or "").split()) & shifted.keys():
                found = re.search(r",\s*([\d.]+)\)", each.get("transform") or ", 0)")
                shifted[name] = float(found[1]) if found else 0.0
            if "legend" in (each.get("class") or "").split():
                lowest = max(lowest, *(float(part.get("y") or 0) for part in each))
        assert sum(shifted.values()) + lowest <= float(root.get("height") or 0) - 4

    def test_the_calendar_has_its_figures_beside_it(self, site: Served) -> None:
        home = page(site, "/")
        assert "Coverage by month" in home.text
        assert home.all("source", srcset="/chart/calendar.svg?narrow=1")
        svg = site.get("/chart/calendar.svg?narrow=1", accept_language="zh").text
        assert ">9月<" in svg

    def test_the_calendar_ends_today(self) -> None:
        covered = {date(2022, 5, day): share for day, share in ((1, 1.0), (2, 0.5))}
        today = date(2022, 5, 2)
        assert calendar.figures(covered, [2022], today)[0] == ("2022-05", 0.75, 1, 2)
        for shape in (calendar.WIDE, calendar.NARROW):
            svg = calendar.drawn(covered, [2022], today, Words("en"), shape)
            assert len(re.findall(r"M\d", svg)) == 31 + 28 + 31 + 30 + 2

    def test_sites_and_listings_and_their_health_are_shown(self, site: Served) -> None:
        text = page(site, "/").text
        assert "eastmoney: 8 listings" in text
        assert "Nothing needs attention." in text

    def test_a_gap_and_an_alarm_are_told(self, program: Program, tmp_path: Path) -> None:
        copy = tmp_path / "data"
        copy.mkdir()
        program("db", "backup", str(copy / "b"))
        (copy / "b" / "finews.db").rename(copy / "finews.db")
        with closing(sqlite3.connect(copy / "finews.db")) as db, db:
            db.execute("DELETE FROM coverage WHERE site = 'finews' AND listing = 'home'")
            db.executemany(
                "INSERT INTO coverage VALUES ('finews', 'home', ?, ?)",
                [(f"2022-0{m}-01T00:00:00+08:00", f"2022-0{m}-09T00:00:00+08:00") for m in (3, 5)],
            )
            db.execute(
                "INSERT INTO alarms (rule, subject, message, opened_at, seen_at, told_at)"
                " VALUES ('quiet', 'x', 'eastmoney fell silent', '2022', '2022', '2022')"
            )
        with serving(copy) as served:
            text = page(served, "/").text
        assert "2022-03-09 00:00" in text
        assert "had scrolled by when it was read" in text
        assert "eastmoney fell silent" in text
        assert text.index("eastmoney fell silent") < text.index("Articles a day")

    def test_articles_of_an_import_have_a_site(self, finews: Program) -> None:
        finews("ingest", str(ROOT / "crawler" / "demo" / "posts"))
        with serving(finews.data) as served:
            assert "<option>posts</option>" in served.get("/search").text
            assert "/search?site=posts" in page(served, "/").links()
            assert codes(served, "site=posts")


class TestResults:
    def test_the_hit_is_marked(self, site: Served) -> None:
        html = site.get("/search?q=电池").text
        assert "<mark>电池</mark>" in html

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("q=制冷剂", {"NW202205269100000909"}),
            ("source=上海证券报", {"NW202205269100000909", CODE}),
            ("since=2022-05-20&until=2022-05-20", {CODE}),
            ("security=309321", {CODE}),
            ("security=1.600519", set()),
        ],
    )
    def test_it_filters(self, site: Served, query: str, found: set[str]) -> None:
        assert found <= set(codes(site, query))
        assert bool(found) == bool(codes(site, query))

    def test_it_filters_by_site(self, site: Served, program: Program) -> None:
        seen = program.rows("SELECT DISTINCT info_code FROM sightings WHERE site = 'eastmoney'")
        assert set(codes(site, "site=eastmoney")) == set(seen)

    def test_evidence_narrows(self, site: Served) -> None:
        certain = codes(site, "security=0.309321&evidence=code")
        assert set(certain) < set(codes(site, "security=0.309321"))

    def test_orders(self, site: Served) -> None:
        times = [each["published_at"] for each in site.get("/search.json").json()["articles"]]
        assert times == sorted(times, reverse=True)
        assert codes(site, "q=电池&sort=rank")

    def test_pages_follow_each_other(self, site: Served) -> None:
        first = page(site, "/search")
        (onward,) = [link for link in first.links() if "page=2" in link]
        shown = [
            re.findall(r'class="title"><a href="([^"]+)"', site.get(path).text)
            for path in ("/search", onward)
        ]
        assert [len(each) for each in shown] == [20, 5]
        assert not set(shown[0]) & set(shown[1])

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ("since=tomorrow", "'tomorrow' is no day or time"),
            ("security=x-y", "'x-y' is no code such as 1.600519 or 600519"),
            ("evidence=magic", "evidence 'magic' is none of"),
            ("since=2022-02-01&until=2022-01-01", "is later than until"),
            ("sort=best", "sort 'best' is none of newest, rank"),
            ("order=rank", "'order' is no filter of this list; there are q, site, source,"),
            ("site=nowhere", "site 'nowhere' is not stored; there are eastmoney, finews"),
            ("dedupe=some", "dedupe 'some' is none of none, exact, near"),
            ("page=0", "'0' is no page"),
            ("since=0001-01-01T00:00%2B23:00", "is out of all time"),
        ],
    )
    def test_what_cannot_be_meant_is_said(self, site: Served, query: str, sentence: str) -> None:
        answer = site.get(f"/search?{query}")
        assert answer.status == 400
        assert sentence in Page(answer.text).text
        for form in ("json", "csv", "atom"):
            answer = site.get(f"/search.{form}?{query}")
            assert (answer.status, sentence in answer.text) == (400, True)

    @pytest.mark.parametrize("name", [*NAMES, "page"])
    def test_every_filter_is_documented(self, name: str) -> None:
        assert f"`{name}`" in (ROOT / "docs" / "web.md").read_text(encoding="utf-8")

    def test_nothing_found_is_said(self, site: Served) -> None:
        assert "Nothing was found." in page(site, "/search?q=没有这个词").text

    def test_json_leads_to_its_next_page(self, site: Served) -> None:
        first = site.get("/search.json").json()
        second = site.get(first["next"].removeprefix(site.url)).json()
        assert (len(first["articles"]), len(second["articles"]), second["next"]) == (20, 5, None)
        assert first["articles"][0]["page"].startswith(f"{site.url}/article/NW")

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ("since=tomorrow", "「tomorrow」不是日期或时间"),
            ("until=0001-01-01T00:00%2B23:00", "超出可用的时间范围"),
            ("since=2022-02-01&until=2022-01-01", "晚于截止时间"),
            ("security=x-y", "「x-y」不是证券代码"),
            ("evidence=magic", "「magic」无效；可用的有：chart、"),
            ("order=rank", "没有名为「order」的筛选条件"),
            ("site=it's", "没有存储站点「it's」的文章"),
            ("page=0", "页码「0」不在 1 至 500 之间"),
            ("q=降准 AND", "在 AND 之后缺少词语"),
            ("q=OR 降准", "在 OR 之前缺少词语"),
            ("q=(降准 OR 降息", "左括号没有对应的右括号"),
            ("q=降准 OR 降息)", "右括号没有对应的左括号"),
            ("q=" + "(" * 60 + "甲 OR 乙" + ")" * 60, "嵌套超过 50 层"),
            ("q=" + "长" * 1001, "文字超过 1000 个字符"),
        ],
    )
    def test_and_in_chinese_to_who_reads_it(self, site: Served, query: str, sentence: str) -> None:
        answer = site.get(f"/search?{query}", accept_language="zh")
        assert answer.status == 400
        assert sentence in Page(answer.text).text
        assert sentence in site.get(f"/search.json?{query}", accept_language="zh").text

    def test_what_is_asked_is_shown_in_words(self, site: Served) -> None:
        text = page(site, "/search?q=电池&sort=rank&dedupe=near", "zh").text
        assert "排序：最相关在前" in text
        assert "重复：同一报道只列一次" in text

    @pytest.mark.parametrize("path", ["/search?q=没有这个词", "/"])
    def test_the_language_of_queries_is_told(self, site: Served, path: str) -> None:
        assert "a Latin word or number that begins so" in page(site, path).text

    def test_a_copy_leads_to_the_first(self, site: Served) -> None:
        html = site.get("/search?q=澜州港", accept_language="zh").text
        (copy,) = re.findall(r'<p class="meta copy">.*?</p>', html)
        assert f'另见 <a href="/article/{CHANGED}"' in copy
        assert "远山日报" in copy

    def test_each_story_may_be_listed_once(self, site: Served) -> None:
        every = codes(site, "q=澜州港")
        assert every[:2] == [COPY, CHANGED]
        assert codes(site, "q=澜州港&dedupe=near") == every[1:]

    def test_the_last_page_says_that_the_list_goes_on(self) -> None:
        listed = Listed(Found((), more=True), {})
        assert shown(Asked((), 500), listed, "/search")["goes_on"]
        assert not shown(Asked((), 499), listed, "/search")["goes_on"]

    @pytest.mark.parametrize("query", ["q=电池", "q=电池&sort=rank", "dedupe=near"])
    def test_csv_is_in_the_order_of_the_list(self, site: Served, query: str) -> None:
        rows = list(csv.DictReader(io.StringIO(site.get(f"/search.csv?{query}").text)))
        found = site.get(f"/search.json?{query}").json()["articles"]
        assert [row["info_code"] for row in rows][:20] == [each["info_code"] for each in found]

    def test_csv_is_the_whole_list_as_an_export(
        self, site: Served, program: Program, tmp_path: Path
    ) -> None:
        program("export", str(tmp_path / "a.csv"))
        answer = site.get("/search.csv")
        rows = list(csv.reader(io.StringIO(answer.text)))
        exported = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8"))))
        assert rows[1:] == exported[:0:-1]  # the newest first
        assert answer.headers["content-disposition"] == 'attachment; filename="finews.csv"'
        assert rows[0] == list(COLUMNS)

    def test_a_search_can_be_subscribed_to(self, site: Served) -> None:
        found = page(site, "/search?q=电池&site=finews")
        (alternate,) = found.all("link", type="application/atom+xml")
        assert alternate["href"] in found.links()
        feed = ET.fromstring(site.get(str(alternate["href"])).body)
        (entry,) = feed.findall(f"{ATOM}entry")
        assert entry.findtext(f"{ATOM}id") == f"urn:finews:{CODE}"
        assert entry.findtext(f"{ATOM}title") == "晨星锂业：拟与蓝岸电池共建锂盐项目"
        updated = datetime.fromisoformat(entry.findtext(f"{ATOM}updated") or "")
        assert updated.tzinfo
        (content,) = entry.findall(f"{ATOM}content")
        assert content.get("type") == "text"
        assert "锂盐企业晨星锂业" in (content.text or "")
        links = {each.get("rel"): each.get("href") for each in entry.findall(f"{ATOM}link")}
        assert links["alternate"] == f"{site.url}/article/{CODE}"

    def test_a_feed_is_the_same_when_nothing_came(self, site: Served) -> None:
        assert site.get("/search.atom").body == site.get("/search.atom").body

    def test_a_reader_of_a_feed_is_told_when_nothing_came(self, site: Served) -> None:
        tag = site.get("/search.atom").headers["etag"]
        for known in (tag, f'"other", W/{tag}'):
            again = site.get("/search.atom", if_none_match=known)
            assert (again.status, again.body) == (304, b"")
        assert site.get("/search.atom", if_none_match='"other"').status == 200

    def test_a_feed_without_articles_is_one(self, site: Served) -> None:
        feed = ET.fromstring(site.get("/search.atom?q=没有这个词").body)
        assert feed.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"


class TestArticle:
    def test_it_stands_as_written(self, site: Served) -> None:
        text = page(site, f"/article/{CODE}").text
        assert "晨星锂业：拟与蓝岸电池共建锂盐项目" in text
        assert "2022-05-20T18:05:40+08:00" in text

    def test_tables_are_tables_and_pictures_are_links(self, site: Served) -> None:
        found = page(site, f"/article/{TABLE}")
        assert len(found.all("table")) >= 2
        assert not found.all("img")
        assert [link for link in found.links() if link.endswith((".jpg", ".png"))]

    def test_mentions_lead_to_their_security_and_tell_their_evidence(self, site: Served) -> None:
        found = page(site, f"/article/{CODE}")
        assert "/security/0.009871" in found.links()
        kinds = {
            each["class"] for each in found.all("span") if "evidence" in str(each.get("class"))
        }
        assert {"evidence chart", "evidence code", "evidence link"} <= kinds

    def test_the_surest_evidence_comes_first(self, site: Served) -> None:
        html = site.get(f"/article/{CODE}").text
        for row in re.findall(r'<li><a href="/security/.*?</li>', html, re.DOTALL):
            kinds = re.findall(r'class="evidence (\w+)"', row)
            assert kinds == sorted(kinds, key=EVIDENCE.index)

    def test_tables_have_a_name(self, site: Served) -> None:
        assert page(site, f"/article/{TABLE}").all(
            "table", **{"aria-label": "Table in the article"}
        )

    def test_every_route_is_shown(self, site: Served, program: Program) -> None:
        links = page(site, f"/article/{TABLE}").links()
        routes = program.rows("SELECT url FROM sightings WHERE info_code = ?", TABLE)
        assert len(routes) > 1
        assert set(routes) <= set(links)

    def test_the_original_is_a_link_that_tells_nothing(self, site: Served) -> None:
        found = page(site, f"/article/{CODE}")
        (original,) = found.all(
            "a", href="http://finance.eastmoney.com/news/1354,202205209100000505.html"
        )
        assert original["rel"] == "noopener noreferrer nofollow"

    def test_changes_are_shown_as_differences(self, site: Served) -> None:
        html = site.get(f"/article/{CHANGED}").text
        assert "revised by its source, revision 3" in html
        assert "<mark>3</mark>%，成交放大。</del>" in html
        assert "<mark>5</mark>%，成交放大。</ins>" in html

    def test_changes_are_told_in_chinese(self, site: Served) -> None:
        found = page(site, f"/article/{CHANGED}", "zh")
        assert "字段：标题、正文" in found.text
        assert "标题：题目改过" in found.text
        assert "title" not in found.text

    def test_what_takes_too_long_to_compare_is_shown_whole(self) -> None:
        begin = time.monotonic()
        state: dict[str, Any] = dict.fromkeys(("title", "published_at", "source", "digest"))
        about = {"change": "revised", "seen_at": "2022", "replaced_at": "2022", "revision": 1}
        states = [
            {**state, **about, "paragraphs": [{"kind": "text", "text": text * 4000}] * 3000}
            for text in ("甲", "甲乙", "甲")
        ]
        assert [each.too_long for each in steps(states)] == [True, True]
        short = [{**each, "paragraphs": each["paragraphs"][:1]} for each in states]
        assert ("removed", (("甲" * 4000, False),)) in steps(short)[-1].lines
        assert time.monotonic() - begin < 5

    def test_the_same_story_elsewhere(self, site: Served) -> None:
        found = page(site, f"/article/{CHANGED}")
        assert f"/article/{COPY}" in found.links()
        assert "转载的题目" in found.text
        assert "近水证券报" in found.text

    def test_bare_digits_lead_to_it(self, site: Served) -> None:
        answer = site.get(f"/article/{CODE[2:]}")
        assert (answer.status, answer.headers["location"]) == (302, f"/article/{CODE}")

    def test_what_is_not_stored_is_404(self, site: Served) -> None:
        answer = site.get("/article/NW202201010000000000", accept_language="zh")
        assert answer.status == 404
        assert "没有这个页面" in answer.text


class TestSecurity:
    def test_all_that_mentions_it_stands_by_day(self, site: Served) -> None:
        found = page(site, "/security/0.009871")
        assert "晨星锂业" in found.text
        assert "2022-05-20" in found.text
        assert f"/article/{CODE}" in found.links()

    def test_evidence_narrows(self, site: Served) -> None:
        every = page(site, "/security/0.309321").links()
        sure = page(site, "/security/0.309321?evidence=code").links()
        assert {each for each in sure if "/article/" in each} < set(every)

    def test_how_many_name_it_since_when(self, site: Served, program: Program) -> None:
        (number,) = program.rows(
            "SELECT count(DISTINCT info_code) FROM mentions WHERE code = '309321' AND market = '0'"
        )
        assert (
            f"Named in {number} articles, the first of 20" in page(site, "/security/0.309321").text
        )

    def test_it_has_a_feed_and_other_forms(self, site: Served) -> None:
        found = page(site, "/security/0.009871?evidence=chart")
        for form in ("atom", "json", "csv"):
            path = f"/search.{form}?evidence=chart&security=0.009871"
            assert path in found.links()
            assert CODE in site.get(path).text

    def test_a_bare_code_leads_to_its_market(self, site: Served) -> None:
        assert site.get("/security/009871").headers["location"] == "/security/0.009871"

    @pytest.mark.parametrize("code", ["1.000000", "x", "1.2.3", "%3Cb%3E"])
    def test_none_is_404(self, site: Served, code: str) -> None:
        assert site.get(f"/security/{code}").status == 404


class TestSource:
    def test_how_much_it_published_since_when(self, site: Served) -> None:
        found = page(site, "/source/上海证券报")
        assert "2 articles, from 2022-05-20 to 2022-05-26." in found.text
        assert f"/article/{CODE}" in found.links()
        assert any(link.startswith("/search.atom?source=") for link in found.links())

    def test_its_chart(self, site: Served) -> None:
        svg = site.get("/chart/source.svg?name=上海证券报")
        assert "2022-05" in svg.text

    def test_none_is_404(self, site: Served) -> None:
        assert site.get("/source/nobody").status == 404


class TestLanguages:
    def test_both_have_the_same_labels(self) -> None:
        assert WORDS["en"].keys() == WORDS["zh"].keys()
        for name, text in WORDS["en"].items():
            fields = [part.partition("}")[0] for part in text.split("{")[1:]]
            assert all(f"{{{each}}}" in WORDS["zh"][name] for each in fields), name

    def test_errors_are_translated_with_all_they_tell(self) -> None:
        for sentence, text in MISTAKES.items():
            assert set(re.findall(r"{\w+}", sentence)) == set(re.findall(r"{\w+}", text))

    def test_what_is_not_known_stays_english(self) -> None:
        assert Words("zh").told("the moon is down") == ("the moon is down", "en")

    @pytest.mark.parametrize(
        ("accepted", "lang", "label"),
        [
            ("zh-CN,zh;q=0.9", "zh-CN", "搜索"),
            ("de,en;q=0.5", "en", "Search"),
            ("", "en", "Search"),
        ],
    )
    def test_the_browser_chooses(self, site: Served, accepted: str, lang: str, label: str) -> None:
        found = page(site, "/", accepted)
        assert found.all("html", lang=lang)
        assert label in found.text

    def test_caches_are_told(self, site: Served) -> None:
        assert "accept-language" in site.get("/").headers["vary"].lower()


class TestDatasette:
    @pytest.mark.parametrize("path", ["/finews", "/finews/articles", f"/finews/articles/{CODE}"])
    def test_its_own_pages_are_there_without_script_or_style(self, site: Served, path: str) -> None:
        found = page(site, path)
        assert not found.all("script")
        assert not found.all("style")
        assert not [tag for tag, attributes in found.tags if "style" in attributes]

    def test_its_json(self, site: Served) -> None:
        rows = site.get("/finews/articles.json?_shape=array&_size=max").json()
        assert len(rows) == 25

    @pytest.mark.parametrize("path", ["/finews.csv", "/finews/articles.csv?_stream=1"])
    def test_it_gives_no_formulas_to_spreadsheets(self, site: Served, path: str) -> None:
        answer = site.get(path)
        assert (answer.status, "/search.csv has every list" in answer.text) == (404, True)

    @pytest.mark.parametrize("path", ["/finews/articles", "/finews"])
    def test_it_offers_no_csv(self, site: Served, path: str) -> None:
        assert "csv" not in site.get(path).text.lower()

    def test_articles_come_first(self, site: Served) -> None:
        found = page(site, "/finews")
        tables = [link for link in found.links() if link.startswith("/finews/")]
        assert tables[0] == "/finews/articles"
        assert "/finews/_sqlite_migrations" not in tables

    def test_it_is_english_whatever_the_reader_speaks(self, site: Served) -> None:
        assert page(site, "/finews", "zh").all("div", lang="en")

    def test_pages_are_not_served(self, site: Served) -> None:
        assert site.get("/pages").status == 404
        assert "bodies" not in site.get("/finews").text


class TestServer:
    def test_an_address_may_be_typed_as_it_is(self, site: Served) -> None:
        path = "/search.json?source=上海证券报"
        answer = site.raw(f"GET {path} HTTP/1.1".encode())
        assert (answer.status, CODE in answer.text) == (200, True)

    def test_an_index_that_is_not_there_is_told(self, program: Program, tmp_path: Path) -> None:
        copy = tmp_path / "data"
        shutil.copytree(program.data, copy)
        with closing(sqlite3.connect(copy / "finews.db")) as db, db:
            db.execute("DELETE FROM search_state")
        with serving(copy) as served:
            for form in ("", ".json", ".csv", ".atom"):
                answer = served.get(f"/search{form}?q=电池")
                assert (answer.status, "finews search --rebuild" in answer.text) == (503, True)
                assert str(tmp_path) not in answer.text
            assert served.get("/search").status == 200

    def test_it_is_up_in_two_seconds_and_ends_at_once(self, program: Program) -> None:
        begin = time.monotonic()
        with serving(program.data) as served:
            assert served.get("/").status == 200
            up = time.monotonic()
            served.process.send_signal(signal.SIGINT)
            served.process.wait(timeout=5)
            down = time.monotonic()
        assert served.process.returncode == 0
        assert up - begin < 6  # under two where nothing else runs
        assert down - up < 2

    def test_fifty_readers_while_a_run_writes(self, program: Program, site: Served) -> None:
        paths = ["/", "/search", f"/article/{CHANGED}", "/security/0.009871", "/search.csv"]
        with (
            closing(sqlite3.connect(program.data / "finews.db")) as db,
            ThreadPoolExecutor(50) as pool,
        ):
            asked = [pool.submit(site.get, paths[at % len(paths)]) for at in range(200)]
            for number in range(50):
                with db:
                    db.execute("UPDATE walks SET pages = ?", (number,))
            answers = [each.result().status for each in asked]
        lists = paths.index("/search.csv")  # of which more than four at once are put off
        assert set(answers[lists :: len(paths)]) <= {200, 503}
        del answers[lists :: len(paths)]
        assert set(answers) == {200}

    def test_a_reader_who_leaves_is_let_go(self, site: Served) -> None:
        host, port = site.url.removeprefix("http://").split(":")
        for _ in range(8):  # more than are sent at once
            with socket.create_connection((host, int(port))) as reader:
                reader.sendall(b"GET /search.csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deadline = time.monotonic() + 10
        while site.get("/search.csv").status == 503:
            assert time.monotonic() < deadline
        assert site.get("/search.csv").status == 200

    def test_without_a_corpus_it_says_so(self, finews: Program) -> None:
        assert "no corpus at" in finews.run(finews.command("serve")).stderr
        finews("serve", code=1)

    def test_a_port_that_is_taken_is_a_sentence(self, program: Program, site: Served) -> None:
        port = site.url.rpartition(":")[2]
        done = program.run(program.command("serve", "--port", port))
        assert done.returncode == 1
        assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr

    def test_without_the_extra_it_names_it(self, program: Program) -> None:
        hidden = "import sys; sys.modules['datasette'] = None; from crawler.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", hidden, "serve", "--data", str(program.data)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "needs the extra [web]" in done.stderr) == (1, True)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_cannot_be_written_is_served(self, program: Program) -> None:
        program.data.chmod(0o555)
        try:
            with serving(program.data) as served:
                assert served.get("/").status == 200
        finally:
            program.data.chmod(0o755)

    def test_the_wheel_has_templates_and_style(self, tmp_path: Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        (wheel,) = tmp_path.glob("*.whl")
        listed = subprocess.run(
            [sys.executable, "-m", "zipfile", "-l", str(wheel)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in ("templates/base.html", "static/finews.css", "words.toml"):
            assert f"pipelines/web/{name}" in listed
        assert BIN.exists()
