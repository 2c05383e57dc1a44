"""The option that keeps what the samples were run with."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-verified", action="store_true", help="write verified.json: the samples that passed every scenario"
    )
