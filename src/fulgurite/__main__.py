"""`python -m fulgurite` is `fulgurite`."""

from fulgurite.cli import main

main()
