"""Print every fact of this machine, as the backend that runs this reads them for an install."""

import os

from selector_backend.model.facts import FACTS
from selector_backend.probes import read_machine

# The other two are of an environment, and of providers that a table names.
for fact in read_machine([*FACTS.keys() - {"installed", "property"}], os.environ).facts.values():
    print(f"  {fact.name}: {f'absent: {fact.reason}' if fact.value is None else fact.text}")
