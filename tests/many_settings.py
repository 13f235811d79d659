"""The settings of the tests, for many who crawl together: the dead are soon taken for dead."""

from tests.fast_settings import *  # noqa: F403

FINEWS_SILENCE = 2.0
