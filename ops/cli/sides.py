"""How the pages of a letter are printed, as options say it."""

from enum import StrEnum


class Sides(StrEnum):
    SIMPLEX = "simplex"
    DUPLEX = "duplex"
