"""What to fetch: one small file a site, on one shared listing spider."""
