"""What a crawl asks for, and what becomes of what came: decided here, for one site at a time."""
