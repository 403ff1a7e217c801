"""Found by every Python process whose path begins with this folder: its clock runs on, but from another moment.

``RECOUP_TEST_CLOCK_AHEAD`` says by how many seconds the clock differs from the machine's; child processes inherit it.
"""

import os
import time
from types import SimpleNamespace

import grpc._channel
import grpc._server
import time_machine

# a remote call says by which moment it is too late, and gRPC's core judges that by the machine's clock
_machine = SimpleNamespace(**vars(time) | {"time": time_machine.escape_hatch.time.time})
grpc._channel.time = grpc._server.time = grpc._channel.cygrpc.time = _machine

time_machine.travel(time.time() + float(os.environ["RECOUP_TEST_CLOCK_AHEAD"]), tick=True).start()
