"""Network addresses that anybody may reach: not this machine's, a private network's or a cloud's metadata service."""

from __future__ import annotations

import ipaddress
from typing import Final

# Ranges that lead to IPv4 addresses inside, whose gateway may reach what is private.
_TRANSLATED: Final = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)


def is_public(address: str) -> bool:
    """Test whether an address is a single, globally reachable one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a scope, such as fe80::1%eth0
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _TRANSLATED):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved
