"""The room of reviews."""

from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    """How it is kept true."""

    name = "reviews"
    verbose_name = "Reviews"
