"""The two SQLite files of a data folder: ``finews.db`` (the corpus) and ``pages.db``."""
