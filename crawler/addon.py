"""Settings that follow from other settings, as a Scrapy add-on."""

from __future__ import annotations

from scrapy.settings import BaseSettings

from crawler import __version__
from crawler.replay import is_loopback

_PRIORITY = "addon"


class FinewsAddon:
    """Makes the user agent from ``FINEWS_CONTACT``; turns on what ``FINEWS_REPLAY`` and
    ``FINEWS_REDIS`` name.
    """

    def update_settings(self, settings: BaseSettings) -> None:
        contact = settings.get("FINEWS_CONTACT") or "no contact given"
        settings.set("USER_AGENT", f"finews/{__version__} (+{contact})", _PRIORITY)
        replay = settings.get("FINEWS_REPLAY")
        if replay:
            handler = "crawler.replay.ReplayHandler"
            settings["DOWNLOAD_HANDLERS"].update({"http": handler, "https": handler})
            # A proxy would be asked for the mirror, or not know it.
            settings.set("HTTPPROXY_ENABLED", False, _PRIORITY)
            if is_loopback(replay):
                settings.set("DOWNLOAD_DELAY", 0, "cmdline")
        if settings.get("FINEWS_REDIS"):
            _be_worker(settings)


def _be_worker(settings: BaseSettings) -> None:
    """Be one of many that crawl together: see :mod:`crawler.worker`."""
    settings.set("SCHEDULER", "crawler.worker.scheduler.RedisScheduler", _PRIORITY)
    # Several hosts at once, still one request at a time for each.
    settings.set("CONCURRENT_REQUESTS", 4, _PRIORITY)
    for name, ours in _OF_WORKERS.items():
        settings[name].update(ours)


_OF_WORKERS = {
    "SPIDER_MIDDLEWARES": {
        "crawler.middlewares.frontier.FrontierMiddleware": None,
        "crawler.worker.middleware.WorkerMiddleware": 900,
    },
    "DOWNLOADER_MIDDLEWARES": {
        "crawler.middlewares.guest.RobotsMiddleware": None,
        "crawler.middlewares.guest.GuestMiddleware": None,
        "crawler.worker.guest.SharedRobotsMiddleware": 100,
        "crawler.worker.guest.TurnMiddleware": 150,
    },
    "ITEM_PIPELINES": {
        "pipelines.scrapy.ValidatePipeline": None,
        "pipelines.scrapy.StorePipeline": None,
        "crawler.worker.pipeline.PublishPipeline": 300,
    },
}
