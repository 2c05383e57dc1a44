"""The version. Pure. The build reads it out of this text, and takes no annotation but `str`."""

__version__ = "0.1.0"
