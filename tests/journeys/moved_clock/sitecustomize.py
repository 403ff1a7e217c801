"""Found by every Python process whose path begins with this folder: its clock runs on, but from another moment.

``RECOUP_TEST_CLOCK_AHEAD`` says by how many seconds the clock differs from the machine's; child processes inherit it.
"""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["RECOUP_TEST_CLOCK_AHEAD"]), tick=True).start()
