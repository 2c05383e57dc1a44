"""The version, which every floor may name."""

from typing import Final

__version__: Final = "0.1.0"
