"""Networks from which an agency's people may sign in: spellings, mistakes, and who is in."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.organisation.networks import WrongNetwork, admits, checked_network, readable


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("203.0.113.0/24", "203.0.113.0/24"),
        (" 203.0.113.7 ", "203.0.113.7/32"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
    ],
)
def test_a_network_is_kept_in_its_one_spelling(typed: str, kept: str) -> None:
    assert checked_network(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "x", "203.0.113", "203.0.113.0/33", "256.1.1.1", "203.0.113.0/24/8", "010.0.0.1", "1.2.3.4, 5.6.7.8",
     "2001:db8::/129", "2001:db8:::1", "203.0.113.0/-1", "*", "0.0.0.0/0", "::/0", "fe80::1%eth0/64"],
)  # fmt: skip
def test_what_is_no_network_is_refused_by_its_field(typed: str) -> None:
    with pytest.raises(WrongNetwork) as refusal:
        checked_network(typed)
    assert refusal.value.field == "network"


def test_bits_beyond_the_prefix_are_refused_with_the_network_that_was_meant() -> None:
    with pytest.raises(WrongNetwork, match=r"203\.0\.113\.0/24"):
        checked_network("203.0.113.7/24")


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("203.0.114.0", False),
        ("203.0.112.255", False),
        ("::ffff:203.0.113.9", True),
        ("2001:db8::9", True),
        ("2001:db8:0:1::9", False),
        ("2001:db8::9%eth0", True),
        ("", False),
        ("testclient", False),
        ("203.0.113.9:443", False),
    ],
)
def test_an_address_is_in_a_listed_network_or_it_is_not_admitted(address: str, inside: bool) -> None:
    assert admits(["203.0.113.0/24", "2001:db8::/64"], address) is inside


def test_an_empty_list_admits_everybody() -> None:
    assert admits([], "anything at all")


def _is_mapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None


@given(st.ip_addresses().filter(lambda address: not _is_mapped(address)), st.integers(1, 128))
def test_every_address_of_a_network_is_admitted_and_its_neighbour_is_not(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int
) -> None:
    bits = address.max_prefixlen
    network = ipaddress.ip_network(f"{address}/{min(prefix, bits)}", strict=False)
    kept = [checked_network(str(network))]
    assert admits(kept, str(address))
    assert _is_mapped(network[-1]) or admits(kept, str(network[-1]))
    after = int(network[-1]) + 1
    if after < 2**bits:
        assert not admits(kept, str(type(address)(after)))


def test_an_address_of_version_four_is_in_no_network_of_version_six() -> None:
    assert not admits(["::/1"], "::ffff:203.0.113.9")
    assert not admits(["::/1"], "203.0.113.9")


def test_a_log_keeps_an_address_in_its_one_spelling() -> None:
    assert readable("::FFFF:203.0.113.9") == "203.0.113.9"
    assert readable("<script>") == "unreadable"


@pytest.mark.parametrize("everything", ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"])
def test_the_whole_internet_is_no_network_however_it_is_written(everything: str) -> None:
    with pytest.raises(WrongNetwork, match="whole internet"):
        checked_network(everything)
