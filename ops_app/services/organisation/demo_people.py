"""The people of the demo. They exist in demo mode only; their passwords are printed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.act import act
from ops_app.services.organisation.hashing import hash_password
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.organisation import people
from ops_app.store.store import Store

_PEOPLE: tuple[tuple[str, str, Role, str | None, str], ...] = (
    ("admin", "Lin Wei 林薇", Role.ADMINISTRATOR, None, "en"),
    ("manager", "Zhou Mingyuan 周明远", Role.MANAGER, None, "en"),
    ("supervisor", "Chen Jing 陈静", Role.SUPERVISOR, None, "en"),
    ("finance", "Huang Shufen 黄淑芬", Role.FINANCE, None, "en"),
    ("analyst", "Xu Zhiyuan 徐致远", Role.ANALYST, None, "en"),
    ("operator", "Sun Lei 孙磊", Role.OPERATOR, None, "en"),
    ("auditor", "Ma Guoqiang 马国强", Role.AUDITOR, None, "en"),
    ("compliance", "Guo Yan 郭燕", Role.COMPLIANCE, None, "zh"),
    ("collector", "Li Na 李娜", Role.COLLECTOR, None, "zh"),
    ("agency_admin", "Zhao Min 赵敏", Role.AGENCY_ADMINISTRATOR, "AG01", "zh"),
    ("agency_supervisor", "Wang Haitao 王海涛", Role.AGENCY_SUPERVISOR, "AG01", "zh"),
    ("agency_collector", "Zhang Yan 张燕", Role.COLLECTOR, "AG01", "zh"),
    ("agency_supervisor_2", "He Jianping 何建平", Role.AGENCY_SUPERVISOR, "AG02", "zh"),
    ("agency_collector_2", "Luo Xin 罗欣", Role.COLLECTOR, "AG02", "zh"),
)


@dataclass(frozen=True)
class DemoSignIn:
    """What a visitor of the demo types to be this person."""

    sign_in_name: str
    password: str
    display_name: str
    role: Role


def demo_password(sign_in_name: str) -> str:
    """The demo's passwords follow one pattern, so that they can be said aloud."""
    return f"recoup-demo-{sign_in_name.replace('_', '-')}"


@act("system.run")
def create_demo_people(actor: Actor, store: Store, *, now: datetime, demo: bool) -> list[DemoSignIn]:
    """Create those demo people who are not there yet; returns all their sign-ins.

    Raises ``Refused`` unless ``demo`` is given as true: known passwords never enter an installation by accident.
    """
    if not demo:
        raise Refused("Demo people exist in demo mode only.", "演示账号仅在演示模式下创建。")
    with store.reading() as connection:
        missing = [entry for entry in _PEOPLE if people.by_name(connection, entry[0]) is None]
    made = [
        (replace(new_person(now, *entry), must_change_password=False), hash_password(demo_password(entry[0])))
        for entry in missing
    ]
    if made:
        with store.writing(actor, now) as transaction:
            for person, hashed in made:
                enter_person(transaction, person, hashed)
    return [DemoSignIn(name, demo_password(name), shown, role) for name, shown, role, _, _ in _PEOPLE]
