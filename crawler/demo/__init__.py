"""A made-up miniature of the Jekyll news site, for the demo and the tests."""
