"""The one who writes, where many crawl: plans their crawls, and stores what they bring."""
