"""The asyncio client: one reconnecting stream over either dialect."""
