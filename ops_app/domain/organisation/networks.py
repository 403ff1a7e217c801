"""The networks from which people of an agency may sign in (feature 11)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from ops_app.domain.errors import Invalid


class WrongNetwork(Invalid):
    """Not a network, or one that is everything."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh, field="network")


def checked_network(text: str) -> str:
    """``text`` as a network in its one spelling (a single address becomes a network of one); raises ``WrongNetwork``.

    IPv4 and IPv6. Bits beyond the prefix are refused and the network that was probably meant is named; a prefix of
    zero would allow the whole internet and is refused too.
    """
    wanted = text.strip()
    try:
        network = ip_network(wanted)
    except ValueError:
        raise _explained(wanted) from None
    mapped = network.network_address.ipv4_mapped if isinstance(network.network_address, IPv6Address) else None
    if mapped is not None and network.prefixlen >= 96:
        network = ip_network(f"{mapped}/{network.prefixlen - 96}")
    if network.prefixlen == 0:
        raise WrongNetwork(
            "This network is the whole internet. To allow every address, leave the list empty.",
            "该网段即全部互联网地址。如不限制来源，请保持列表为空。",
        )
    return str(network)


def admits(networks: Sequence[str], address: str) -> bool:
    """Whether somebody at ``address`` may sign in: an empty list admits all, an unreadable address is in no network."""
    if not networks:
        return True
    found = _address(address)
    return found is not None and any(found in ip_network(network) for network in networks)


def readable(address: str) -> str:
    """``address`` in its one spelling, as a log keeps it; ``unreadable`` for anything that is no address."""
    found = _address(address)
    return "unreadable" if found is None else str(found)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def _explained(wanted: str) -> WrongNetwork:
    try:
        meant = ip_network(wanted, strict=False)
    except ValueError:
        return WrongNetwork(
            "This is no network. Write it like 203.0.113.0/24, 203.0.113.7 or 2001:db8::/32.",
            "网段格式有误，例如 203.0.113.0/24、203.0.113.7 或 2001:db8::/32。",
        )
    return WrongNetwork(
        f"This address has bits beyond its prefix. Did you mean {meant}?", f"地址超出网段前缀，您是否想填 {meant}？"
    )
