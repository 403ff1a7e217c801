"""Codes by the names that people know them by, and who may do what one may not."""

from __future__ import annotations

from collections.abc import Iterable

from ops_app.consoles.kit.context import Here
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.services.organisation.parameter_catalogue import catalogue


def region(at: Here, code: str) -> str:
    """A region by its name and code; a city by its province, whose code its own begins with. A code of another kind
    stands for itself."""
    known = catalogue().regions
    if code in known:
        return f"{at.labels.named(known, code)} {code}"
    province = f"{code[:2]}0000"
    return f"{at.labels.named(known, province)} {code}" if len(code) == 6 and province in known else code


def regions(at: Here, codes: Iterable[str]) -> str:
    """Several regions in one cell."""
    return at.labels.listing([region(at, code) for code in codes])


def product(at: Here, code: str) -> str:
    """A product by its name."""
    return at.labels.named(catalogue().products, code)


def rule(at: Here, code: str) -> str:
    """A rule of intake: for all loans, or by the lender and the product that its name is made of."""
    known = {**catalogue().products, **catalogue().lenders}
    if code == "all":
        return at.t("cases.rule_all")
    parts = [at.labels.named(known, part) for part in code.replace("/", " ").split()]
    return " · ".join(parts) if any(part in known for part in code.replace("/", " ").split()) else code


def system_reason(at: Here, said: str, made_by: str = "system") -> str:
    """Why something was done: what the program itself gives as a reason is said in the reader's language, what a person
    wrote stays as they wrote it."""
    if made_by != "system":
        return said
    code = said.replace(" ", "_")
    named = at.labels.code("system_reason", code)
    return said if named == code else named


def holders(at: Here, permission: str) -> str:
    """The roles that may do something, in words."""
    return roles(at, GRANTS.get(permission, frozenset()))


def roles(at: Here, wanted: Iterable[Role]) -> str:
    """Roles in words, in the order in which the house names them."""
    found = frozenset(wanted) - {Role.SYSTEM}
    return at.labels.listing([at.labels.role(role.value) for role in Role if role in found])


def who_may(at: Here, permission: str) -> str:
    """The sentence that stands where a button is missing: who may, and, where one's role could but it was taken away or
    narrowed, who gives it back."""
    if at.actor.role in GRANTS.get(permission, frozenset()):
        return at.t("who.withheld", roles=at.labels.role(Role.ADMINISTRATOR.value))
    return at.t("who.may", roles=holders(at, permission))
