"""Printer profiles: defaults that hold, faults that name the field and say the remedy, and whom to ask when."""

from typing import Any

import pytest

from pipeline.errors import Permanent
from pipeline.models.profile import PrinterProfile, Sftp, proves_by_renaming
from pipeline.models.profile_check import as_line, checked_profile
from pipeline.press.sheets.fitting import fitting_profile

KEY = "SHA256:" + "A" * 43
TRANSPORT: dict[str, Any] = {
    "kind": "sftp", "host": "sftp.example.com", "username": "ms", "fingerprints": [KEY], "key_file": "keys/north",
}  # fmt: skip
PROFILE: dict[str, Any] = {"transport": TRANSPORT, "postage": {"mailer_id": "123456", "method": "meter"}}
JO = {"name": "Jo Press", "phone": "208-555-0142"}
AL = {"name": "Al Owner", "email": "al@example.com", "after_minutes": 45}


def faults_of(**changes: Any) -> dict[str, str]:
    with pytest.raises(Permanent) as raised:
        checked_profile({**PROFILE, **changes})
    return {fault.pointer: as_line(fault) for fault in raised.value.faults}


def test_the_defaults_are_those_of_a_printer_that_renames_and_has_no_quirks() -> None:
    profile = checked_profile(PROFILE)
    assert isinstance(profile.transport, Sftp)
    assert (profile.takes_by_renaming, profile.transport.connections, profile.transport.channels) == (True, 2, 4)
    assert not any(profile.transport.quirks.model_dump().values())
    assert PrinterProfile.model_validate(profile.model_dump(mode="json")) == profile


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"takes_by_renaming": "perhaps"}, "/takes_by_renaming", "takes_by_renaming: input should be a valid boolean"),
        ({"transport": {**TRANSPORT, "connections": 9}}, "/transport/connections", "less than or equal to 8"),
        ({"transport": {**TRANSPORT, "channels": 0}}, "/transport/channels", "greater than or equal to 1"),
        (
            {"transport": {**TRANSPORT, "fingerprints": [KEY, KEY]}},
            "/transport/fingerprints",
            "the old key's and the new",
        ),
        ({"transport": {**TRANSPORT, "fingerprints": []}}, "/transport/fingerprints", "at least 1 item"),
        (
            {"transport": {**TRANSPORT, "fingerprints": [KEY, "MD5:00"]}},
            "/transport/fingerprints/1",
            "give SHA256: and 43",
        ),
        (
            {"transport": {**TRANSPORT, "quirks": {"no_rename": True}}},
            "/transport/quirks/no_rename",
            "there are no_fsync, no_limits, no_part_names",
        ),
        ({"escalation": [{"name": "Jo"}]}, "/escalation/0", "give a phone or an email"),
        ({"escalation": [{**JO, "phone": "call me"}]}, "/escalation/0/phone", "at least 7 digits"),
        ({"escalation": [{**AL, "email": "al"}]}, "/escalation/0/email", "give one address"),
        (
            {"escalation": [{**JO, "mobile": "1"}]},
            "/escalation/0/mobile",
            "there are name, phone, email, after_minutes",
        ),
        ({"escalation": [AL, JO]}, "/escalation", "put who is asked first first"),
        ({"floor": {"spoilage": 1.5}}, "/floor/spoilage", "less than 1"),
        ({"products": ["postcard_4x6", "mug"]}, "/products/1", "there is no product mug; choose of postcard_4x6"),
        ({"transport": {"kind": "sandbox"}}, "/transport/kind", "give an sftp transport"),
        ({"transport": {"kind": "ftp"}}, "/transport", "'sftp', 'sandbox'"),
    ],
)
def test_a_fault_names_its_field_and_the_remedy(changes: dict[str, Any], pointer: str, said: str) -> None:
    found = faults_of(**changes)
    assert list(found) == [pointer]
    assert said in found[pointer]


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"host": ""}, "/transport/host", "is no host; give a name or an address alone"),
        ({"host": "sftp.example.com 22"}, "/transport/host", "is no host"),
        ({"host": "sftp://example.com"}, "/transport/host", "is no host"),
        ({"username": ""}, "/transport/username", "give the account's name"),
        ({"key_file": " "}, "/transport/key_file", "such as keys/north"),
        ({"key_file": "/etc/ssh/ssh_host_ed25519_key"}, "/transport/key_file", "is no file in the folder of keys; put"),
        ({"key_file": "pepper"}, "/transport/key_file", "is no file in the folder of keys"),
        ({"key_file": "keys/../pepper"}, "/transport/key_file", "is no file in the folder of keys"),
        ({"key_file": "keys/.."}, "/transport/key_file", "is no file in the folder of keys"),
        ({"key_file": "keys/"}, "/transport/key_file", "is no file in the folder of keys"),
        ({"inbox": ""}, "/transport/inbox", "is no folder within the account; give a folder of its own"),
        ({"inbox": "/"}, "/transport/inbox", "is no folder within the account"),
        ({"inbox": "./"}, "/transport/inbox", "is no folder within the account"),
        ({"outbox": "../out"}, "/transport/outbox", "is no folder within the account"),
        ({"outbox": "./in/"}, "/transport/outbox", "is the inbox too; agree with the shop on another folder"),
        ({"timeout_s": 1e-300}, "/transport/timeout_s", "give 1 or more seconds"),
    ],
)
def test_what_reaches_no_printer_is_refused(changes: dict[str, Any], pointer: str, said: str) -> None:
    found = faults_of(transport={**TRANSPORT, **changes})
    assert list(found) == [pointer]
    assert said in found[pointer]


def sheet(**changes: Any) -> dict[str, Any]:
    return {"imposition": {"sheet": changes}}


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"products": []}, "/products", "is empty, so that it is given nothing; name one"),
        ({"classes": []}, "/classes", "is empty"),
        ({"stocks": []}, "/stocks", "is empty"),
        ({"stocks": ["cover_120lb", "foo"]}, "/stocks/1", "there is no stock foo; choose of cover_120lb, cover_80lb"),
        ({"stocks": ["text_60lb"]}, "/stocks", "none of its products is made on these; add cover_120lb"),
        ({"floor": {"trucks": []}}, "/floor/trucks", "give the times of the pick-ups"),
        ({"floor": {"closed_weekdays": [6, 5, 4, 3, 2, 1, 0]}}, "/floor/closed_weekdays", "closes it on all days"),
        (sheet(imageable_width_in=50), "/imposition/sheet/imageable_width_in", "50 in is more than the sheet's 13 in"),
        (
            sheet(imageable_height_in=19.1),
            "/imposition/sheet/imageable_height_in",
            "19.1 in is more than the sheet's 19",
        ),
        (sheet(gripper_in=9.6), "/imposition/sheet/gripper_in", "more than half of the sheet's 19 in"),
        (sheet(gripper_in=6.6, gripper_edge="left"), "/imposition/sheet/gripper_in", "half of the sheet's 13 in"),
    ],
)
def test_what_makes_nothing_is_refused(changes: dict[str, Any], pointer: str, said: str) -> None:
    found = faults_of(**changes)
    assert list(found) == [pointer]
    assert said in found[pointer]


@pytest.mark.parametrize(
    "changes",
    [
        {
            "transport": {
                **TRANSPORT,
                "host": "fe80::1%eth0",
                "inbox": "/Hot Folder/in",
                "key_file": "keys/north-2027.pem",
            }
        },
        {"floor": {"opens": "22:00", "closes": "06:00"}},  # a night shift ends on the next day
        {"imposition": {"sheet": {"width_in": 12, "height_in": 18}}},
        {"products": ["postcard_4x6", "letter"]},
        {"imposition": {"mode": "one_up"}, "products": ["letter"], "stocks": ["text_60lb"]},
    ],
)
def test_what_is_unusual_and_makes_sense_is_let_pass(changes: dict[str, Any]) -> None:
    fitting_profile({**PROFILE, **changes})


def test_of_a_smaller_sheet_all_is_imageable_unless_it_is_said() -> None:
    made = checked_profile({**PROFILE, **sheet(width_in=12, height_in=18, imageable_width_in=11.8)}).imposition.sheet
    assert (made.imageable_width_in, made.imageable_height_in) == (11.8, 18)


@pytest.mark.parametrize(
    ("imposition", "said"),
    [
        ({"sheet": {"width_in": 4, "height_in": 6}}, "the 4 x 6 in sheet images"),
        ({"columns": 9}, "9 x 1 of postcard_4x6 with bleed and marks needs"),
    ],
)
def test_a_sheet_that_holds_no_product_is_refused_with_the_numbers(imposition: dict[str, Any], said: str) -> None:
    with pytest.raises(Permanent) as raised:
        fitting_profile({**PROFILE, "imposition": imposition, "products": ["postcard_6x9", "postcard_4x6"]})
    [fault] = raised.value.faults
    assert (raised.value.code, fault.pointer, said in fault.detail) == ("profile_invalid", "/imposition", True)
    assert "postcard_4x6 with bleed" in fault.detail


def test_a_sheet_that_holds_one_of_the_products_is_let_pass() -> None:
    small = {"width_in": 8.5, "height_in": 11}
    fitting_profile({**PROFILE, "imposition": {"sheet": small}, "products": ["postcard_6x11", "postcard_4x6"]})


POSTAGE = {"mailer_id": "123456", "method": "meter"}


@pytest.mark.parametrize(
    ("postage", "said"),
    [
        ({"endorsement_first_class": "return"}, "set stid_first_class to one of 040, 700, 340"),
        ({"endorsement_first_class": "electronic"}, "set stid_first_class to an ACS id, or this to none"),
        ({"endorsement_first_class": "return", "stid_first_class": "502"}, "set it to change, which 502 asks for"),
        ({"stid_first_class": "040"}, "choose of address, change, return, temp_return, since 040"),
        ({"endorsement_first_class": "perhaps"}, "input should be 'none', 'address', 'return'"),
        ({"endorsement_marketing": "return"}, "set stid_marketing to one of 042, 702, 262"),
        ({"stid_marketing": "242"}, "set it to change, which 242 asks for"),
        ({"endorsement_marketing": "temp_return"}, "input should be 'none', 'address'"),
    ],
)
def test_words_and_barcode_ask_the_post_for_the_same(postage: dict[str, str], said: str) -> None:
    told = faults_of(postage={**POSTAGE, **postage})
    [pointer] = told
    assert pointer == f"/postage/endorsement_{'marketing' if 'marketing' in ''.join(postage) else 'first_class'}"
    assert said in told[pointer]


@pytest.mark.parametrize(
    "postage",
    [
        {"endorsement_first_class": "return", "stid_first_class": "040"},
        {"endorsement_first_class": "return", "stid_first_class": "340"},
        {"endorsement_first_class": "electronic", "stid_first_class": "340"},
        {"stid_first_class": "340"},
        {"endorsement_marketing": "change", "stid_marketing": "242"},
        {"endorsement_first_class": "return", "stid_first_class": "999"},
    ],
)
def test_words_that_go_with_the_barcode_are_let_pass(postage: dict[str, str]) -> None:
    checked_profile({**PROFILE, "postage": {**POSTAGE, **postage}})


def test_what_goes_into_an_envelope_is_not_endorsed() -> None:
    postage = {**POSTAGE, "endorsement_marketing": "change", "stid_marketing": "042"}
    [said] = faults_of(postage=postage, products=["postcard_4x6", "letter"]).values()
    assert "letter cannot bear an endorsement" in said
    assert "have the envelope printed with it" in said
    letters = {"products": ["letter"], "stocks": ["text_60lb"], "classes": ["first_class"]}
    checked_profile({**PROFILE, **letters, "postage": postage})


def test_all_faults_are_told_at_once() -> None:
    found = faults_of(postage={"mailer_id": "1"}, ack_format="xml", floor={"zone": "Mars"})
    assert set(found) == {"/postage/mailer_id", "/ack_format", "/floor/zone"}


def test_who_is_asked_depends_on_how_long_it_lasts() -> None:
    profile = checked_profile({**PROFILE, "contact": "press room", "escalation": [{**JO, "after_minutes": 5}, AL]})
    assert profile.to_ask(0) == profile.to_ask(44.9) == "Jo Press, 208-555-0142"
    assert profile.to_ask(45) == "Al Owner, al@example.com"
    assert checked_profile({**PROFILE, "contact": "press room"}).to_ask(45) == "press room"


@pytest.mark.parametrize(
    ("stored", "proves"),
    [
        ({}, True),
        ({"takes_by_renaming": True}, True),
        ({"takes_by_renaming": False}, False),
        ({"takes_by_renaming": "no"}, False),
    ],
)
def test_a_stored_profile_proves_nothing_unless_it_says_so_plainly(stored: dict[str, Any], proves: bool) -> None:
    assert proves_by_renaming(stored) is proves
