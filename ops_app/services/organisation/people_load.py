"""Many people at once: a preview that says what is wrong beside each row, then all of them or none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Conflict, DomainError, Invalid
from ops_app.domain.organisation.ceilings import check_grant
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.people_file import PersonLine, Problem, lines_of, problem_of, with_problem
from ops_app.domain.organisation.units import unit_id_of
from ops_app.services.act import act
from ops_app.services.organisation.hashing import hash_password, temporary_password
from ops_app.services.organisation.memberships import enter_membership
from ops_app.services.organisation.people import CreatedPerson, enter_person, new_person
from ops_app.services.organisation.second_person import check_alone
from ops_app.store.organisation import agencies, people, units
from ops_app.store.store import Store

__all__ = ["PersonLine", "Problem", "load_people", "preview_people"]


class LinesHaveProblems(Invalid):
    """Nothing was applied: some rows are wrong."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"Rows with problems: {count}. Nothing was applied; correct the file and upload it again.",
            f"有 {count} 行存在问题，未导入任何数据。请更正文件后重新上传。",
            field="file",
        )


@act("people.manage")
def preview_people(
    actor: Actor, store: Store, *, now: datetime, today: date, table: Sequence[Sequence[str]]
) -> tuple[PersonLine, ...]:
    """What loading ``table`` (first row: titles) would do, row by row with its problems; changes nothing.

    Raises ``Invalid`` when the table as a whole cannot be used.
    """
    lines = lines_of(table)
    with store.reading() as connection:
        return _checked(connection, actor, lines, today, now)


@act("people.manage")
def load_people(
    actor: Actor, store: Store, *, now: datetime, today: date, table: Sequence[Sequence[str]], key: str
) -> tuple[CreatedPerson, ...]:
    """Create everybody of ``table`` in one transaction, all or none; passwords are returned, and shown this once.

    Raises ``LinesHaveProblems`` if any row is wrong, ``Conflict`` when ``key`` was loaded already (its passwords are
    kept nowhere, so they cannot be given again).
    """
    lines = lines_of(table)
    with store.reading() as connection:
        _refuse_problems(_checked(connection, actor, lines, today, now))
    passwords = [temporary_password() for _ in lines]
    hashes = [hash_password(password) for password in passwords]
    with store.writing(actor, now) as transaction:
        claim = transaction.claim("people_load", key, content_hash([vars(line) for line in lines]))
        if not claim.is_new:
            raise Conflict(
                "This file was loaded already. Reset a password where it was lost.",
                "该文件已导入。如遗失密码，请单独重置。",
                field="file",
            )
        _refuse_problems(_checked(transaction.connection, actor, lines, today, now))
        made = []
        for line, password, hashed in zip(lines, passwords, hashes, strict=True):
            if line.role is None:
                raise LinesHaveProblems(1)
            person = new_person(now, line.sign_in_name, line.display_name, line.role, line.agency_code, line.language)
            enter_person(transaction, person, hashed)
            if line.unit_code:
                enter_membership(transaction, person, unit_id_of(line.unit_code), today)
            made.append(CreatedPerson(person, password))
        transaction.audit("people.loaded", "list", "people", after={"rows": len(made)})
        transaction.answer("people_load", key, {"rows": len(made)})
    return tuple(made)


def _refuse_problems(lines: Sequence[PersonLine]) -> None:
    wrong = sum(bool(line.problems) for line in lines)
    if wrong:
        raise LinesHaveProblems(wrong)


def _checked(
    connection: Connection, actor: Actor, lines: Sequence[PersonLine], today: date, now: datetime
) -> tuple[PersonLine, ...]:
    """Each row with what only the store knows: names taken, agencies and units that are not there, roles that this
    person does not give, or not alone."""
    known_agencies, there = agencies.codes(connection), units.tree(connection).on(today)
    return tuple(_one(connection, actor, line, known_agencies, there, now) for line in lines)


def _one(
    connection: Connection,
    actor: Actor,
    line: PersonLine,
    known_agencies: dict[str, str],
    there: Collection[str],
    now: datetime,
) -> PersonLine:
    if people.by_name(connection, line.sign_in_name) is not None:
        line = with_problem(line, Problem("sign_in_name", "This name is taken.", "该登录名已被使用。"))
    if line.agency_code and line.agency_code not in known_agencies:
        line = with_problem(line, Problem("agency_code", "There is no such agency.", "没有该机构。"))
    if line.unit_code and unit_id_of(line.unit_code) not in there:
        line = with_problem(line, Problem("unit_code", "There is no such unit.", "没有该组织。"))
    if line.role is not None:
        try:
            check_grant(actor, line.role, line.agency_code)
            check_alone(connection, actor, line.role, now)
        except DomainError as error:
            line = with_problem(line, problem_of(error, "role"))
    return line
