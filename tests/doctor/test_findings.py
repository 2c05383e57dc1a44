"""The doctor's judgement of its measurements."""

from email.utils import formatdate

import pytest

from fulgurite.doctor.findings import (
    Finding,
    Mark,
    certificate_finding,
    clock_finding,
    health_finding,
    message_time_finding,
    permission_finding,
    proxy_finding,
    timed_finding,
)

NOW = 1_790_000_000.0
DAY = 86_400.0
READING = ["/v1/me/getchildorders", "/v1/me/getexecutions"]


@pytest.mark.parametrize(
    ("finding", "mark", "measured"),
    [
        (timed_finding("x", "y", 0.0123, "done"), "ok", "done after 12 ms"),
        (timed_finding("x", "y", 1.5, "done"), "ok", "done after 1.5 s"),
        (timed_finding("x", "y", 2.0, "done"), "warning", "done only after 2.0 s"),
        (proxy_finding({"PATH": "/bin", "https_proxy": ""}), "ok", "none is set"),
        (proxy_finding({"https_proxy": "http://user:word@host"}), "warning", "https_proxy set; Fulgurite connects"),
        (certificate_finding("x", {"organizationName": "An Issuer"}, NOW + 14 * DAY, NOW), "ok", "An Issuer"),
        (certificate_finding("x", {"commonName": "A Name"}, NOW + 14 * DAY - 1, NOW), "warning", "A Name"),
        (certificate_finding("x", {}, NOW + 100 * DAY, NOW), "ok", "good until 2026-12-30, 100 days"),
        (health_finding(b'{"status":"NORMAL"}', 0.1), "ok", "NORMAL after 100 ms"),
        (health_finding(b'{"status":"SUPER BUSY"}', 0.1), "warning", "SUPER BUSY"),
        (health_finding(b"<html>", 0.1), "failed", "not that of this API"),
        (health_finding(b"[]", 0.1), "failed", "not that of this API"),
        (health_finding(b'{"status":"\xff"}', 0.1), "failed", "not that of this API"),
        (message_time_finding("x", NOW, NOW + 4), "ok", "4.0 s after its time"),
        (message_time_finding("x", NOW, NOW + 5), "warning", "5.0 s behind"),
        (message_time_finding("x", NOW, NOW - 3), "warning", "3.0 s ahead of"),
        (permission_finding(READING), "ok", "2 of the private API"),
        (permission_finding([*READING, "/v1/me/sendchildorder"]), "ok", "orders among them"),
        (permission_finding([*READING, "/v1/me/withdraw"]), "warning", "move money out: /v1/me/withdraw"),
        (permission_finding([*READING, "/v1/me/sendcoin"]), "warning", "/v1/me/sendcoin"),
        (permission_finding([]), "warning", "without /v1/me/getchildorders, /v1/me/getexecutions"),
    ],
)
def test_what_is_measured_is_judged(finding: Finding, mark: str, measured: str):
    assert (finding.mark, measured in finding.measured) == (mark, True), finding
    assert bool(finding.advice) == (finding.mark is not Mark.OK), "what is wrong comes with what to do"
    assert "word" not in finding.measured


@pytest.mark.parametrize(
    ("ahead", "mark"), [(0, "ok"), (2, "ok"), (-2, "ok"), (4, "warning"), (-60, "warning"), (302, "failed")]
)
def test_a_clock_is_compared_with_the_servers(ahead: int, mark: str):
    finding = clock_finding(formatdate(NOW - ahead, usegmt=True), NOW + 0.9, NOW + 1.1)
    assert finding.mark == mark
    assert (
        f"{abs(ahead)}.0 s {'ahead of' if ahead >= 0 else 'behind'} the server's, give or take 1.1 s"
        in finding.measured
    )


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Nov 2026 20:00:00 GMT"])
def test_a_server_that_does_not_tell_the_time_is_a_warning(date):
    assert clock_finding(date, NOW, NOW).mark is Mark.WARNING
