"""Cases as open work: nobody leaves who still has some."""

from __future__ import annotations

from ops_app.services.organisation.open_work import register_of_person
from ops_app.store.casework.periods import count_running_of

register_of_person("cases", count_running_of, ("cases", "案件"))
