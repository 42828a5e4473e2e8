"""Every address of the product, and one that only a benchmark serves: the least that an authenticated POST can be."""

from __future__ import annotations

from typing import ClassVar

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import UnitOfWorkAPIMixin
from config.urls import urlpatterns as of_the_product


class TrivialView(UnitOfWorkAPIMixin):
    """Authenticates, opens a unit of work that may write, asks the permission class, and answers 204."""

    verbs: ClassVar = {"POST": None}

    def post(self, request: Request) -> Response:
        return Response(status=204)


urlpatterns = [path("api/v1/trivial", TrivialView.as_view()), *of_the_product]
