"""Fulgurite: the sandbox for bitFlyer Lightning's Realtime API."""

__version__ = "0.1.0"
