"""The web page and its backend."""
