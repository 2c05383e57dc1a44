"""The realtime server: both dialects on one port, one hub behind them."""
