"""The settings of the tests, for many who crawl together: the dead are soon taken for dead."""

import os

from tests.fast_settings import *  # noqa: F403

FINEWS_SILENCE = float(os.environ.get("FINEWS_SILENCE") or 2)
