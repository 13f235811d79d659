"""Made-up articles, 200 to a million, the same for the same seed; for tests and measurements.

``words`` is their language, ``stories`` the articles before any site tells them, ``posts`` the
stories as post files, ``rows`` articles and pages as a corpus holds them; ``copies`` are texts
with near-copies among them. How the sites show them is made by :mod:`crawler.demo.site` (pages,
listings, the Atom feed) and :mod:`crawler.demo.eastmoney` (lists, JSON and pages of articles).
"""
