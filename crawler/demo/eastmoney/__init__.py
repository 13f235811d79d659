"""Made-up Eastmoney material in the real shapes: stories, how the site tells them, a site.

The shapes are those of answers and pages of 2026; companies, people and codes name nobody.
"""

from crawler.demo.eastmoney.answers import (
    article_answer,
    as_json,
    column_answer,
    fast_answer,
    gone_answer,
)
from crawler.demo.eastmoney.bundled import bundled_stories
from crawler.demo.eastmoney.pages import Layout, article_page, column_page
from crawler.demo.eastmoney.site import HOSTS, Eastmoney, Route, read_route
from crawler.demo.eastmoney.story import Story

__all__ = [
    "HOSTS",
    "Eastmoney",
    "Layout",
    "Route",
    "Story",
    "article_answer",
    "article_page",
    "as_json",
    "bundled_stories",
    "column_answer",
    "column_page",
    "fast_answer",
    "gone_answer",
    "read_route",
]
