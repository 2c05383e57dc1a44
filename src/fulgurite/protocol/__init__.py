"""The wire: channel names, messages, both dialects and their state machines. Nothing here awaits. Pure."""
