"""The pages of a forgotten password are in the theme: fields that can be seen, errors beside them."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tests.factories import make_user

pytestmark = pytest.mark.django_db


def bordered(page: str, name: str) -> bool:
    """Return whether a field has the theme's border: without it nothing shows where to write."""
    field = re.search(rf'<input[^>]*name="{name}"[^>]*>', page)
    return field is not None and re.search(r'class="[^"]*\bborder\b', field.group()) is not None


def test_fields_of_the_password_pages_can_be_seen_and_errors_are_shown() -> None:
    assert bordered(Client().get("/password/reset/").content.decode(), "email")
    user, client = make_user("coach"), Client()
    link = f"/password/choose/{urlsafe_base64_encode(force_bytes(user.pk))}/{default_token_generator.make_token(user)}/"
    form = client.get(link, follow=True)
    assert bordered(form.content.decode(), "new_password1")
    two = {"new_password1": "a-long-and-new-password", "new_password2": "another-password"}
    refused = client.post(form.redirect_chain[-1][0], two).content.decode()
    assert "didn’t match" in refused
    assert bordered(refused, "new_password2")
    assert "link was invalid" in Client().get("/password/choose/MQ/set-password/").content.decode()
