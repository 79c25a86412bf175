"""The standardizer that asks nobody: Publication 28 and ZIP prefixes from tables of our own."""

from collections.abc import Sequence

from pipeline.address.standardize import standardize
from pipeline.ports import Address, Standardized


class OfflineStandardizer:
    """Knows how an address is written and whether its ZIP can be in its state; not whether the house is there."""

    name = "offline"

    def standardize(self, addresses: Sequence[Address]) -> list[Standardized]:
        """One answer per address, in order."""
        return [standardize(address) for address in addresses]
