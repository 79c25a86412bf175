"""Whether a printer's sheet holds anything that it makes: told when its profile is saved, not when its first batch is due."""

from typing import Any

from pipeline.errors import Fault, Permanent
from pipeline.models.profile import PrinterProfile
from pipeline.models.profile_check import as_line, checked_profile
from pipeline.press.sheets.layout import lay_out
from pipeline.products import PRODUCTS


def fitting_profile(data: Any) -> PrinterProfile:
    """A profile that a live printer can have, with a sheet for one of its products at least; the planner leaves out the others.

    Raises `Permanent("profile_invalid")` as `checked_profile` does, with the numbers where nothing fits.
    """
    profile = checked_profile(data)
    smallest_first = sorted(
        profile.products, key=lambda name: PRODUCTS[name].trim_width_in * PRODUCTS[name].trim_height_in
    )
    refused = [_why_not(name, profile) for name in smallest_first]
    if all(refused):
        detail = f"not even the smallest of its products fits: {refused[0]}".rstrip(".")
        fault = Fault(
            "invalid_value", "/imposition", detail, "change the sheet, the marks or the grid, or the products"
        )
        raise Permanent("profile_invalid", as_line(fault), faults=(fault,))
    return profile


def _why_not(product: str, profile: PrinterProfile) -> str:
    """Empty where it fits."""
    try:
        lay_out(PRODUCTS[product], profile.imposition)
    except Permanent as error:
        return str(error)
    return ""
