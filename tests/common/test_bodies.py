"""A serializer that is made once reads and shows as one that is made for each request."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework import serializers

from common.api import shown, validated

pytestmark = pytest.mark.pure


class Body(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=3)
    tags = serializers.DictField(child=serializers.CharField(), default=dict)


@pytest.mark.parametrize("body", [{"name": "a"}, {"name": "b", "tags": {"x": "y"}, "other": 1}])
def test_what_is_right_is_read_alike(body):
    fresh = Body(data=body)
    assert fresh.is_valid()
    assert validated(Body, body) == fresh.validated_data
    assert shown(Body, validated(Body, body)) == Body(fresh.validated_data).data


def test_a_default_of_one_request_is_not_the_next_ones():
    validated(Body, {"name": "a"})["tags"]["left"] = "behind"
    assert validated(Body, {"name": "a"})["tags"] == {}


@pytest.mark.parametrize("body", [None, [], "text", {}, {"name": "long"}, {"name": None, "tags": []}])
def test_what_is_wrong_is_refused_alike(body):
    with pytest.raises(serializers.ValidationError) as fresh:
        Body(data=body).is_valid(raise_exception=True)
    with pytest.raises(serializers.ValidationError) as shared:
        validated(Body, body)
    assert shared.value.detail == fresh.value.detail
