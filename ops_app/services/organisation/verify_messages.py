"""What must always hold of inbound messages. It reads; it changes nothing."""

from __future__ import annotations

from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.organisation.messages import MessageState
from ops_app.store.organisation import message_lists
from ops_app.store.store import Store

MESSAGES_INVARIANT = 2
MESSAGES_NAME = "messages received = done + duplicate + parked + dead + waiting"


def verify_messages(store: Store) -> Finding:
    """No message is dropped silently: the deliveries that every channel counted as they came are the messages by where
    they stand now, and the repetitions of them. Given up counts as dead."""
    with store.reading() as connection:
        found = message_lists.totals(connection)
    states = {state: found.by_state.get(state.value, 0) for state in MessageState}
    standing = sum(states.values())
    said = ", ".join(f"{state.value} {many}" for state, many in states.items())
    if found.received != standing + found.repeated:
        what = f"received {found.received}, but {said}, duplicate {found.repeated}"
        return broken(MESSAGES_INVARIANT, MESSAGES_NAME, found.received, what)
    if found.fresh != standing or found.deliveries != found.received:
        what = f"{found.fresh} new messages were counted and {standing} are there, delivered {found.deliveries} times"
        return broken(MESSAGES_INVARIANT, MESSAGES_NAME, found.received, what)
    return holds(MESSAGES_INVARIANT, MESSAGES_NAME, found.received, said if found.received else "")
