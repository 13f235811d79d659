"""What the tests share: made-up posts, the site in a box, and the program itself."""
