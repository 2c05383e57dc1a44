"""The web page and its backend."""

from fulgurite.playground.serve import Page, run

__all__ = ["Page", "run"]
