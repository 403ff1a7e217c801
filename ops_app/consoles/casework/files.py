"""Files of a case: attached with a note, fetched by a link that is looked up each time, withdrawn with a reason."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.consoles.kit.shell import link
from ops_app.domain.casework.attachments import EXTENSIONS, LARGEST_BYTES
from ops_app.gateways.attachment_files import attach_file
from ops_app.services.casework.attaching import Attachment, list_attachments, withdraw_attachment
from ops_app.services.casework.cases import CaseRecord

_MEGABYTE = 2**20


def files(at: Here, record: CaseRecord) -> None:
    """The files that this person may read, then what may be done."""
    case_id = record.case.case_id
    found = list_attachments(at.actor, at.app.store, now=at.now, case_id=case_id)
    if not found:
        st.info(at.t("cases.no_files" if at.may("cases.attach") else "cases.no_files_here"))
    for one in found:
        with st.container(border=True):
            st.html(link(f"/api/v1/cases/{case_id}/files/{one.attachment_id}", one.file_name))
            facts(_facts(at, one))
    if at.may("cases.attach"):
        with st.expander(at.t("cases.attach"), expanded=not found):
            _attach(at, case_id)
    own = [one for one in found if one.house == (at.actor.agency_code or "")]
    if own and at.may("cases.withdraw"):
        with st.expander(at.t("cases.withdraw_file")):
            _withdraw(at, case_id, own)


def _facts(at: Here, one: Attachment) -> dict[str, str]:
    t = at.t
    said = {
        t("cases.file_size"): t("cases.kilobytes", count=at.labels.count(-(-one.size_bytes // 1024))),
        t("cases.file_added"): f"{one.added_by_name} · {at.labels.moment(one.added_at)}",
        t("cases.file_hash"): one.sha256[:16],
    }
    if one.note:
        said[t("cases.file_note")] = one.note
    if at.actor.agency_code is None:
        said[t("cases.file_readers")] = t("cases.file_agency" if one.for_agency or one.house else "cases.file_house")
    return said


def _attach(at: Here, case_id: str) -> None:
    t = at.t
    with form(at, f"attach_{case_id}") as f:
        brought = f.upload("file", t("cases.file"), endings=EXTENSIONS, most_mb=LARGEST_BYTES // _MEGABYTE)
        note = f.text("note", t("cases.file_note"), max_chars=500)
        for_agency = at.actor.agency_code is None and f.tick("for_agency", t("cases.file_for_agency"))
        f.submit(t("cases.attach"))
    f.require({"file": brought})
    name, data = brought or ("", b"")
    f.run(
        lambda _key: attach_file(
            at.actor, at.app.store, at.app.settings.evidence, now=at.now, case_id=case_id, name=name, data=data,
            note=note, for_agency=for_agency,
        ),
        done=lambda one: t("cases.file_kept", name=one.file_name),
    )  # fmt: skip


def _withdraw(at: Here, case_id: str, own: list[Attachment]) -> None:
    t = at.t
    by_id = {one.attachment_id: one for one in own}
    with form(at, f"withdraw_{case_id}") as f:
        chosen = f.choice("file", t("cases.file"), list(by_id), lambda it: by_id[it].file_name, index=None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("cases.withdraw_file"))
    f.require({"file": chosen})
    f.run(
        lambda _key: withdraw_attachment(
            at.actor, at.app.store, now=at.now, case_id=case_id, attachment_id=str(chosen), reason=reason
        ),
        done=t("cases.file_withdrawn"),
    )
