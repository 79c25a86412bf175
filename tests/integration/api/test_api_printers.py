"""/v1/ops/printers: the same profiles and faults as at the terminal, each deed with its reason, and nothing half done."""

from typing import Any

import pytest
from sqlalchemy import update

from api.routes.ops_printers import merged
from pipeline.clock import machine_clock
from pipeline.repository import tables
from tests.integration.api.test_api_operation import audited, post
from tests.integration.api.world import World
from tests.unit.printers.test_profile import JO, PROFILE

URL = "/v1/ops/printers"
WHY = {"reason": "a new shop"}


def add(api: World, name: str = "north", **changes: Any) -> Any:
    return post(api, URL, {"name": name, "profile": {**PROFILE, **changes}, **WHY}, 201)


def patch(api: World, path: str, profile: Any, status: int = 200, **more: Any) -> Any:
    body = {"profile": profile, "reason": "they said so", **more}
    answer = api.client.patch(f"{URL}/{path}", json=body, headers=api.headers("op"))
    assert answer.status_code == status, answer.text
    return answer.json()


def get(api: World, path: str = "", **params: str) -> Any:
    answer = api.get(f"{URL}{path}", "op", **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "", {"name": "x", "profile": PROFILE, **WHY}),
        ("GET", "/north", None),
        ("PATCH", "/north", {"profile": {"contact": "x"}, **WHY}),
        ("POST", "/north/suspend", WHY),
        ("POST", "/north/resume", WHY),
    ],
)
def test_no_sender_comes_near_and_no_deed_is_without_a_reason(api: World, method: str, path: str, body: Any) -> None:
    add(api)
    for who in ("ada-live", "ada-test"):
        answer = api.client.request(method, URL + path, json=body, headers=api.headers(who))
        assert (answer.status_code, answer.json()["code"]) == (403, "operator_key_required")
    assert api.client.request(method, URL + path, json=body).status_code == 401
    for reason in (None, "", "  "):
        if body is not None:
            answer = api.client.request(method, URL + path, json={**body, "reason": reason}, headers=api.headers("op"))
            assert (answer.status_code, answer.json()["param"]) == (422, "reason")
    [north] = get(api)["data"]
    assert (north["revision"], north["state"]) == (1, "open")


def test_a_printer_is_added_with_the_defaults_and_found_by_name_and_id(api: World) -> None:
    added = add(api, escalation=[JO], takes_by_renaming=False)
    assert (added["object"], added["name"], added["livemode"], added["faults"]) == ("printer", "north", True, [])
    assert added["profile"]["imposition"]["sheet"]["width_in"] == 13.0
    assert (added["profile"]["takes_by_renaming"], added["profile"]["escalation"][0]["after_minutes"]) == (False, 0)
    assert get(api, "/north") == get(api, f"/{added['id']}") == added
    assert get(api)["data"] == [added]
    assert {one["livemode"] for one in get(api, mode="test")["data"]} == {False}
    assert audited(api) == [("printer.add", added["id"], "a new shop")]
    refused = post(api, URL, {"name": "north", "profile": PROFILE, **WHY}, 409)
    assert refused["code"] == "printer_exists"
    assert api.get(f"{URL}/south", "op").json()["code"] == "not_found"
    assert api.get(URL, "op", mode="draft").json()["param"] == "mode"


@pytest.mark.parametrize(
    ("changes", "code", "pointer", "said"),
    [
        (
            {"postage": {"mailer_id": "12", "method": "meter"}},
            "invalid_value",
            "/profile/postage/mailer_id",
            "Give 6 digits",
        ),
        ({"postage": {"mailer_id": "123456"}}, "invalid_value", "/profile/postage", "permit_number"),
        ({"floor": {"zone": "Mars"}}, "invalid_value", "/profile/floor/zone", "IANA name"),
        ({"floor": {"lead_minutes": 10**12}}, "out_of_range", "/profile/floor/lead_minutes", "10080"),
        ({"floor": {"trucks": ["noon"]}}, "wrong_type", "/profile/floor/trucks/0", "valid time"),
        ({"transport": None}, "wrong_type", "/profile/transport", ""),
        ({"transport": {"kind": "sftp"}}, "missing_field", "/profile/transport/host", "missing"),
        (
            {"transport": {**PROFILE["transport"], "key_file": "/elsewhere/id_ed25519"}},
            "invalid_value",
            "/profile/transport/key_file",
            "no file in the folder of keys",
        ),
        ({"transport": {"kind": "sandbox"}}, "invalid_value", "/profile/transport/kind", "test accounts"),
        ({"products": ["mug"]}, "unknown_product", "/profile/products/0", "no product mug"),
        ({"floor": {"trucks": []}}, "too_short", "/profile/floor/trucks", "nothing is ever mailed"),
        (
            {"imposition": {"sheet": {"width_in": 4}}},
            "invalid_value",
            "/profile/imposition",
            "the 4 x 19 in sheet images",
        ),
        ({"colour": "red"}, "unknown_field", "/profile/colour", "no such field"),
        ({"contact": "a\u0000b"}, "invalid_value", "/profile/contact", "control characters"),
        ({"stocks": ["a\u0000b"]}, "invalid_value", "/profile/stocks", "control characters"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    api: World, changes: dict[str, Any], code: str, pointer: str, said: str
) -> None:
    refused = post(api, URL, {"name": "north", "profile": {**PROFILE, **changes}, **WHY}, 422)
    first = refused["errors"][0]
    assert (refused["code"], first["code"], first["pointer"], said in first["detail"]) == (code, code, pointer, True), (
        first
    )
    assert first["remedy"].endswith(".")
    assert get(api)["data"] == []


def test_hours_are_told_in_words_and_those_that_end_on_the_next_day_with_a_warning(api: World) -> None:
    added = add(api, floor={"opens": "06:00", "closes": "02:00"})
    assert added["hours"] == "06:00 to 02:00 of the next day (20 h) on all days; America/New_York"
    assert [one[:49] for one in added["warnings"]] == ["floor.closes: 06:00 to 02:00 of the next day (20 "]
    changed = patch(api, "north", {"floor": {"closes": "14:00"}})
    assert (changed["hours"], changed["warnings"]) == ("06:00 to 14:00 (8 h) on all days; America/New_York", [])


def test_all_faults_come_at_once(api: World) -> None:
    wrong = {**PROFILE, "ack_format": "xml", "products": ["postcard_4x6"], "floor": {"spoilage": 2, "opens": "late"}}
    refused = post(api, URL, {"name": "no/rth", "profile": wrong, **WHY}, 422)
    assert [one["pointer"] for one in refused["errors"]] == ["/name"]
    refused = post(api, URL, {"name": "north", "profile": wrong, **WHY}, 422)
    assert {one["pointer"] for one in refused["errors"]} == {
        "/profile/ack_format", "/profile/floor/spoilage", "/profile/floor/opens",
    }  # fmt: skip


def test_an_outbox_that_another_printer_has_is_refused_with_its_pointer(api: World) -> None:
    add(api)
    elsewhere = {**PROFILE["transport"], "outbox": "out-south"}
    refused = post(api, URL, {"name": "south", "profile": PROFILE, **WHY}, 409)
    add(api, "south", transport=elsewhere)
    for answer in (refused, patch(api, "south", {"transport": {"outbox": "/out"}}, 409)):
        [fault] = answer["errors"]
        assert (answer["code"], fault["code"]) == ("outbox_shared", "outbox_shared")
        assert fault["pointer"] == "/profile/transport/outbox"
        assert fault["remedy"].startswith("Agree with the shop on an outbox for each printer")
    assert [one["profile"]["transport"]["outbox"] for one in get(api)["data"]] == ["out", "out-south"]
    assert patch(api, "south", {"transport": {"inbox": "in-south"}})["revision"] == 2


def test_a_change_is_a_merge_patch_and_goes_up_a_revision(api: World) -> None:
    printer_id = add(api, contact="press room")["id"]
    changed = patch(api, "north", {"floor": {"trucks": ["09:00"]}, "takes_by_renaming": False, "contact": None})
    assert (changed["revision"], changed["profile"]["floor"]["trucks"]) == (2, ["09:00:00"])
    assert (changed["profile"]["floor"]["lead_minutes"], changed["profile"]["contact"]) == (75, "")
    assert patch(api, printer_id, {"floor": {"trucks": ["09:00:00"]}}, revision=2)["revision"] == 2
    assert patch(api, "north", {"contact": "x"}, 409, revision=1)["code"] == "printer_changed"
    assert [action for action, *_ in audited(api)] == ["printer.edit", "printer.add"]
    wrong = patch(api, "north", {"floor": {"zone": "Mars", "opens": None}, "transport": None}, 422)
    assert [one["pointer"] for one in wrong["errors"]] == ["/profile/transport", "/profile/floor/zone"]
    assert get(api, "/north")["revision"] == 2
    assert patch(api, "south", {"contact": "x"}, 404)["code"] == "not_found"


def test_suspending_twice_is_suspending_once(api: World) -> None:
    add(api)
    for _ in range(2):
        suspended = post(api, f"{URL}/north/suspend", {"reason": "paper jam"})
        assert (suspended["state"], suspended["revision"]) == ("suspended", 2)
    for _ in range(2):
        resumed = post(api, f"{URL}/north/resume", {"reason": "cleared"})
        assert (resumed["state"], resumed["suspended_at"], resumed["revision"]) == ("open", None, 3)
    assert [(action, reason) for action, _, reason in audited(api)] == [
        ("printer.resume", "cleared"), ("printer.suspend", "paper jam"), ("printer.add", "a new shop"),
    ]  # fmt: skip
    assert post(api, f"{URL}/south/suspend", WHY, 404)["code"] == "not_found"


def test_drops_that_were_not_spoken_of_keep_a_printer_from_being_said_to_rename(api: World) -> None:
    printer_id = add(api, takes_by_renaming=False)["id"]
    now = machine_clock()
    batch = {
        "id": "bt_1", "mode": "live", "printer_id": printer_id, "status": "sent", "product": "postcard_4x6", "stock": "cover_120lb",
        "mail_class": "first_class", "sheets_per_piece": 1, "pieces": 1, "sheets": 1, "reason": "due", "mail_by": now,
        "due_at": now, "frozen_at": now, "postage": {}, "imposition": {},
    }  # fmt: skip
    drop = {
        "id": "dr_1", "stem": "bt_1_r00", "batch_id": "bt_1", "printer_id": printer_id, "mode": "live", "revision": 0,
        "status": "sent", "pieces": 1, "sheets": 1, "due_at": now, "frozen_at": now, "files": [],
    }  # fmt: skip
    with api.db.write() as tx:
        tx.execute(tables.batches.insert().values(**batch))
        tx.execute(tables.drops.insert().values(**drop))
    refused = patch(api, "north", {"takes_by_renaming": True}, 409)
    assert (refused["code"], "bt_1_r00" in refused["detail"]) == ("drops_unspoken_of", True)
    assert get(api, "/north")["revision"] == 1
    with api.db.write() as tx:
        tx.execute(update(tables.drops).values(status="refused"))
    assert patch(api, "north", {"takes_by_renaming": True})["profile"]["takes_by_renaming"] is True


def test_a_profile_of_an_older_version_is_shown_with_its_faults(api: World) -> None:
    printer_id = add(api)["id"]
    with api.db.write() as tx:
        tx.execute(update(tables.printers).values(profile={**PROFILE, "old_field": 1}))
    shown = get(api, f"/{printer_id}")
    assert [(one["pointer"], one["code"]) for one in shown["faults"]] == [("/profile/old_field", "unknown_field")]
    assert (shown["hours"], shown["warnings"]) == (None, [])
    assert patch(api, "north", {"old_field": None})["faults"] == []


def test_a_merge_patch_is_as_rfc_7396_has_it() -> None:
    cases: list[tuple[Any, Any, Any]] = [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ]
    for before, change, after in cases:
        assert merged(before, change) == after
