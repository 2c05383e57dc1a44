"""The terminal screen of `fulgurite listen`."""
