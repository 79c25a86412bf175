"""What the barcode's service type id (STID) asks of the post, and which printed endorsement goes with it.

A printed ancillary service endorsement asks for the same service in words (DMM 507.1.5). The two must agree. From the USPS
service type id table of January 2024: ids that ask for address corrections electronically (ACS), those that leave it to a
printed endorsement, and those that ask for nothing. First-class mail needs no words beside an ACS id; marketing mail does.
"""

from pipeline.errors import Fault
from pipeline.models.profile import Postage

# By class and service: with and without IMb Tracing, basic and Full-Service, options 1 and 2.
_ELECTRONIC: dict[str, dict[str, str]] = {
    "first_class": {
        "address": "220 140 314 141 230 080 320 081",
        "change": "502 240 514 241 504 082 516 083",
        "return": "340 342 341 343",
        "temp_return": "344 222 345 232",
    },
    "marketing": {
        "address": "142 585 143 548 090 334 091 550",
        "change": "242 586 243 231 092 513 093 567",
        "return": "262 587 272 529",
    },
}
_BY_WORDS = {"first_class": ("040", "700"), "marketing": ("042", "702")}
_NOTHING = {"first_class": "300 310 260 270", "marketing": "301 311 261 271"}
_CLASSES = {"first_class": "first-class", "marketing": "marketing"}


def default_stid(mail_class: str, endorsement: str) -> str | None:
    """With IMb Tracing, for a printed endorsement alone; None where the post has to be told more to choose one."""
    if endorsement == "none":
        return {"first_class": "310", "marketing": "311"}[mail_class]
    return None if endorsement == "electronic" else _BY_WORDS[mail_class][0]


def endorsement_faults(postage: Postage) -> list[Fault]:
    """Where the words and the barcode would ask for different things; ids that are not in the table are let pass."""
    found = []
    for mail_class in _CLASSES:
        endorsement, stid = postage.endorsement(mail_class), postage.stid(mail_class)
        remedy = _remedy(mail_class, endorsement, stid)
        if remedy:
            detail = f"the service type id {stid} of {_CLASSES[mail_class]} mail does not go with it"
            found.append(Fault("invalid_value", f"/endorsement_{mail_class}", detail, remedy))
    return found


def _remedy(mail_class: str, endorsement: str, stid: str) -> str:
    """Empty where the two agree."""
    services = _ELECTRONIC[mail_class]
    encoded = next((service for service, ids in services.items() if stid in ids.split()), None)
    field = f"stid_{mail_class}"
    if encoded:
        fitting = {encoded, "electronic"} | ({"none"} if mail_class == "first_class" else set())
        return "" if endorsement in fitting else f"set it to {encoded}, which {stid} asks for, or change {field}"
    if stid in _BY_WORDS[mail_class]:
        fits = endorsement not in ("none", "electronic")
        return "" if fits else f"choose of {', '.join(services)}, since {stid} leaves the service to what is printed"
    if stid not in _NOTHING[mail_class].split() or endorsement == "none":
        return ""
    if endorsement == "electronic":
        return f"set {field} to an ACS id, or this to none"
    ids = ", ".join((*_BY_WORDS[mail_class], *services[endorsement].split()))
    return f"set {field} to one of {ids}, or this to none"
