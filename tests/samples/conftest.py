"""The option that writes the versions with which the samples passed."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-verified", action="store_true", help="write verified.json: the samples that passed every scenario"
    )
