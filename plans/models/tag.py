"""What a comment is about; rows are inserted, never changed, and deleted only when their athlete is erased."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel
from modeling.tagging.tags import LABELS


class TagSource(models.TextChoices):
    MODEL = "model", "Model"
    COACH = "coach", "Coach"


class PlanCommentTag(BaseModel):
    """One tag of a comment; the tags that were given at once are a set (`set_id`).

    Of several sets of a comment the coach's newest counts, else the model's newest (`plans.tags.tags_of`).
    """

    comment = models.ForeignKey("plans.PlanComment", on_delete=models.PROTECT, related_name="tags")
    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="+")
    set_id = models.UUIDField()
    tag = models.CharField(max_length=12, choices=list(LABELS.items()))
    probability = models.FloatField(null=True, help_text="The model's; none where the text was out of its reach.")
    source = models.CharField(max_length=5, choices=TagSource)
    model_version = models.CharField(max_length=40, blank=True)
    tagged_by_id = models.UUIDField()

    class Meta:
        db_table = "plan_comment_tags"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["set_id", "tag"], name="a_tag_once_a_set"),
            models.UniqueConstraint(
                fields=["comment", "tag", "model_version"],
                condition=models.Q(source="model"),
                name="a_tag_once_a_model",
            ),
            models.CheckConstraint(condition=models.Q(tag__in=list(LABELS)), name="comment_tag_known"),
            models.CheckConstraint(
                condition=models.Q(probability=None) | models.Q(probability__gte=0, probability__lte=1),
                name="comment_tag_probability",
            ),
            models.CheckConstraint(
                condition=(models.Q(source="model") & ~models.Q(model_version=""))
                | models.Q(source="coach", model_version="", probability=None),
                name="comment_tag_of_a_model_or_a_coach",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tag} of {self.comment_id}"
