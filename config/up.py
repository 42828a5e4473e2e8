"""`make up`: honcho with the time that the processes need to end, `python -m config.up start …`."""

from __future__ import annotations

import honcho.manager
from honcho.command import main

# honcho kills after 5 s. A web process answers what it has begun for 45 s (WEB_GRACEFUL_TIMEOUT); beat alone takes 5.
honcho.manager.KILL_WAIT = 60

if __name__ == "__main__":
    main()
