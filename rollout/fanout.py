"""A word to the other processes that flags changed, through Redis: a wish, never a need.

Without Redis, or when it fails, they find out by asking the database, which they do each second anyway.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger("mesocycle.rollout")

PATIENCE_SECONDS: Final = 0.5
AGAIN_SECONDS: Final = 5.0


class Fanout:
    """Messages on one channel; their text is the version that the sender knew, for whoever looks on."""

    def __init__(self, url: str, channel: str) -> None:
        self._url, self._channel = url, channel

    def announce(self, token: str) -> bool:
        """Tell that flags changed; return whether Redis took the message. Never raises, waits a second at most."""
        try:
            with self._client() as client:
                client.publish(self._channel, token)
        except (redis.RedisError, OSError, ValueError):
            logger.warning("flags_not_announced", extra={"channel": self._channel})
            return False
        return True

    def listen(self, wake: threading.Event) -> None:
        """Set `wake` at each message, from a thread of its own, as long as the process lives."""
        threading.Thread(target=self._listen, args=(wake,), name="flags-fanout", daemon=True).start()

    def _listen(self, wake: threading.Event) -> None:
        heard = True
        while True:
            try:
                with self._client() as client, client.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(self._channel)
                    heard = True
                    while True:
                        if channel.get_message(timeout=AGAIN_SECONDS):
                            wake.set()
            except Exception:
                if heard:  # said once, not every few seconds
                    logger.warning("flags_fanout_lost", extra={"channel": self._channel})
                heard = False
            threading.Event().wait(AGAIN_SECONDS)

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(
            self._url,
            socket_connect_timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            health_check_interval=int(AGAIN_SECONDS),
            retry=Retry(NoBackoff(), 0),
        )
