"""Where a webhook may go: a corpus of addresses and of URLs, and what an operator may allow beyond it."""

import csv
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from adapters.webhooks.addresses import AllowList, forbidden
from adapters.webhooks.sender import HttpWebhookSender
from adapters.webhooks.targets import Target, parse

FIXTURES = Path(__file__).parents[3] / "fixtures/webhooks"
PUBLIC = "93.184.216.34"


def rows(name: str) -> list[dict[str, str]]:
    with (FIXTURES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def resolver(host: str, port: int) -> Sequence[str]:
    if host == "nowhere.example.com":
        raise OSError("no such name")
    if host.startswith("private."):
        return ["10.0.0.8"]
    return [PUBLIC, "127.0.0.1"] if host.startswith("mixed.") else [PUBLIC]


def faults(mode: str, url: str, *allow: str, names: Sequence[str] | None = None) -> list[str]:
    sender = HttpWebhookSender(mode, allow=allow, resolver=(lambda *_: names) if names is not None else resolver)
    found = [fault.code for fault in sender.check(url)]
    sender.close()
    return found


@pytest.mark.parametrize("row", rows("addresses.csv"), ids=lambda row: row["address"])
def test_addresses(row: dict[str, str]) -> None:
    assert (forbidden(ip_address(row["address"])) is None) == (row["verdict"] == "public")


@pytest.mark.parametrize("row", rows("urls.csv"), ids=lambda row: f"{row['mode']} {row['url']}")
def test_urls(row: dict[str, str]) -> None:
    assert faults(row["mode"], row["url"]) == ([row["fault"]] if row["fault"] else [])


def test_the_corpus_is_as_large_as_it_is_meant_to_be() -> None:
    assert len(rows("addresses.csv")) >= 50
    assert len(rows("urls.csv")) >= 40


def test_a_name_that_leads_nowhere_today_is_taken() -> None:
    assert faults("live", "https://nowhere.example.com/") == []


@pytest.mark.parametrize(
    "url", ["https://" + "a" * 2_000 + ".example.com/", "https://hooks.example.com/\n", "", "https://[::1]x/"]
)
def test_what_is_no_url_is_no_target(url: str) -> None:
    assert faults("live", url) == ["invalid_url"]


def test_a_host_is_normalized_once() -> None:
    target = parse("https://BÜCHER.example.com/ü?q=ü%20x", livemode=True)
    assert isinstance(target, Target)
    assert target.origin.host == "xn--bcher-kva.example.com"
    assert target.origin.host_header == "xn--bcher-kva.example.com"
    assert target.path == "/%C3%BC?q=%C3%BC%20x"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://[2606:4700:4700::1111]/", "[2606:4700:4700::1111]"),
        ("https://hooks.example.com:8443/", "hooks.example.com:8443"),
        ("https://hooks.example.com:443/", "hooks.example.com"),
    ],
)
def test_the_host_header_names_the_port_where_it_is_not_the_usual_one(url: str, shown: str) -> None:
    target = parse(url, livemode=True)
    assert isinstance(target, Target)
    assert target.origin.host_header == shown


@pytest.mark.parametrize(
    ("allow", "url", "names"),
    [
        (["localhost:9000"], "http://localhost:9000/hook", ["127.0.0.1"]),
        (["localhost"], "http://localhost:9000/hook", ["127.0.0.1"]),
        (["127.0.0.1:9000"], "http://127.0.0.1:9000/", None),
        (["127.0.0.1"], "http://127.0.0.1:9001/", None),
        (["127.0.0.0/8", "::1"], "http://localhost:9000/", ["127.0.0.1", "::1"]),
        (["[::1]:9000"], "http://[::1]:9000/", None),
        (["127.0.0.1"], "http://[::ffff:127.0.0.1]:9000/", None),
        (["10.0.0.0/8"], "https://intranet/", ["10.1.2.3"]),
    ],
)
def test_the_operator_lets_in(allow: list[str], url: str, names: list[str] | None) -> None:
    assert faults("live", url, names=names) != []
    assert faults("live", url, *allow, names=names) == []


@pytest.mark.parametrize(
    ("allow", "url", "names", "code"),
    [
        (["localhost:9000"], "http://localhost:9001/", ["127.0.0.1"], "https_required"),
        (["127.0.0.0/8"], "http://localhost:9000/", ["127.0.0.1", "::1"], "https_required"),
        (["127.0.0.0/8"], "https://two.example.com/", ["127.0.0.1", "10.0.0.1"], "blocked_address"),
        (["127.0.0.0/8"], "http://hooks.example.com/", [PUBLIC], "https_required"),
        (["example.com"], "http://evil-example.com/", [PUBLIC], "https_required"),
        (["127.0.0.0/8"], "http://user@127.0.0.1/", None, "invalid_url"),
    ],
)
def test_and_nothing_more(allow: list[str], url: str, names: list[str] | None, code: str) -> None:
    assert faults("live", url, *allow, names=names) == [code]


@pytest.mark.parametrize("entry", ["", "10.1.2.3/8", "*.example.com", "http://localhost", "fe80::/200"])
def test_an_entry_that_allows_nothing_is_told(entry: str) -> None:
    with pytest.raises(ValueError, match="allows nothing"):
        AllowList((entry,))
