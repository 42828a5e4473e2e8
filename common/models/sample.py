"""What a process used in a minute: memory, processor, how its caches did, and the machine's GPU where there is one."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models.base import BaseModel


class ProcessRole(models.TextChoices):
    WEB = "web", "Web"
    WORKER = "worker", "Worker"


class ProcessSample(BaseModel):
    """One look of a process at itself.

    cpu_percent: of one core, since the look before; 200 is two whole cores.
    caches_json: hits and misses since the look before, by cache: `{name: [hits, misses]}`.
    gpu_*: of the machine, by its workers alone; null where there is none.
    """

    at = models.DateTimeField()
    process = models.CharField(max_length=120, help_text="host:pid")
    role = models.CharField(max_length=8, choices=ProcessRole)
    memory_bytes = models.BigIntegerField()
    cpu_percent = models.FloatField()
    caches_json = models.JSONField(default=dict)
    gpu_percent = models.FloatField(null=True)
    gpu_memory_percent = models.FloatField(null=True)

    class Meta:
        db_table = "process_samples"
        indexes: ClassVar = [models.Index(fields=["at"], name="process_samples_by_time")]

    def __str__(self) -> str:
        return f"{self.process} {self.at:%H:%M}"
