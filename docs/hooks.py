"""What the site's reference is made of beside docstrings: nothing yet."""
