"""``finews serve`` in a real browser: used, looked at, and checked for everyone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web import CHANGED, Served, fill_hostile, serving

CODE = "NW202205209100000505"
TABLE = "NW202205319100001010"
PATHS = (
    "/", "/search?q=电池&site=finews", f"/article/{TABLE}", f"/article/{CHANGED}",
    "/security/0.009871", "/source/上海证券报", "/search?since=x",
)  # fmt: skip
PHONE = {"width": 320, "height": 640}
DESK = {"width": 1200, "height": 800}


@pytest.fixture
def site(web_site: Served) -> Served:
    return web_site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield started
        started.close()


@dataclass
class Watch:
    """What a browser complained of, and what it asked for."""

    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, site: Served, **options: Any) -> Iterator[Page]:
    """A page in a browser of its own, which must not complain nor ask anyone else."""
    watch = Watch()
    options = {"viewport": DESK, "locale": "en", **options}
    context = browser.new_context(base_url=site.url, **options)
    try:
        page = context.new_page()
        page.on("console", lambda said: watch.complaints.append(said.text))
        page.on("pageerror", lambda error: watch.complaints.append(str(error)))
        page.on("request", lambda asked: watch.asked.append(asked.url))
        yield page
        assert not context.cookies()
    finally:
        context.close()
    assert not [url for url in watch.asked if not url.startswith(f"{site.url}/")]
    # A page that is missing, or a question that is wrong, is told by its status.
    assert not [said for said in watch.complaints if "the server responded with" not in said]


@pytest.mark.parametrize("scripts", [True, False])
def test_from_a_search_to_its_subscription(browser: Browser, site: Served, scripts: bool) -> None:
    with opened(browser, site, java_script_enabled=scripts) as page:
        page.goto("/")
        page.get_by_role("searchbox").fill("电池")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Results for “电池”")
        expect(page.locator("mark").first).to_have_text("电池")
        page.get_by_label("Site", exact=True).select_option("finews")
        page.get_by_label("From").fill("2022-05-20")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator(".hits li")).to_have_count(1)
        assert "q=%E7%94%B5%E6%B1%A0" in page.url
        feed = page.get_by_role("link", name="Subscribe (Atom)").get_attribute("href")
        assert page.locator('link[type="application/atom+xml"]').get_attribute("href") == feed
        page.get_by_role("link", name="Remove the filter site: finews").click()
        expect(page.locator(".chips li")).to_have_count(1)


@pytest.mark.parametrize("scripts", [True, False])
def test_from_an_article_to_a_security_and_back(
    browser: Browser, site: Served, scripts: bool
) -> None:
    with opened(browser, site, java_script_enabled=scripts) as page:
        page.goto("/search?q=电池")
        page.get_by_role("link", name="晨星锂业：拟与蓝岸电池共建锂盐项目").click()
        page.get_by_role("link", name="晨星锂业 0.009871").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("009871")
        page.get_by_label("chart").check()
        page.get_by_role("button", name="Apply").click()
        assert page.url.endswith("?evidence=chart")
        page.get_by_role("link", name="晨星锂业：拟与蓝岸电池共建锂盐项目").click()
        assert page.url.endswith(CODE)


def test_a_change_is_read_as_a_difference(browser: Browser, site: Served) -> None:
    with opened(browser, site) as page:
        page.goto(f"/article/{CHANGED}")
        expect(page.locator(".step")).to_have_count(2)
        expect(page.locator("del", has_text="盘中上涨3%").locator("mark")).to_have_text("3")
        expect(page.locator("ins", has_text="收盘时回落")).to_be_visible()


def test_the_chart_is_drawn(browser: Browser, site: Served) -> None:
    with opened(browser, site) as page:
        page.goto("/")
        for picture in page.locator("main img").all():
            assert picture.evaluate("image => image.naturalWidth") > 300
        page.goto("/chart/days.svg")
        # Its own style is let in: the colour of the first source.
        fill = page.locator(".series rect").first.evaluate("rect => getComputedStyle(rect).fill")
        assert fill == "rgb(0, 114, 178)"


#: What axe may ask, by the colours; in the dark only those are others.
RULES: dict[str, Any] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}


@pytest.mark.parametrize("scheme", RULES)
def test_for_everyone(browser: Browser, site: Served, scheme: str) -> None:
    """Labels, headings, landmarks, contrast, alternatives: what axe knows to ask for."""
    with opened(browser, site, color_scheme=scheme) as page:
        found = []
        for path in PATHS:
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            result = Axe().run(page, options=RULES[scheme])
            found += [
                (path, each["id"], [node["html"] for node in each["nodes"]][:3])
                for each in result.response["violations"]
            ]
    assert not found


def test_a_schemes_colours_are_its_own(browser: Browser, site: Served) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        with opened(browser, site, color_scheme=scheme) as page:
            page.goto("/")
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(253, 252, 250)", "rgb(20, 23, 27)"]


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, site: Served) -> None:
    with opened(browser, site, viewport=PHONE, locale="zh-CN") as page:
        for path in (*PATHS, "/finews", "/finews/articles", "/finews?sql=select+1"):
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], path


def test_on_a_phone_no_figure_of_health_is_cut_off(browser: Browser, site: Served) -> None:
    with opened(browser, site, viewport=PHONE) as page:
        for path in ("/", f"/article/{TABLE}"):
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            cells = page.locator(".cards td").all()
            assert cells
            for cell in cells:
                box = cell.bounding_box()
                assert box
                assert box["x"] + box["width"] <= PHONE["width"]


def test_on_a_phone_the_way_to_the_filters_fits_a_finger(browser: Browser, site: Served) -> None:
    with opened(browser, site, viewport=PHONE) as page:
        page.goto("/search")
        box = page.locator(".to-filters a").bounding_box()
        assert box
        assert box["height"] >= 40


def test_headings_in_chinese_are_not_balanced(browser: Browser, site: Served) -> None:
    for locale, wrap in (("zh-CN", "wrap"), ("en", "balance")):
        with opened(browser, site, locale=locale) as page:
            page.goto("/")
            for style in page.locator("h1, h2").all():
                assert style.evaluate("each => getComputedStyle(each).textWrap") == wrap


def test_by_keyboard_the_content_is_one_step_away(browser: Browser, site: Served) -> None:
    with opened(browser, site) as page:
        page.goto(f"/article/{CODE}")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px"
        page.keyboard.press("Enter")
        assert page.url.endswith("#content")


def test_it_speaks_chinese_to_who_reads_it(browser: Browser, site: Served) -> None:
    with opened(browser, site, locale="zh-CN") as page:
        page.goto("/")
        expect(page.get_by_role("button", name="搜索")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "zh-CN"


def test_pages_of_datasette_break_no_rule(browser: Browser, site: Served) -> None:
    with opened(browser, site) as page:
        page.goto("/")
        page.get_by_role("link", name="Tables").click()
        page.get_by_role("link", name="articles", exact=True).click()
        expect(page.locator("main table tbody tr")).to_have_count(25)
        page.goto("/finews/articles?_size=3")
        expect(page.locator("main table tbody tr")).to_have_count(3)


def test_hostile_texts_do_nothing(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("hostile") / "data"
    fill_hostile(data)
    bad = quote("<img src=x onerror=alert(1)>")
    with serving(data) as served, opened(browser, served, viewport=PHONE) as page:
        page.on("dialog", lambda _: pytest.fail("a script ran"))
        codes = [f"/article/NW20220601{number:010}" for number in (0, 6, 11)]
        for path in ("/", "/search", f"/search?q={bad}", f"/source/{bad}", *codes):
            page.goto(path)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], path
