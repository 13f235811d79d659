"""Reads the web: records, parsers, spiders and the ``finews`` command."""

__version__ = "0.1.0"
