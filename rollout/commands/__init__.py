"""The verbs of `manage.py rollout`: one module a group of them."""
