"""The real site's pages, where they are at hand: facts read off the posts, no texts of theirs.

``chars`` and ``sha256`` are of the paragraphs' texts joined by line feeds, so that a lost,
added or changed character fails.
"""

from __future__ import annotations

import pytest

from tests.conftest import ROOT

SITE = ROOT.parent / "shared" / "site" / "html"
POSTS = ROOT.parent / "shared" / "posts"

pytestmark = pytest.mark.skipif(not SITE.is_dir(), reason="the real pages are not part of finews")
