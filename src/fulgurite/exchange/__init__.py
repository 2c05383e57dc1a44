"""The embedded exchange: matching, order flow and publishing are pure; `run` and `http` are shells."""
