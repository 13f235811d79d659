"""The corpus in a browser: Datasette with pages of our own. See ``docs/web.md``."""
