"""What belongs to a case beside its state: tags, files, saved views; each house its own, each act audited."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ops_app.domain.casework.attachments import MEDIA, NoSuchAttachment, media_of, safe_name
from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.tags import NotTagged, Tag, TaggedAlready
from ops_app.domain.casework.views import NoSuchView, ViewChanged
from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways.attachment_files import attach_file, fetch_attached
from ops_app.services.casework.attaching import list_attachments, withdraw_attachment
from ops_app.services.casework.cases import CaseFilter, list_cases
from ops_app.services.casework.saved_views import list_views, remove_view, save_view
from ops_app.services.casework.tagging import list_tags, tag_case, untag_case
from ops_app.services.casework.viewing import case_audit, case_payments, case_person, changes_since, open_case
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import (
    AG1,
    AG2,
    NOW,
    SUPERVISOR,
    WHY,
    a_collector,
    placed,
    recalled,
    some_cases,
)

LATER = NOW + timedelta(hours=1)
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20 + b"IEND\xaeB`\x82"
MANAGER = Actor("p-man", "Mei", Role.MANAGER)


def audited(store: Store, action: str) -> list:
    with store.reading() as connection:
        return list(connection.execute(audit_log.select().where(audit_log.c.action == action)))


def test_each_house_has_its_own_tags_and_the_asset_company_sees_all(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    tag_case(SUPERVISOR, store, now=NOW, case_id=ids[0], tag="priority")
    tag_case(AG1, store, now=LATER, case_id=ids[0], tag="promising")
    assert [one.tag for one in list_tags(AG1, store, now=LATER, case_id=ids[0])] == [Tag.PROMISING]
    assert [one.tag for one in list_tags(SUPERVISOR, store, now=LATER, case_id=ids[0])] == [Tag.PRIORITY, Tag.PROMISING]
    with pytest.raises(TaggedAlready, match="Gao"):
        tag_case(AG1, store, now=LATER, case_id=ids[0], tag="promising")
    with pytest.raises(Invalid):
        tag_case(AG1, store, now=LATER, case_id=ids[0], tag="rich")
    for actor in (AG2, Actor("p-x", "X", Role.AGENCY_SUPERVISOR, "AG09")):
        with pytest.raises(NoSuchCase):
            tag_case(actor, store, now=LATER, case_id=ids[0], tag="promising")
    assert len(audited(store, "case.tagged")) == 2
    untag_case(AG1, store, now=LATER, case_id=ids[0], tag="promising")
    with pytest.raises(NotTagged):
        untag_case(AG1, store, now=LATER, case_id=ids[0], tag="promising")


def test_what_an_agency_tagged_ends_with_its_placement(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    tag_case(AG1, store, now=NOW, case_id=ids[0], tag="promising")
    recalled(store, ids[0], now=LATER)
    placed(store, "AG01", ids[0], now=LATER + timedelta(hours=1), due_at=LATER + timedelta(days=9))
    assert list_tags(AG1, store, now=LATER + timedelta(hours=2), case_id=ids[0]) == []


def test_a_list_is_narrowed_by_a_tag_of_ones_own_house(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0], ids[1])
    for number, one in enumerate(ids):
        tag_case(SUPERVISOR, store, now=NOW + timedelta(minutes=number), case_id=one, tag="priority")
    tag_case(AG1, store, now=LATER, case_id=ids[1], tag="priority")

    def listed(actor: Actor, **given) -> list[str]:
        found, after = [], None
        while True:
            page = list_cases(actor, store, now=LATER, wanted=CaseFilter(tag="priority"), limit=2, after=after, **given)
            found += [one.case_id for one in page.rows]
            after = page.next_after
            if after is None:
                assert page.total == len(found)
                return found

    assert listed(SUPERVISOR, sort="tagged_at") == ids[::-1]
    assert listed(SUPERVISOR, sort="tagged_at", descending=False) == ids
    assert listed(AG1, sort="tagged_at") == [ids[1]]


def test_a_file_is_read_by_those_who_have_the_case_and_by_nobody_after(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])

    def attach(actor: Actor, data: bytes, now=NOW, **other):
        return attach_file(actor, store, tmp_path, now=now, case_id=ids[0], name="a.pdf", data=data, **other)

    inside = attach(SUPERVISOR, PDF)
    contract = attach(SUPERVISOR, PDF + b"%%EOF", for_agency=True)
    theirs = attach(AG1, PDF + b"\n%%EOF", for_agency=True)
    assert theirs.for_agency is False
    listed = {one.attachment_id for one in list_attachments(AG1, store, now=LATER, case_id=ids[0])}
    assert listed == {contract.attachment_id, theirs.attachment_id}
    assert len(list_attachments(SUPERVISOR, store, now=LATER, case_id=ids[0])) == 3

    def fetch(actor: Actor, one, now=LATER) -> bytes:
        return fetch_attached(actor, store, tmp_path, now=now, case_id=ids[0], attachment_id=one.attachment_id)[1]

    assert fetch(AG1, contract) == PDF + b"%%EOF"
    recalled(store, ids[0], now=LATER)
    for actor, one in ((AG1, contract), (AG1, theirs), (AG1, inside), (AG2, contract)):
        with pytest.raises(NoSuchAttachment):
            fetch(actor, one)
    assert fetch(SUPERVISOR, theirs)
    assert [row.object_id for row in audited(store, "attachment.fetched")] == [
        contract.attachment_id, theirs.attachment_id,
    ]  # fmt: skip


def test_the_same_file_is_attached_once_and_a_withdrawn_one_is_offered_no_longer(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    given = {"now": NOW, "case_id": ids[0], "name": "letter.png", "data": PNG}
    one = attach_file(SUPERVISOR, store, tmp_path, **given)
    with pytest.raises(Conflict, match="attached the same file already"):
        attach_file(SUPERVISOR, store, tmp_path, **given)
    with pytest.raises(Refused):
        attach_file(MANAGER, store, tmp_path, **given)
    collector = a_collector(store, "mine")
    with pytest.raises(Refused):
        withdraw_attachment(collector, store, now=NOW, case_id=ids[0], attachment_id=one.attachment_id, reason=WHY)
    withdraw_attachment(SUPERVISOR, store, now=NOW, case_id=ids[0], attachment_id=one.attachment_id, reason=WHY)
    assert list_attachments(SUPERVISOR, store, now=NOW, case_id=ids[0]) == []
    kept = tmp_path / "attachments" / sha256(PNG).hexdigest()[:2] / sha256(PNG).hexdigest()
    assert kept.read_bytes() == PNG
    assert kept.stat().st_mode & 0o777 == 0o400


def test_bytes_that_are_not_those_that_were_attached_are_not_handed_over(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    one = attach_file(SUPERVISOR, store, tmp_path, now=NOW, case_id=ids[0], name="a.pdf", data=PDF)
    kept = tmp_path / "attachments" / one.sha256[:2] / one.sha256
    kept.chmod(0o600)
    kept.write_bytes(PDF + b"!")
    with pytest.raises(NoSuchAttachment):
        fetch_attached(SUPERVISOR, store, tmp_path, now=NOW, case_id=ids[0], attachment_id=one.attachment_id)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.pdf", b""),
        ("program.pdf", b"MZ\x90\x00"),
        ("page.txt", b"text\x00with a nul"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        ("letter.pdf.exe", PDF),
        ("wrong.png", PDF),
        ("acts.pdf", b"%PDF-1.4\n<< /OpenAction << /S /JavaScript >> >>\n%%EOF"),
        ("behind.png", PNG + b"PK\x03\x04"),
        ("macro.docx", b"PK\x03\x04" + b"\0" * 30),
        ("large.txt", b"a" * (10 * 2**20 + 1)),
    ],
)
def test_a_file_that_may_act_or_is_not_what_it_says_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        media_of(data, name)
    assert refusal.value.field == "file"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("..\\..\\etc/passwd.pdf", "passwd.pdf"),
        ("合同 2026.PDF", "合同 2026.pdf"),
        ("invoice\u202efdp.exe.pdf", "invoicefdp.exe.pdf"),
        (".pdf", "file.pdf"),
        ("=cmd|x.pdf", "cmd_x.pdf"),
        ("CON.pdf", "file.pdf"),
        ("a" * 300 + ".pdf", "a" * 110 + ".pdf"),
    ],
)
def test_a_name_is_given_out_safe(name: str, kept: str) -> None:
    assert safe_name(name, "application/pdf") == kept
    assert set(MEDIA) >= {media_of(PDF, "a.pdf"), media_of(PNG, "a.png"), media_of("字".encode(), "a.txt")}


def test_a_view_is_ones_own_until_it_is_shared_with_ones_house(store: Store, tmp_path: Path) -> None:
    some_cases(store, tmp_path)
    boss, other = a_collector(store, "boss", role=Role.SUPERVISOR), a_collector(store, "clerk", role=Role.ANALYST)
    theirs = a_collector(store, "them", "AG01", role=Role.AGENCY_SUPERVISOR)

    def seen(actor: Actor) -> list[str]:
        return [one.name for one in list_views(actor, store, now=NOW, page="cases")]

    one = save_view(boss, store, now=NOW, page="cases", name=" Old  ones ", filters={"a": "1", "b": ""})
    assert (one.name, one.filters) == ("Old ones", {"a": "1"})
    assert (seen(boss), seen(other), seen(theirs)) == (["Old ones"], [], [])
    again = save_view(boss, store, now=NOW, page="cases", name="Old ones", filters={"a": "2"}, shared=True)
    assert (again.view_id, again.version) == (one.view_id, 2)
    assert (seen(boss), seen(other), seen(theirs)) == (["Old ones"], ["Old ones"], [])
    with pytest.raises(Refused, match="supervisor"):
        save_view(other, store, now=NOW, page="cases", name="x", filters={}, shared=True)
    with pytest.raises(Invalid):
        save_view(other, store, now=NOW, page="cases", name=" ", filters={})
    with pytest.raises(NoSuchView):
        remove_view(other, store, now=NOW, view_id=one.view_id, version=2)
    with pytest.raises(ViewChanged):
        remove_view(boss, store, now=NOW, view_id=one.view_id, version=1)
    remove_view(boss, store, now=NOW, view_id=one.view_id, version=2)
    assert seen(boss) == []
    save_view(boss, store, now=NOW, page="cases", name="Old ones", filters={})


def test_nothing_of_a_record_is_read_out_of_reach(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    compliance = Actor("p-com", "Cao", Role.COMPLIANCE)
    for case_id in (ids[1], "0" * 32):
        for call in (
            lambda it: open_case(AG1, store, now=LATER, case_id=it),
            lambda it: list_tags(AG1, store, now=LATER, case_id=it),
            lambda it: list_attachments(AG1, store, now=LATER, case_id=it),
            lambda it: case_payments(AG1, store, now=LATER, case_id=it),
            lambda it: case_person(AG1, store, now=LATER, case_id=it, evidence=tmp_path),
            lambda it: changes_since(AG1, store, now=LATER, case_id=it, event_count=0),
        ):
            with pytest.raises(NoSuchCase):
                call(case_id)
    assert audited(store, "case.viewed") == []
    open_case(AG1, store, now=LATER, case_id=ids[0])
    person = case_person(AG1, store, now=LATER, case_id=ids[0], evidence=tmp_path)
    assert "王1" not in str(person)
    assert "0001" in str(person)
    assert case_payments(AG1, store, now=LATER, case_id=ids[0]) == []
    with pytest.raises(Refused):
        case_audit(AG1, store, now=LATER, case_id=ids[0])
    assert "case.viewed" in [row.action for row in case_audit(compliance, store, now=LATER, case_id=ids[0])]
