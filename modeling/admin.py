from modeling.pages import views  # noqa: F401  (registers the pages)
