"""The settings of the tests, with the pause that a mirror on loopback would be spared."""

from scrapy.settings import BaseSettings

from tests.many_settings import *  # noqa: F403

PAUSE_S = 0.15


class Pause:
    """An add-on behind that of finews."""

    def update_settings(self, settings: BaseSettings) -> None:
        settings.set("DOWNLOAD_DELAY", PAUSE_S, "cmdline")


ADDONS = {"crawler.addon.FinewsAddon": 0, f"{__name__}.Pause": 1}
