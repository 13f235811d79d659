"""Settings that follow from other settings, as a Scrapy add-on."""

from __future__ import annotations

from scrapy.settings import BaseSettings

from crawler import __version__
from crawler.replay import is_loopback

_PRIORITY = "addon"


class FinewsAddon:
    """Makes the user agent from ``FINEWS_CONTACT`` and turns ``FINEWS_REPLAY`` on."""

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
