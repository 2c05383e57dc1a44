"""Whether a fault can hit anything on this exchange. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from fulgurite.errors import InputError
from fulgurite.protocol.channels import PRIVATE_KINDS, PUBLIC_KINDS, parse_channel
from fulgurite.server.faults import Aimed, Fault, MessageFault


def check_aim(fault: Fault, products: Collection[str] | None) -> None:
    """Refuse a fault with a channel or product that does not exist, or that it cannot hit.

    Args:
        fault: the fault.
        products: the codes of those that trade; None where there may be any.

    Raises:
        InputError: it can hit nothing; the text lists the channels or products.
    """
    if not isinstance(fault, Aimed) or not fault.names_channels:
        return
    if fault.channel is not None:
        parse_channel(fault.channel)
    if products is None or next(_hit(fault, products), None) is not None:
        return
    if fault.product is not None and fault.product not in products:
        raise InputError("product", fault.product, products)
    example = next(_hit(msgspec.structs.replace(fault, channel=None), products), None)
    named = f"a channel of {', '.join(products)}"
    raise InputError("channel", fault.channel, f"{named} that it can hit, such as {example}" if example else named)


def _hit(fault: Aimed, products: Collection[str]) -> Iterator[str]:
    hits = fault.hits_channel if isinstance(fault, MessageFault) else fault.aims_at_channel
    channels = [f"{kind}_{product}" for product in products for kind in PUBLIC_KINDS]
    return filter(hits, [*channels, *PRIVATE_KINDS])
